/**
 * JSON in and out of RPC. `JSON.stringify` would write amounts as floats, hence a writer of our own;
 * the reader is the runtime's, behind a limit on nesting. Requests are read by `read-json`, which loses nothing.
 *
 * @module
 */

import { InvariantError } from '../util/index.ts'
import { BtcAmount } from './btc-amount.ts'
import { JsonMembers, JsonNumber } from './exact-json.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** Plain JSON, as a caller sends it. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** A value that is JSON already: large parts of results are written once and used often. */
export class JsonText {
  #text: string | undefined
  #bytes: Uint8Array | undefined

  /** @param json - Valid JSON; bytes are in UTF-8, and kept. */
  constructor(json: string | Uint8Array) {
    if (typeof json === 'string') this.#text = json
    else this.#bytes = json
  }

  get text(): string {
    this.#text ??= new TextDecoder().decode(this.#bytes)
    return this.#text
  }

  /** The text in UTF-8, made once: do not change it. */
  get bytes(): Uint8Array {
    this.#bytes ??= new TextEncoder().encode(this.#text)
    return this.#bytes
  }

  /** About as long as it is: characters or bytes, whichever is there. */
  get length(): number {
    return this.#text?.length ?? this.bytes.length
  }

  toString(): string {
    return this.text
  }
}

/** What a method may return: JSON, with exact amounts and whole numbers of any size. */
export type RpcValue =
  | null
  | boolean
  | number
  | string
  | bigint
  | BtcAmount
  | JsonText
  | JsonNumber
  | JsonMembers
  | readonly RpcValue[]
  | { readonly [key: string]: RpcValue | undefined }

/** Arrays and objects may be nested so deep, in requests and results. @see Bitcoin Core `MAX_JSON_DEPTH` */
export const MAX_JSON_DEPTH = 512

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** From this length on, a {@link JsonText} is kept apart from what is around it. */
const LARGE_TEXT_LENGTH = 65_536
/** Stands for a large text. No JSON has it: control characters are escaped. */
const LARGE_TEXT_MARK = '\0'

/** Texts that need nothing but quotes. Measured: a quarter of the time of a `JSON.stringify` for each. */
const PLAIN_TEXT = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

function quote(text: string): string {
  return PLAIN_TEXT.test(text) ? `"${text}"` : JSON.stringify(text)
}

/**
 * Writes a value as compact JSON. Keys whose value is `undefined` are left out.
 *
 * @throws {@link InvariantError} for what JSON has no form for (a number that is not finite) and for
 * nesting beyond {@link MAX_JSON_DEPTH}: results are ours, so that is our bug.
 */
export function encodeJson(value: RpcValue | undefined): string {
  return write(value, 0, undefined)
}

/**
 * Writes a value as {@link encodeJson} does, in pieces: large texts that are ready come as they are.
 *
 * @throws {@link InvariantError} as {@link encodeJson}.
 */
export function encodeJsonPieces(value: RpcValue | undefined): readonly (string | JsonText)[] {
  const large: JsonText[] = []
  const text = write(value, 0, large)
  if (large.length === 0) return [text]
  const [first = '', ...rest] = text.split(LARGE_TEXT_MARK)
  return [first, ...rest.flatMap((between, i) => [large[i] ?? '', between])]
}

/** @param large - Takes large texts, for which marks are written; undefined to have them written in place. */
function write(value: RpcValue | undefined, depth: number, large: JsonText[] | undefined): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new InvariantError(`JSON has no number ${value}`)
    return String(value)
  }
  if (typeof value !== 'object' || value instanceof BtcAmount || value instanceof JsonNumber) {
    return String(value)
  }
  if (value instanceof JsonText) {
    if (large === undefined || value.length < LARGE_TEXT_LENGTH) return value.text
    large.push(value)
    return LARGE_TEXT_MARK
  }
  if (depth >= MAX_JSON_DEPTH) throw new InvariantError('an RPC result is nested too deep')
  let inner = ''
  if (Array.isArray(value)) {
    for (const item of value) inner += `${inner === '' ? '' : ','}${write(item, depth + 1, large)}`
    return `[${inner}]`
  }
  const members = value instanceof JsonMembers ? value.entries : Object.entries(value)
  for (const [key, member] of members) {
    if (member === undefined) continue
    inner += `${inner === '' ? '' : ','}${quote(key)}:${write(member, depth + 1, large)}`
  }
  return `{${inner}}`
}

/** Index just behind the string that opens at `start`; the text's length if it never closes. */
export function skipString(text: string, start: number): number {
  for (let end = start; ; ) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let backslashCount = 0
    while (text.charCodeAt(end - 1 - backslashCount) === BACKSLASH) backslashCount++
    // An even number of them escape each other.
    if (backslashCount % 2 === 0) return end + 1
  }
}

/** How deep brackets are nested outside strings, counted up to one beyond `limit`. */
function measureDepth(text: string, limit: number): number {
  let depth = 0
  let deepest = 0
  for (let i = 0; i < text.length && deepest <= limit; i++) {
    const unit = text.charCodeAt(i)
    if (unit === QUOTE) i = skipString(text, i) - 1
    else if (unit === OPEN_BRACKET || unit === OPEN_BRACE) deepest = Math.max(deepest, ++depth)
    else if (unit === CLOSE_BRACKET || unit === CLOSE_BRACE) depth--
  }
  return deepest
}

/**
 * Reads JSON from outside.
 *
 * @throws {@link RpcError} -32700 if it is no JSON; -32600 if it is nested deeper than
 * {@link MAX_JSON_DEPTH}.
 */
export function parseJson(text: string): JsonValue {
  if (measureDepth(text, MAX_JSON_DEPTH) > MAX_JSON_DEPTH) {
    throw new RpcError(
      RPC_CODES.INVALID_REQUEST,
      `JSON is nested deeper than ${MAX_JSON_DEPTH} levels`,
    )
  }
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    throw new RpcError(RPC_CODES.PARSE_ERROR, 'Parse error', { cause: error })
  }
}

/**
 * Cuts an object's text into the texts of its members, so that a reader can pass a number on exactly
 * as it was sent.
 *
 * @param text - Valid JSON.
 * @returns Member texts by key; undefined if the text is not that of an object.
 */
export function splitJsonObject(text: string): ReadonlyMap<string, string> | undefined {
  if (!/^\s*\{/.test(text)) return undefined
  const members = new Map<string, string>()
  let depth = 0
  let key: string | undefined
  let start = 0
  const close = (end: number): void => {
    if (key !== undefined) members.set(key, text.slice(start, end).trim())
    key = undefined
  }
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i)
    if (unit === '"') {
      const end = skipString(text, i)
      if (depth === 1 && key === undefined) {
        key = JSON.parse(text.slice(i, end)) as string
        start = text.indexOf(':', end) + 1
        i = start - 1
      } else i = end - 1
    } else if (unit === '{' || unit === '[') depth++
    else if (unit === '}' || unit === ']') {
      if (--depth === 0) close(i)
    } else if (unit === ',' && depth === 1) close(i)
  }
  return members
}

/**
 * Re-indents JSON by two spaces a level without reading its numbers: `0.10000000` stays so.
 *
 * @param text - Valid JSON.
 */
export function indentJson(text: string): string {
  const parts: string[] = []
  let depth = 0
  const newLine = (): string => `\n${'  '.repeat(depth)}`
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i)
    if (unit === '"') {
      const end = skipString(text, i)
      parts.push(text.slice(i, end))
      i = end - 1
    } else if (unit === '{' || unit === '[') {
      depth++
      parts.push(unit, newLine())
    } else if (unit === '}' || unit === ']') {
      depth--
      // Nothing but the opening bracket and its new line: an empty list stays on one line.
      if (/^[[{]$/.test(parts.at(-2) ?? '') && parts.at(-1)?.startsWith('\n') === true) parts.pop()
      else parts.push(newLine())
      parts.push(unit)
    } else if (unit === ',') parts.push(unit, newLine())
    else if (unit === ':') parts.push(': ')
    else if (!/\s/.test(unit)) parts.push(unit)
  }
  return parts.join('')
}
