/** @module A reader of JSON that loses nothing: digits of numbers, equal keys and their order. */

import { type ExactJson, fitsObject, JsonMembers, JsonNumber } from './exact-json.ts'
import { MAX_JSON_DEPTH, skipString } from './json-text.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const WORD = /null|true|false/y
/** Texts that stand for themselves; others go through the runtime's reader. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
/** Short texts are cut out: no engine keeps the whole request for their sake, as it does for longer ones. */
const MAX_CUT_LENGTH = 12
/** Integers of so many digits are exact. */
const MAX_SMALL_DIGITS = 15

const [QUOTE, COMMA, COLON] = [0x22, 0x2c, 0x3a]
const [ZERO, NINE, MINUS, POINT, LARGE_E, SMALL_E] = [0x30, 0x39, 0x2d, 0x2e, 0x45, 0x65]
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d]

type Entry = readonly [string, ExactJson]

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  readAll(): ExactJson {
    const value = this.#readValue(0)
    this.#peek()
    if (this.#at < this.#text.length) throw new SyntaxError('text after the value')
    return value
  }

  /** The next character but white space; it stays to be read. */
  #peek(): number {
    const unit = this.#text.charCodeAt(this.#at)
    if (unit > 0x20) return unit
    SPACE.lastIndex = this.#at
    SPACE.test(this.#text)
    this.#at = SPACE.lastIndex
    return this.#text.charCodeAt(this.#at)
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) throw new SyntaxError('no value')
    const text = this.#text.slice(this.#at, pattern.lastIndex)
    this.#at = pattern.lastIndex
    return text
  }

  #readValue(depth: number): ExactJson {
    const unit = this.#peek()
    if (unit === QUOTE) return this.#readString()
    if (unit === OPEN_BRACE) return this.#readObject(depth + 1)
    if (unit === OPEN_BRACKET) return this.#readArray(depth + 1)
    if (unit < OPEN_BRACKET) return this.#readNumber(unit)
    const word = this.#match(WORD)
    return word === 'null' ? null : word === 'true'
  }

  #readNumber(first: number): number | JsonNumber {
    const small = this.#readSmallInteger(first)
    if (small !== undefined) return small
    const text = this.#match(NUMBER)
    const double = Number(text)
    return String(double) === text ? double : new JsonNumber(text)
  }

  /** Most numbers are such, and read at once; undefined, with nothing read, for others. */
  #readSmallInteger(first: number): number | undefined {
    if (!isDigit(first)) return undefined
    let value = first - ZERO
    let end = this.#at + 1
    let unit = this.#text.charCodeAt(end)
    while (value > 0 && isDigit(unit) && end - this.#at < MAX_SMALL_DIGITS) {
      value = value * 10 + unit - ZERO
      end += 1
      unit = this.#text.charCodeAt(end)
    }
    if (unit !== COMMA && unit !== CLOSE_BRACKET && unit !== CLOSE_BRACE) return undefined
    this.#at = end
    return value
  }

  #readString(): string {
    const start = this.#at
    const end = skipString(this.#text, start)
    this.#at = end
    if (end - start - 2 <= MAX_CUT_LENGTH && end - start >= 2) {
      const inner = this.#text.slice(start + 1, end - 1)
      if (PLAIN.test(inner) && this.#text.charCodeAt(end - 1) === QUOTE) return inner
    }
    return JSON.parse(this.#text.slice(start, end)) as string
  }

  /** Steps into an array or object. @returns Whether it has something inside. */
  #open(depth: number, end: number): boolean {
    if (depth > MAX_JSON_DEPTH) {
      throw new RpcError(
        RPC_CODES.INVALID_REQUEST,
        `JSON is nested deeper than ${MAX_JSON_DEPTH} levels`,
      )
    }
    this.#at += 1
    if (this.#peek() !== end) return true
    this.#at += 1
    return false
  }

  /** Steps behind what follows an item. @returns Whether another one comes. */
  #next(end: number): boolean {
    const unit = this.#peek()
    if (unit !== COMMA && unit !== end) throw new SyntaxError('no end')
    this.#at += 1
    return unit === COMMA
  }

  #readArray(depth: number): readonly ExactJson[] {
    const items: ExactJson[] = []
    if (!this.#open(depth, CLOSE_BRACKET)) return items
    do items.push(this.#readValue(depth))
    while (this.#next(CLOSE_BRACKET))
    return items
  }

  #readObject(depth: number): ExactJson {
    const object: Record<string, ExactJson> = {}
    let entries: Entry[] | undefined
    if (!this.#open(depth, CLOSE_BRACE)) return object
    do {
      if (this.#peek() !== QUOTE) throw new SyntaxError('no key')
      const key = this.#readString()
      if (this.#peek() !== COLON) throw new SyntaxError('no colon')
      this.#at += 1
      const value = this.#readValue(depth)
      if (entries === undefined && !fitsObject(object, key)) entries = Object.entries(object)
      if (entries === undefined) object[key] = value
      else entries.push([key, value])
    } while (this.#next(CLOSE_BRACE))
    return entries === undefined ? object : new JsonMembers(entries)
  }
}

/**
 * Counts the members of all objects in a JSON text: the colons outside its strings.
 *
 * @returns Undefined where the runtime's reader may lose something or has no limit: for numbers with a point, an exponent,
 * more than {@link MAX_SMALL_DIGITS} digits or a minus before a zero, and for nesting beyond {@link MAX_JSON_DEPTH}.
 */
function countWrittenMembers(text: string): number | undefined {
  let [count, depth, digitCount] = [0, 0, 0]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const isExponent = unit === SMALL_E && digitCount > 0
    digitCount = isDigit(unit) ? digitCount + 1 : 0
    if (unit === QUOTE) i = skipString(text, i) - 1
    else if (unit === COLON) count += 1
    else if (unit === OPEN_BRACKET || unit === OPEN_BRACE) depth += 1
    else if (unit === CLOSE_BRACKET || unit === CLOSE_BRACE) depth -= 1
    else if (unit === POINT || unit === LARGE_E || isExponent) return undefined
    else if (unit === MINUS && text.charCodeAt(i + 1) === ZERO) return undefined
    if (depth > MAX_JSON_DEPTH || digitCount > MAX_SMALL_DIGITS) return undefined
  }
  return count
}

/** Counts the members of all objects in a value. Not a number if a plain object may not keep one of them in its place. */
function countKeptMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) count += countKeptMembers(item)
    return count
  }
  for (const [key, item] of Object.entries(value)) {
    if (isDigit(key.charCodeAt(0)) || key === '__proto__') return Number.NaN
    count += 1 + countKeptMembers(item)
  }
  return count
}

/**
 * Reads with the runtime's reader, which is faster.
 *
 * @returns Undefined if that may lose something, such as one of two members with equal keys.
 */
function readFast(text: string): ExactJson | undefined {
  const writtenCount = countWrittenMembers(text)
  if (writtenCount === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return countKeptMembers(value) === writtenCount ? (value as ExactJson) : undefined
  } catch {
    return undefined
  }
}

/**
 * Reads JSON from outside as it was sent.
 *
 * @throws {@link RpcError} -32700 if it is no JSON; -32600 if it is nested deeper than
 * {@link MAX_JSON_DEPTH}.
 */
export function readExactJson(text: string): ExactJson {
  try {
    return readFast(text) ?? new JsonReader(text).readAll()
  } catch (error) {
    if (error instanceof RpcError) throw error
    throw new RpcError(RPC_CODES.PARSE_ERROR, 'Parse error', { cause: error })
  }
}
