/** @module Blocks that others may be rebuilding: whole, and at hand before they are stored. */

import type { Block, BlockHashHex } from '../primitives/index.ts'
import { computeBlockSize } from '../primitives/index.ts'

/** How many blocks are kept for those who rebuild them, at most. */
export const MAX_RELAYED_BLOCKS = 8
/** Bytes of them, encoded; the last one stays whatever its size. */
export const MAX_RELAYED_BLOCK_BYTES = 4_194_304

interface RelayedBlock {
  readonly block: Block
  readonly size: number
}

/** The blocks that were relayed last. */
export class RelayedBlocks {
  readonly #blocks = new Map<BlockHashHex, RelayedBlock>()
  #size = 0

  add(hashHex: BlockHashHex, block: Block): void {
    if (this.#blocks.has(hashHex)) return
    const size = computeBlockSize(block).totalSize
    this.#blocks.set(hashHex, { block, size })
    this.#size += size
    for (const oldest of this.#blocks.keys()) {
      const fits = this.#size <= MAX_RELAYED_BLOCK_BYTES && this.#blocks.size <= MAX_RELAYED_BLOCKS
      if (fits || oldest === hashHex) return
      this.#drop(oldest)
    }
  }

  get(hashHex: BlockHashHex): Block | undefined {
    return this.#blocks.get(hashHex)?.block
  }

  /** All of them, the oldest first. */
  *values(): IterableIterator<Block> {
    for (const { block } of this.#blocks.values()) yield block
  }

  #drop(hashHex: BlockHashHex): void {
    this.#size -= this.#blocks.get(hashHex)?.size ?? 0
    this.#blocks.delete(hashHex)
  }
}
