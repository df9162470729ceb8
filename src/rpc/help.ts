/** @module Help texts, made from the method table alone. The layout is Bitcoin Core's: explorers parse it. */

import type { MethodSignature, ResultDeclaration, RpcParam } from './define-method.ts'
import { encodeJson, type JsonValue } from './json-text.ts'
import {
  type JsonSchema,
  type JsonTypeName,
  jsonTypeOf,
  schemaTypes,
  toJsonSchema,
} from './json-types.ts'

/** The port that examples show. */
const EXAMPLE_PORT = 18443
/** Results are drawn to this depth; what is deeper is shown as `...`. */
const MAX_DRAWN_DEPTH = 8

const HELP_TYPE: Readonly<Record<JsonTypeName, string>> = {
  null: 'null',
  bool: 'boolean',
  object: 'json object',
  array: 'json array',
  string: 'string',
  number: 'numeric',
}

const DRAWN_VALUE: Readonly<Record<JsonTypeName, string>> = {
  null: 'null',
  bool: 'true|false',
  object: '{...}',
  array: '[...]',
  string: '"str"',
  number: 'n',
}

function describeTypes(types: readonly JsonTypeName[]): string {
  return types.length === 0 ? 'any' : types.map((type) => HELP_TYPE[type]).join(' or ')
}

/** A line of a drawing, and the remark that stands beside it. */
interface DrawnLine {
  readonly text: string
  readonly remark: string
}

/** Sets remarks under each other. */
function alignRemarks(lines: readonly DrawnLine[]): string {
  const width = Math.max(...lines.map(({ text }) => text.length))
  return lines
    .map(({ text, remark }) => (remark === '' ? text : `${text.padEnd(width)}    ${remark}`))
    .join('\n')
}

/** Brackets a composite's inner lines, which are one level further in. */
function enclose(
  brackets: readonly [string, string],
  prefix: string,
  remark: string,
  inner: readonly DrawnLine[],
): DrawnLine[] {
  return [
    { text: `${prefix}${brackets[0]}`, remark },
    ...inner.map((line) => ({ text: `  ${line.text}`, remark: line.remark })),
    { text: brackets[1], remark: '' },
  ]
}

/** Draws a schema as JSON with remarks, as Core's help pages do. */
function drawSchema(
  schema: JsonSchema,
  prefix: string,
  isOptional: boolean,
  depth: number,
): DrawnLine[] {
  const types = schemaTypes(schema)
  const optional = isOptional ? ', optional' : ''
  const description = schema.description === undefined ? '' : ` ${schema.description}`
  const remark = `(${describeTypes(types)}${optional})${description}`
  const inner = (child: JsonSchema, childPrefix: string, isChildOptional: boolean): DrawnLine[] =>
    drawSchema(child, childPrefix, isChildOptional, depth + 1)
  if (depth < MAX_DRAWN_DEPTH && schema.properties !== undefined) {
    const required = new Set(schema.required)
    const members = Object.entries(schema.properties).flatMap(([key, member]) =>
      inner(member, `"${key}" : `, !required.has(key)),
    )
    return enclose(['{', '}'], prefix, remark, members)
  }
  if (depth < MAX_DRAWN_DEPTH && typeof schema.additionalProperties === 'object') {
    const members = inner(schema.additionalProperties, '"key" : ', false)
    return enclose(['{', '}'], prefix, remark, [...members, { text: '...', remark: '' }])
  }
  const items = schema.prefixItems ?? (typeof schema.items === 'object' ? [schema.items] : [])
  if (depth < MAX_DRAWN_DEPTH && items.length > 0) {
    const members = items.flatMap((item) => inner(item, '', false))
    const more = schema.prefixItems === undefined ? [{ text: '...', remark: '' }] : []
    return enclose(['[', ']'], prefix, remark, [...members, ...more])
  }
  const [only] = types
  const text = types.length === 1 && only !== undefined ? DRAWN_VALUE[only] : '...'
  return [{ text: `${prefix}${text}`, remark }]
}

/** A parameter as the usage line shows it: strings in quotes. */
function usageOf(param: RpcParam): string {
  const types = schemaTypes(toJsonSchema(param.schema, 'input'))
  return types.length === 1 && types[0] === 'string' ? `"${param.name}"` : param.name
}

/**
 * The one-line usage, such as `getblock "blockhash" ( verbosity )`.
 *
 * @see Bitcoin Core `RPCHelpMan::ToString`
 */
export function formatUsage(method: MethodSignature): string {
  let usage = method.name
  let isInOptional = false
  for (const param of method.params) {
    if (param.isOptional !== isInOptional) usage += param.isOptional ? ' (' : ' )'
    isInOptional = param.isOptional
    usage += ` ${usageOf(param)}`
  }
  return isInOptional ? `${usage} )` : usage
}

function describeParam(param: RpcParam, index: number): DrawnLine {
  const schema = toJsonSchema(param.schema, 'input')
  const fallback =
    schema.default === undefined ? '' : `, default=${encodeJson(schema.default as JsonValue)}`
  const need = param.isOptional ? `optional${fallback}` : 'required'
  const choices = schema.enum === undefined ? '' : ` One of ${schema.enum.map(String).join(', ')}.`
  return {
    text: `${index + 1}. ${param.name}`,
    remark: `(${describeTypes(schemaTypes(schema))}, ${need}) ${param.description}${choices}`,
  }
}

function describeResult({ condition, schema, description }: ResultDeclaration): string {
  const shape = toJsonSchema(schema, 'output')
  const described = description === undefined ? shape : { ...shape, description }
  const heading = condition === undefined ? 'Result:' : `Result (${condition}):`
  return `\n${heading}\n${alignRemarks(drawSchema(described, '', false, 0))}\n`
}

/** Quotes an argument for a POSIX shell where it needs that. */
function quoteForShell(value: JsonValue): string {
  const text = jsonTypeOf(value) === 'string' ? String(value) : encodeJson(value)
  return /^[\w.,:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function formatExample(method: string, args: readonly JsonValue[]): string {
  const body = encodeJson({ jsonrpc: '2.0', id: 'curltest', method, params: args })
  return [
    `> ${['quarry', 'rpc', method, ...args.map(quoteForShell)].join(' ')}`,
    `> curl --user __cookie__ --data-binary '${body.replaceAll("'", `'\\''`)}' -H 'content-type: application/json' http://127.0.0.1:${EXAMPLE_PORT}/`,
  ].join('\n')
}

/** The full help of one method: usage, summary, arguments, results, examples. */
export function formatMethodHelp(method: MethodSignature): string {
  const parts = [`${formatUsage(method)}\n\n${method.summary}\n`]
  if (method.params.length > 0) {
    parts.push(`\nArguments:\n${alignRemarks(method.params.map(describeParam))}\n`)
  }
  parts.push(...method.results.map(describeResult))
  if (method.examples.length > 0) {
    const examples = method.examples.map((args) => formatExample(method.name, args))
    parts.push(`\nExamples:\n${examples.join('\n')}\n`)
  }
  return parts.join('')
}

/** The list of all methods, grouped under `== Category ==`; hidden ones are left out. */
export function formatHelpList(methods: Iterable<MethodSignature>): string {
  const usagesByTitle = new Map<string, string[]>()
  for (const method of methods) {
    if (method.category === 'hidden') continue
    const title = method.category.charAt(0).toUpperCase() + method.category.slice(1)
    const usages = usagesByTitle.get(title) ?? []
    usages.push(formatUsage(method))
    usagesByTitle.set(title, usages)
  }
  return [...usagesByTitle]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, usages]) => `== ${title} ==\n${usages.sort().join('\n')}`)
    .join('\n\n')
}
