/** @module The interpreter's numbers and truth values. */

import { ScriptError } from './script-error.ts'

/** Operands of arithmetic have at most this many bytes; results may have one more. */
export const MAX_NUMBER_SIZE = 4

/** Numbers up to 2^39 − 1 for CHECKLOCKTIMEVERIFY and CHECKSEQUENCEVERIFY. @see BIP-0065 */
export const MAX_LOCK_TIME_NUMBER_SIZE = 5

const SIGN_BIT = 0x80

/**
 * An integer as the stack has it: little-endian, sign in the top bit, nothing for zero.
 *
 * @see Bitcoin Core `CScriptNum::serialize`
 */
export function encodeScriptNumber(value: number): Uint8Array {
  if (value === 0) return new Uint8Array()
  const bytes: number[] = []
  let rest = Math.abs(value)
  while (rest > 0) {
    bytes.push(rest & 0xff)
    rest = Math.floor(rest / 256)
  }
  const last = bytes.length - 1
  if (((bytes[last] ?? 0) & SIGN_BIT) !== 0) bytes.push(value < 0 ? SIGN_BIT : 0)
  else if (value < 0) bytes[last] = (bytes[last] ?? 0) | SIGN_BIT
  return Uint8Array.from(bytes)
}

/** Whether the last byte is needed: it holds more than the sign, or the sign has no room before it. */
function isMinimalNumber(bytes: Uint8Array): boolean {
  const last = bytes.at(-1) ?? SIGN_BIT - 1
  if ((last & 0x7f) !== 0) return true
  return bytes.length > 1 && ((bytes.at(-2) ?? 0) & SIGN_BIT) !== 0
}

/**
 * Reads an integer off stack bytes.
 *
 * @param maxSize - In bytes, at most 6, so that the value is exact.
 * @throws {@link ScriptError} `SCRIPTNUM` if it is longer, or not in its shortest form where that is asked for.
 * @see Bitcoin Core `CScriptNum`
 */
export function decodeScriptNumber(
  bytes: Uint8Array,
  mustBeMinimal: boolean,
  maxSize = MAX_NUMBER_SIZE,
): number {
  if (bytes.length > maxSize) throw new ScriptError('SCRIPTNUM')
  if (mustBeMinimal && !isMinimalNumber(bytes)) throw new ScriptError('SCRIPTNUM')
  const last = bytes.length - 1
  let magnitude = 0
  for (let i = last; i >= 0; i--) {
    const byte = bytes[i] ?? 0
    magnitude = magnitude * 256 + (i === last ? byte & 0x7f : byte)
  }
  const isNegative = ((bytes[last] ?? 0) & SIGN_BIT) !== 0
  // Negative zero is zero.
  return isNegative && magnitude !== 0 ? -magnitude : magnitude
}

/** Whether stack bytes count as true: any that are not zero, negative zero included. @see Bitcoin Core `CastToBool` */
export function decodeBoolean(bytes: Uint8Array): boolean {
  const last = bytes.length - 1
  for (let i = 0; i < last; i++) if (bytes[i] !== 0) return true
  return last >= 0 && bytes[last] !== 0 && bytes[last] !== SIGN_BIT
}
