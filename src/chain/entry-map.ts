/** @module Block entries by their hashes. */

import type { BlockHash, BlockHashHex } from '../primitives/index.ts'
import type { BlockEntry } from './block-entry.ts'

/** So many bits that few of a million hashes share them, and that engines hold them without a box. */
const PREFIX_MASK = 0x3fff_ffff
const PREFIX_HEX_DIGITS = 8

/** The first bytes of a hash as a number. */
function prefixOf(hash: BlockHash): number {
  let prefix = 0
  for (let i = 0; i < 4; i++) prefix |= (hash[i] as number) << (8 * i)
  return prefix & PREFIX_MASK
}

/** The same from the hash as people write it, which is reversed. */
function prefixOfHex(hashHex: BlockHashHex): number {
  return Number.parseInt(hashHex.slice(-PREFIX_HEX_DIGITS), 16) & PREFIX_MASK
}

/**
 * A map from hashes to entries, by the first bits of the hash: a start with a hundred thousand entries would spend a
 * fifth of its time on writing their hashes as text.
 */
export class EntryMap {
  readonly #byPrefix = new Map<number, BlockEntry>()
  /** Those whose prefix an earlier one has. Whoever makes many on purpose makes this an ordinary map, no more. */
  readonly #others = new Map<BlockHashHex, BlockEntry>()

  get size(): number {
    return this.#byPrefix.size + this.#others.size
  }

  get(hashHex: BlockHashHex): BlockEntry | undefined {
    const entry = this.#byPrefix.get(prefixOfHex(hashHex))
    return entry?.hashHex === hashHex ? entry : this.#others.get(hashHex)
  }

  has(entry: BlockEntry): boolean {
    return this.get(entry.hashHex) === entry
  }

  /** Adds an entry whose hash is new. */
  add(entry: BlockEntry): void {
    const prefix = prefixOf(entry.hash)
    if (this.#byPrefix.has(prefix)) this.#others.set(entry.hashHex, entry)
    else this.#byPrefix.set(prefix, entry)
  }

  delete(entry: BlockEntry): void {
    const prefix = prefixOf(entry.hash)
    if (this.#byPrefix.get(prefix) === entry) this.#byPrefix.delete(prefix)
    else this.#others.delete(entry.hashHex)
  }

  *[Symbol.iterator](): Iterator<BlockEntry> {
    yield* this.#byPrefix.values()
    yield* this.#others.values()
  }
}
