/** @module Blocks that were stored a moment ago and are about to be connected. */

import type { Block } from '../primitives/index.ts'
import type { BlockEntry } from './block-entry.ts'

/** How many bytes of encoded blocks are kept decoded, at most. */
export const MAX_RECENT_BLOCK_BYTES = 8_388_608
/** How many blocks. */
export const MAX_RECENT_BLOCKS = 128

interface RecentBlock {
  readonly block: Block
  readonly size: number
}

/**
 * Spares the chain from reading, decoding and hashing again what it has just checked. A block that is not taken in
 * time makes room for the next, and is read from the store when its turn comes.
 */
export class RecentBlocks {
  readonly #blocks = new Map<BlockEntry, RecentBlock>()
  #size = 0

  /** @param size - Of the encoded block, in bytes. */
  add(entry: BlockEntry, block: Block, size: number): void {
    if (this.#blocks.has(entry)) return
    this.#blocks.set(entry, { block, size })
    this.#size += size
    for (const oldest of this.#blocks.keys()) {
      if (this.#size <= MAX_RECENT_BLOCK_BYTES && this.#blocks.size <= MAX_RECENT_BLOCKS) return
      this.take(oldest)
    }
  }

  /** The block, which is forgotten here. */
  take(entry: BlockEntry): Block | undefined {
    const recent = this.#blocks.get(entry)
    if (recent === undefined) return undefined
    this.#blocks.delete(entry)
    this.#size -= recent.size
    return recent.block
  }
}
