/** @module Which session owns which part of the search space. */

import { assertInvariant, decodeHex, encodeHex } from '../util/index.ts'
import { EXTRA_NONCE_1_SIZE } from './ports.ts'

/** Parts that one shard can give out: three bytes of counter. */
const PARTS = 2 ** 24

/**
 * Gives each session four bytes of extra nonce: the shard, then a counter. Never random: among ten thousand random
 * ones two are likely to be equal.
 *
 * A miner that comes back with the id of its session before gets the same part, so that shares on its old jobs count.
 * A part that was given back is the last to be given out again.
 */
export class ExtraNonceTable {
  readonly #shard: number
  readonly #used = new Set<number>()
  #next = 0

  /** @param shard - 0 to 255. */
  constructor(shard: number) {
    this.#shard = shard
  }

  /** @param wanted - Hex of a part that the miner had before, if it knows one. */
  take(wanted: string | undefined): Uint8Array {
    const before = wanted === undefined ? undefined : this.#parse(wanted)
    // Only what was given out once can come back: nobody chooses a part.
    if (before !== undefined && before < this.#next && !this.#used.has(before)) {
      return this.#give(before)
    }
    assertInvariant(this.#used.size < PARTS, 'there are fewer sessions than parts')
    while (this.#used.has(this.#next % PARTS)) this.#next += 1
    const part = this.#next % PARTS
    this.#next += 1
    return this.#give(part)
  }

  /** @param extraNonce1 - As {@link take} returned it. */
  release(extraNonce1: Uint8Array): void {
    const part = this.#parse(encodeHex(extraNonce1))
    if (part !== undefined) this.#used.delete(part)
  }

  #give(part: number): Uint8Array {
    this.#used.add(part)
    const bytes = new Uint8Array(EXTRA_NONCE_1_SIZE)
    new DataView(bytes.buffer).setUint32(0, part)
    bytes[0] = this.#shard
    return bytes
  }

  #parse(hex: string): number | undefined {
    if (hex.length !== 2 * EXTRA_NONCE_1_SIZE || !/^[0-9a-f]*$/i.test(hex)) return undefined
    const bytes = decodeHex(hex)
    if (bytes[0] !== this.#shard) return undefined
    return ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  }
}
