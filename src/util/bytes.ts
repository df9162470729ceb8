/** @module Byte strings: comparison, joining, hexadecimal. */

import { hexToBytes } from '@noble/hashes/utils.js'
import { DecodeError } from './errors.ts'

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.length
  const joined = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Tells whether two byte strings are equal. Not constant-time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const HEX_DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** How many bytes become text at a time: a call cannot have any number of arguments. */
const HEX_CHUNK_BYTES = 4_096

/** Writes bytes as lower-case hexadecimal, first byte first. */
export function encodeHex(bytes: Uint8Array): string {
  // Digit by digit into one text: joining pairs makes dozens of texts for each hash, and there are many hashes.
  let hex = ''
  for (let start = 0; start < bytes.length; start += HEX_CHUNK_BYTES) {
    const end = Math.min(start + HEX_CHUNK_BYTES, bytes.length)
    // An array, not a Uint8Array: engines take arguments from it three times as fast.
    const codes: number[] = []
    for (let i = start; i < end; i++) pushDigits(codes, bytes[i] as number)
    hex += String.fromCharCode.apply(undefined, codes)
  }
  return hex
}

/** Writes a few bytes as lower-case hexadecimal, last byte first. */
export function encodeReversedHex(bytes: Uint8Array): string {
  const codes: number[] = []
  for (let i = bytes.length - 1; i >= 0; i--) pushDigits(codes, bytes[i] as number)
  return String.fromCharCode.apply(undefined, codes)
}

function pushDigits(codes: number[], byte: number): void {
  codes.push(HEX_DIGITS[byte >> 4] as number, HEX_DIGITS[byte & 0xf] as number)
}

/** Tells whether a text is an even number of hexadecimal digits. The empty text is. */
export function isHex(text: string): boolean {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text)
}

/**
 * Reads hexadecimal into bytes, first pair first.
 *
 * @throws {@link DecodeError} `bad-value` if the text is not an even number of hex digits.
 */
export function decodeHex(hex: string): Uint8Array {
  if (!isHex(hex)) throw new DecodeError('bad-value', 0, 'not an even number of hex digits')
  return hexToBytes(hex)
}

/** A copy of bytes in reverse order. */
export function reverseBytes(bytes: Uint8Array): Uint8Array {
  // Not `slice`, which makes no copy of a Buffer.
  return new Uint8Array(bytes).reverse()
}
