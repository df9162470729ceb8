/** @module Which waiting transaction goes first when there is no room. */

import { BinaryHeap } from '../util/index.ts'
import type { MempoolEntry } from './mempool-entry.ts'

/** So many outdated places, beside as many as there are entries, are put up with before all are made anew. */
const MAX_OUTDATED = 1_000

/** An entry with its rank at one moment. */
interface Ranked {
  readonly entry: MempoolEntry
  /** Satoshis per virtual byte, as mining counts them. */
  readonly feeRate: number
}

function isBefore(a: Ranked, b: Ranked): boolean {
  // Of the same rate, the newest goes.
  return a.feeRate === b.feeRate ? a.entry.addedMs > b.entry.addedMs : a.feeRate < b.feeRate
}

/**
 * By its own fee rate or that of all that need it, whichever is higher: a poor parent with a rich child is worth
 * keeping.
 *
 * @see Bitcoin Core `CompareTxMemPoolEntryByDescendantScore`
 */
function rank(entry: MempoolEntry): Ranked {
  const { modifiedFee, virtualSize, descendants } = entry
  const own = Number(modifiedFee) / virtualSize
  const all = Number(descendants.modifiedFee) / descendants.virtualSize
  return { entry, feeRate: Math.max(own, all) }
}

/** Entries, the one that is worth least first. A changed entry gets a new place; its old one is skipped. */
export class EvictionQueue {
  #heap = new BinaryHeap<Ranked>(isBefore)
  readonly #places = new Map<MempoolEntry, Ranked>()

  /** Puts an entry where it belongs now. */
  put(entry: MempoolEntry): void {
    const ranked = rank(entry)
    if (this.#places.get(entry)?.feeRate === ranked.feeRate) return
    this.#places.set(entry, ranked)
    this.#heap.push(ranked)
    if (this.#heap.size > 2 * this.#places.size + MAX_OUTDATED) {
      this.#heap = new BinaryHeap(isBefore, this.#places.values())
    }
  }

  delete(entry: MempoolEntry): void {
    this.#places.delete(entry)
  }

  clear(): void {
    this.#places.clear()
    this.#heap = new BinaryHeap(isBefore)
  }

  /** The entry that is worth least; undefined if there is none. */
  peek(): MempoolEntry | undefined {
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      if (this.#places.get(next.entry) === next) return next.entry
      this.#heap.pop()
    }
    return undefined
  }
}
