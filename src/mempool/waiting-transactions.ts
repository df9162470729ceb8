/** @module All waiting transactions, and how one is found among them. */

import { type OutPoint, outPointKey, type TxidHex } from '../primitives/index.ts'
import { BinaryHeap } from '../util/index.ts'
import { EvictionQueue } from './eviction-queue.ts'
import { collectRelatives, type WaitingTransaction } from './mempool-entry.ts'
import { SelectionTable } from './selection-table.ts'

/** What an entry takes besides its serialised bytes, measured with many small transactions in Node.js 20. */
export const MEMPOOL_ENTRY_OVERHEAD_BYTES = 5_600
/** Removed entries, beside as many as wait, that the queue by age keeps before it is built anew. */
const MAX_OUTDATED = 1_000

function isOlder(a: WaitingTransaction, b: WaitingTransaction): boolean {
  return a.addedMs < b.addedMs
}

/** Judges nothing; keeps sums and indexes true. */
export class WaitingTransactions {
  /** The same for choosing what goes into a block. */
  readonly table = new SelectionTable()
  readonly #entries = new Map<TxidHex, WaitingTransaction>()
  readonly #byWtxid = new Map<TxidHex, WaitingTransaction>()
  /** Which entry spends an outpoint. */
  readonly #spenders = new Map<string, WaitingTransaction>()
  readonly #queue = new EvictionQueue()
  /** All entries, the oldest first. Removed entries stay until they come out. */
  #byAge = new BinaryHeap<WaitingTransaction>(isOlder)
  #usage = 0

  get size(): number {
    return this.#entries.size
  }

  /** Bytes of memory that all take, by estimate. */
  get usage(): number {
    return this.#usage
  }

  get(txid: TxidHex): WaitingTransaction | undefined {
    return this.#entries.get(txid)
  }

  getByWtxid(wtxid: TxidHex): WaitingTransaction | undefined {
    return this.#byWtxid.get(wtxid)
  }

  getSpender(outPoint: OutPoint): WaitingTransaction | undefined {
    return this.#spenders.get(outPointKey(outPoint))
  }

  /** All, parents before children. */
  values(): IterableIterator<WaitingTransaction> {
    return this.#entries.values()
  }

  add(entry: WaitingTransaction): void {
    entry.link()
    this.#entries.set(entry.txid, entry)
    this.#byWtxid.set(entry.wtxid, entry)
    for (const { prevout } of entry.tx.inputs) this.#spenders.set(outPointKey(prevout), entry)
    this.#usage += entry.size + MEMPOOL_ENTRY_OVERHEAD_BYTES
    this.table.add(entry)
    for (const parent of entry.parents) this.table.update(parent)
    this.#rankAncestors(entry)
    this.#byAge.push(entry)
    if (this.#byAge.size > 2 * this.#entries.size + MAX_OUTDATED) {
      this.#byAge = new BinaryHeap(isOlder, this.#entries.values())
    }
  }

  /**
   * Takes an entry out. Nothing may need it any more, or it is on the chain, and so is all that it needs.
   *
   * @returns False if it is not here.
   */
  remove(entry: WaitingTransaction): boolean {
    if (!this.#entries.delete(entry.txid)) return false
    const ancestors = collectRelatives<WaitingTransaction>(entry, 'parents')
    const relatives = [...entry.parents, ...entry.children]
    entry.unlink()
    this.table.delete(entry)
    for (const relative of relatives) this.table.update(relative)
    this.#byWtxid.delete(entry.wtxid)
    for (const { prevout } of entry.tx.inputs) this.#spenders.delete(outPointKey(prevout))
    this.#usage -= entry.size + MEMPOOL_ENTRY_OVERHEAD_BYTES
    this.#queue.delete(entry)
    for (const ancestor of ancestors) if (ancestor !== entry) this.#queue.put(ancestor)
    return true
  }

  /** Has mining count an entry as paying so many satoshis more. */
  addFeeDelta(entry: WaitingTransaction, sats: bigint): void {
    entry.addFeeDelta(sats)
    this.table.update(entry)
    this.#rankAncestors(entry)
  }

  /** The entry that is worth least, with all that needs it; undefined if there is none. */
  findWorst(): WaitingTransaction | undefined {
    return this.#queue.peek() as WaitingTransaction | undefined
  }

  /** The entry that came first; undefined if there is none. */
  findOldest(): WaitingTransaction | undefined {
    for (let next = this.#byAge.peek(); next !== undefined; next = this.#byAge.peek()) {
      if (this.#entries.get(next.txid) === next) return next
      this.#byAge.pop()
    }
    return undefined
  }

  clear(): void {
    this.#entries.clear()
    this.#byWtxid.clear()
    this.#spenders.clear()
    this.#queue.clear()
    this.#byAge = new BinaryHeap(isOlder)
    this.table.clear()
    this.#usage = 0
  }

  #rankAncestors(entry: WaitingTransaction): void {
    for (const ancestor of collectRelatives(entry, 'parents')) this.#queue.put(ancestor)
  }
}
