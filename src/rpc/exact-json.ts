/**
 * JSON that JavaScript's own values cannot hold: numbers whose text a double loses, and objects with equal
 * keys or keys that JavaScript would put in another order. Whatever else is read stays a plain value.
 *
 * @module
 */

/** A number whose text differs from what JavaScript writes for its double, such as `1.0`, `1e400` or 2^53 + 1. */
export class JsonNumber {
  readonly text: string

  /** @param text - A JSON number. */
  constructor(text: string) {
    this.text = text
  }

  /** The number as it was sent. */
  toString(): string {
    return this.text
  }
}

/** The members of an object with equal keys, with `__proto__`, or with a key that begins with a digit. */
export class JsonMembers {
  /** As they were sent. */
  readonly entries: readonly (readonly [string, ExactJson])[]

  constructor(entries: readonly (readonly [string, ExactJson])[]) {
    this.entries = entries
  }

  /** The members as an object. Of equal keys the first counts. @see Bitcoin Core `UniValue::find_value` */
  toObject(): { readonly [key: string]: ExactJson } {
    const first = new Map<string, ExactJson>()
    for (const [key, value] of this.entries) if (!first.has(key)) first.set(key, value)
    return Object.fromEntries(first)
  }
}

/** JSON as it was sent. */
export type ExactJson =
  | null
  | boolean
  | number
  | string
  | JsonNumber
  | JsonMembers
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson }

/** An object as it was sent. */
export type ExactObject = JsonMembers | { readonly [key: string]: ExactJson }

/**
 * Whether an object can have a key beside those that it has, behind them: JavaScript moves integers to the front,
 * and those begin with a digit.
 */
export function fitsObject(object: { readonly [key: string]: ExactJson }, key: string): boolean {
  const first = key.charCodeAt(0)
  if (first >= 0x30 && first <= 0x39) return false
  // Nothing inherited counts, but that is asked only where there is something.
  return object[key] === undefined || (key !== '__proto__' && !Object.hasOwn(object, key))
}

/** An object of members: a plain one if that keeps all of them in their order. */
export function createExactObject(entries: readonly (readonly [string, ExactJson])[]): ExactObject {
  const object: Record<string, ExactJson> = {}
  for (const [key, value] of entries) {
    if (!fitsObject(object, key)) return new JsonMembers(entries)
    object[key] = value
  }
  return object
}

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is ExactObject {
  const isObject = typeof value === 'object' && value !== null
  return isObject && !Array.isArray(value) && !(value instanceof JsonNumber)
}

/** The members of an object, in the order in which they were sent. */
export function membersOf(object: ExactObject): readonly (readonly [string, ExactJson])[] {
  return object instanceof JsonMembers ? object.entries : Object.entries(object)
}

/** Whether JavaScript's own values hold all of it. */
export function isPlainJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (value instanceof JsonNumber || value instanceof JsonMembers) return false
  return Object.values(value).every(isPlainJson)
}

/** The value as JavaScript has it: numbers as doubles, of equal keys the first. */
export function toPlainJson(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.text)
  if (Array.isArray(value)) return value.map(toPlainJson)
  if (!isJsonObject(value)) return value
  const object = value instanceof JsonMembers ? value.toObject() : value
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, toPlainJson(item)]))
}
