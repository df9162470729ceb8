/** @module From JSON as it was sent to the values that a parameter's schema looks at. */

import * as z from 'zod'
import { isJsonObject, isPlainJson, JsonMembers, JsonNumber, toPlainJson } from './exact-json.ts'

const INTEGER = /^-?\d+$/
/** Stands for a number that is not written as an integer where one is due: every schema of integers refuses it. */
const NO_INTEGER = 0.5

/** Bitcoin Core takes `1.0` for no integer. @see Bitcoin Core `UniValue::getInt` */
function fitNumber(schema: z.ZodNumber, { text }: JsonNumber): number {
  return schema.isInt && !INTEGER.test(text) ? NO_INTEGER : Number(text)
}

function fitObject(schema: z.ZodObject, value: unknown): unknown {
  if (!isJsonObject(value)) return toPlainJson(value)
  const object = value instanceof JsonMembers ? value.toObject() : value
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape
  const entries = Object.entries(object).map(([key, item]) => {
    const inner = Object.hasOwn(shape, key) ? shape[key] : undefined
    return [key, inner === undefined ? toPlainJson(item) : fitTo(inner, item)] as const
  })
  return Object.fromEntries(entries)
}

function fitUnion(options: readonly z.core.$ZodType[], value: unknown): unknown {
  const fitted = options.map((option) => fitTo(option, value))
  const taken = options.findIndex((option, i) => z.safeParse(option, fitted[i]).success)
  return fitted[Math.max(taken, 0)]
}

function fitTo(schema: z.core.$ZodType, value: unknown): unknown {
  // Schemas of our own read what was sent themselves.
  if (schema instanceof z.ZodCustom || isPlainJson(value)) return value
  if (schema instanceof z.ZodNumber && value instanceof JsonNumber) return fitNumber(schema, value)
  if (schema instanceof z.ZodObject) return fitObject(schema, value)
  if (schema instanceof z.ZodUnion) return fitUnion(schema.options, value)
  if (schema instanceof z.ZodPipe) return fitTo(schema.in, value)
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item) => fitTo(schema.element, item))
  }
  if (schema instanceof z.ZodTuple && Array.isArray(value)) {
    return value.map((item, i) => {
      const inner = schema.def.items[i]
      return inner === undefined ? toPlainJson(item) : fitTo(inner, item)
    })
  }
  const isWrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  return isWrapped ? fitTo(schema.unwrap(), value) : toPlainJson(value)
}

/**
 * Brings an argument into the form that its schema checks. Schemas made by `z.custom` get it as it was sent;
 * all others get plain values, with the first of equal keys.
 */
export function fitArgument(schema: z.ZodType, value: unknown): unknown {
  return fitTo(schema, value)
}
