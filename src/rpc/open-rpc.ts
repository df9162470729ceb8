/** @module The table of methods as an OpenRPC document, for tools that make clients and forms of it. */

import * as z from 'zod'
import type { MethodSignature, ResultDeclaration } from './define-method.ts'
import type { JsonValue } from './json-text.ts'

/** The newest version of the specification that its own schema knows. @see https://spec.open-rpc.org */
const OPENRPC_VERSION = '1.3.2'

/** A JSON Schema, as a part of the document. */
function toSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  // What JSON Schema cannot say, such as a check by a function, is left to the description.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    // The draft that the specification names.
    target: 'draft-7',
  })
  return rest
}

function describeResult(results: readonly ResultDeclaration[]): Record<string, unknown> {
  const [only] = results
  if (only !== undefined && results.length === 1) {
    const { schema, description } = only
    return {
      name: 'result',
      ...(description && { description }),
      schema: toSchema(schema, 'output'),
    }
  }
  const forms = results.map(({ schema, condition }) => ({
    ...(condition && { title: condition }),
    ...toSchema(schema, 'output'),
  }))
  return { name: 'result', schema: { anyOf: forms } }
}

function describeMethod({ name, category, summary, params, results, examples }: MethodSignature) {
  return {
    name,
    summary,
    tags: [{ name: category }],
    paramStructure: 'either',
    params: params.map((param) => ({
      name: param.name,
      description: param.description,
      required: !param.isOptional,
      schema: toSchema(param.schema, 'input'),
    })),
    result: describeResult(results),
    ...(examples.length > 0 && {
      examples: examples.map((values, index) => ({
        name: `${name} ${index + 1}`,
        params: values.map((value, i) => ({ name: params[i]?.name ?? `${i}`, value })),
      })),
    }),
  }
}

/**
 * Describes methods for machines. Hidden ones are left out, as `help` leaves them out.
 *
 * @param version - Of the program.
 */
export function createOpenRpcDocument(
  methods: Iterable<MethodSignature>,
  version: string,
): JsonValue {
  const document = {
    openrpc: OPENRPC_VERSION,
    info: { title: 'Quarry JSON-RPC', version, license: { name: 'MIT' } },
    methods: [...methods].filter(({ category }) => category !== 'hidden').map(describeMethod),
  }
  // Schemas of zod carry a hidden property, which is no JSON.
  return JSON.parse(JSON.stringify(document)) as JsonValue
}
