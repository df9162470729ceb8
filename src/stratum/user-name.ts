/** @module User names and passwords as miners send them. */

import { readDifficulty } from './difficulty.ts'

/** The longest user name, in characters of its normal form. Some firmware sends 128, DATUM gateways take 191. */
export const MAX_USER_NAME_LENGTH = 191
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
/** Some firmware escapes a percent sign that its user typed. */
const ESCAPED_PERCENT = /%25/g
/** Between an address and the name of a worker. */
const SEPARATORS = ['.', '_', '+']

/** A user name, taken apart. */
export interface UserName {
  /** All of it, in Unicode's normal form C. */
  readonly full: string
  /** Ways to read it as an account and a worker, the likeliest first. The worker is empty if none is named. */
  readonly readings: readonly { readonly account: string; readonly worker: string }[]
}

/** @returns Nothing for a name that is empty, too long, no text, or has control characters. */
export function parseUserName(value: unknown): UserName | undefined {
  // The bound comes before the normal form, which may be longer than what it is made from.
  if (typeof value !== 'string' || value.length > MAX_USER_NAME_LENGTH) return undefined
  const full = value.normalize('NFC').replace(ESCAPED_PERCENT, '%').trim()
  if (full === '' || full.length > MAX_USER_NAME_LENGTH) return undefined
  if (CONTROL_CHARACTER.test(full)) return undefined
  const readings = SEPARATORS.flatMap((separator) => {
    const at = full.indexOf(separator)
    return at <= 0 ? [] : [{ account: full.slice(0, at), worker: full.slice(at + 1) }]
  })
  return { full, readings: [...readings, { account: full, worker: '' }] }
}

/**
 * The difficulty that a password asks for: `d=0.01`, `diff=16` or `fd=1024` among options parted by commas or
 * semicolons.
 *
 * @returns Also whether it is to stay as it is (`fd`), whatever the miner's speed.
 */
export function parsePassword(
  value: unknown,
): { readonly difficulty: number; readonly isFixed: boolean } | undefined {
  if (typeof value !== 'string' || value.length > MAX_USER_NAME_LENGTH) return undefined
  for (const option of value.split(/[,;]/)) {
    const match = /^\s*(d|diff|fd)\s*=\s*(\S+)\s*$/i.exec(option)
    if (match === null) continue
    const difficulty = readDifficulty(match[2])
    if (difficulty !== undefined) return { difficulty, isFixed: match[1]?.toLowerCase() === 'fd' }
  }
  return undefined
}
