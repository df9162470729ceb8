/** @module The six types of JSON, as Bitcoin Core's messages name them, and which of them a schema takes. */

import * as z from 'zod'
import { JsonNumber } from './exact-json.ts'

/** A type's name in error messages. @see Bitcoin Core `uvTypeName` */
export type JsonTypeName = 'null' | 'bool' | 'object' | 'array' | 'string' | 'number'

/** The parts of a JSON Schema document that are read here. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema | boolean
  readonly prefixItems?: readonly JsonSchema[]
  readonly additionalProperties?: JsonSchema | boolean
}

const NAME_BY_SCHEMA_TYPE: Readonly<Record<string, JsonTypeName>> = {
  null: 'null',
  boolean: 'bool',
  object: 'object',
  array: 'array',
  string: 'string',
  number: 'number',
  integer: 'number',
}

/** Names the type of a JSON value; `undefined` counts as null. */
export function jsonTypeOf(value: unknown): JsonTypeName {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof JsonNumber) return 'number'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'string':
      return 'string'
    case 'number':
      return 'number'
    default:
      return 'object'
  }
}

/** Describes a schema as JSON Schema; `input` is what callers send, `output` what they get. */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema
}

/** The JSON types that a JSON Schema allows, in its order; none stands for any. */
export function schemaTypes(schema: JsonSchema): readonly JsonTypeName[] {
  const own = schema.type === undefined ? [] : [schema.type].flat()
  const names = own.map((type) => NAME_BY_SCHEMA_TYPE[type] ?? 'object')
  const alternatives = schema.anyOf?.map(schemaTypes) ?? []
  // One alternative that takes anything makes the whole take anything.
  if (alternatives.some((types) => types.length === 0)) return []
  return [...new Set([...names, ...alternatives.flat()])]
}
