/** @module Shares that were taken before. */

import { encodeHex } from '../util/index.ts'

/** Shares that are remembered: beyond it the oldest are forgotten. */
export const MAX_DUPLICATE_KEYS = 500_000
/** Bytes of a hash that tell shares apart: those that proof of work leaves to chance. */
const KEY_SIZE = 12

/**
 * Remembers the hashes of shares, so that none counts twice under another job, session or name. A hash stands for all
 * of the header: time, version and extra nonces are in it.
 */
export class DuplicateGuard {
  readonly #keys = new Set<string>()

  /** @param hash - Of the header, in internal order. @returns Whether it is new. */
  add(hash: Uint8Array): boolean {
    const key = encodeHex(hash.subarray(0, KEY_SIZE))
    if (this.#keys.has(key)) return false
    this.#keys.add(key)
    if (this.#keys.size > MAX_DUPLICATE_KEYS) {
      for (const oldest of this.#keys) {
        this.#keys.delete(oldest)
        break
      }
    }
    return true
  }
}
