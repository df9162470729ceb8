/** @module Putting a block together again from its compact form. */

import { type Block, computeWtxid, type Transaction } from '../primitives/index.ts'
import { equalBytes } from '../util/index.ts'
import { type CompactBlock, createShortIdHasher, type ShortIdHasher } from './compact-block.ts'

/** A block of which some transactions may be missing. Whether it is the right one is for its merkle root to say. */
export class BlockRebuild {
  readonly #compact: CompactBlock
  readonly #computeShortId: ShortIdHasher
  readonly #transactions: (Transaction | undefined)[]
  /** Where each short id belongs. */
  readonly #places = new Map<number, number>()
  /** Places for which two known transactions have the same short id. */
  readonly #ambiguous = new Set<number>()
  #missingCount: number

  /** @param computeShortId - As the block's header and nonce have it. */
  constructor(
    compact: CompactBlock,
    computeShortId = createShortIdHasher(compact.header, compact.nonce),
  ) {
    this.#compact = compact
    this.#computeShortId = computeShortId
    const count = compact.shortIds.length + compact.prefilled.length
    this.#transactions = new Array<Transaction | undefined>(count).fill(undefined)
    for (const { index, tx } of compact.prefilled) this.#transactions[index] = tx
    let place = 0
    for (const id of compact.shortIds) {
      while (this.#transactions[place] !== undefined) place += 1
      this.#places.set(id, place)
      place += 1
    }
    this.#missingCount = compact.shortIds.length
  }

  /** Whether two of the block's own short ids are the same, so that it can't be rebuilt. Rare, and nobody's fault. */
  get isHopeless(): boolean {
    return this.#places.size < this.#compact.shortIds.length
  }

  /** Whether every place is filled. */
  get isComplete(): boolean {
    return this.#missingCount === 0
  }

  /**
   * Puts transactions at hand where they belong. A short id that two of them have stays missing. Costs one short hash
   * for each of them, and takes no more memory than the block has transactions.
   */
  fill(transactions: Iterable<Transaction>): void {
    for (const tx of transactions) {
      const place = this.#places.get(this.#computeShortId(computeWtxid(tx)))
      if (place === undefined || this.#ambiguous.has(place)) continue
      const present = this.#transactions[place]
      if (present === undefined) {
        this.#transactions[place] = tx
        this.#missingCount -= 1
      } else if (present !== tx && !equalBytes(computeWtxid(present), computeWtxid(tx))) {
        this.#transactions[place] = undefined
        this.#ambiguous.add(place)
        this.#missingCount += 1
      }
    }
  }

  /** Indexes of what is missing, in increasing order. */
  listMissing(): readonly number[] {
    const missing: number[] = []
    for (const [index, tx] of this.#transactions.entries()) {
      if (tx === undefined) missing.push(index)
    }
    return missing
  }

  /**
   * Puts in what was missing.
   *
   * @param transactions - Of all missing indexes, in their order.
   */
  complete(transactions: readonly Transaction[]): void {
    const missing = this.listMissing()
    for (const [i, tx] of transactions.entries()) {
      const index = missing[i]
      if (index !== undefined) this.#transactions[index] = tx
    }
    this.#missingCount = this.listMissing().length
  }

  /** The block, once it is complete. */
  toBlock(): Block | undefined {
    const { header } = this.#compact
    const transactions = this.#transactions.filter((tx) => tx !== undefined)
    return transactions.length === this.#transactions.length ? { header, transactions } : undefined
  }
}
