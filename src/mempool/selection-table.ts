/**
 * @module What choosing for a block reads of all that waits, side by side. Fifty thousand transactions lie about in
 * memory: to fetch each of them would take longer than everything else.
 */

import { computeTxid, computeWtxid, HASH_SIZE, type Hash256 } from '../primitives/index.ts'
import type { MempoolEntry } from './mempool-entry.ts'

const START_PLACES = 1_024
/** Hashes are copied by words of 32 bits: byte by byte takes four times as long, and `set` longer still. */
const HASH_WORDS = HASH_SIZE / 4
/** Sums of satoshis below this, and one amount more, are exact as numbers. */
const MAX_EXACT_SUM = 2 ** 52
const FREE = 0
const ALONE = 1
const HAS_RELATIVES = 2

/** What has been chosen, parents before children. */
export interface Selection {
  readonly transactions: readonly MempoolEntry[]
  /** What they pay, satoshis. */
  readonly fees: bigint
  /** 32 bytes each, internal order. */
  readonly txids: Uint8Array
  readonly wtxids: Uint8Array
}

/** Numbers of all places. */
interface Columns {
  readonly kinds: Uint8Array
  /** Satoshis per weight unit, as mining counts them, of the transaction alone. */
  readonly feeRates: Float64Array
  /** Satoshis; amounts are exact as numbers. */
  readonly fees: Float64Array
  readonly weights: Int32Array
  readonly sigopsCosts: Int32Array
  readonly txids: Uint32Array
  readonly wtxids: Uint32Array
}

function createColumns(places: number): Columns {
  return {
    kinds: new Uint8Array(places),
    feeRates: new Float64Array(places),
    fees: new Float64Array(places),
    weights: new Int32Array(places),
    sigopsCosts: new Int32Array(places),
    txids: new Uint32Array(places * HASH_WORDS),
    wtxids: new Uint32Array(places * HASH_WORDS),
  }
}

function toWords(hash: Hash256): Uint32Array {
  // A copy begins where a word may.
  return new Uint32Array(new Uint8Array(hash).buffer)
}

function toBytes(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer)
}

/** @param place - Where the hash is in `column`. */
function copyHash(column: Uint32Array, place: number, to: Uint32Array, at: number): void {
  const start = place * HASH_WORDS
  for (let i = 0; i < HASH_WORDS; i++) to[at + i] = column[start + i] as number
}

/** Waiting transactions at places, in the order in which they came. */
export class SelectionTable {
  #columns = createColumns(START_PLACES)
  #entries: (MempoolEntry | undefined)[] = []
  readonly #places = new Map<MempoolEntry, number>()

  /** How many places there are, those included that have become free. */
  get length(): number {
    return this.#entries.length
  }

  /** What is at a place; undefined if it is free. */
  at(place: number): MempoolEntry | undefined {
    return this.#entries[place]
  }

  isFree(place: number): boolean {
    return this.#columns.kinds[place] === FREE
  }

  /** Whether what is at a place needs, or is needed by, another that waits. */
  hasRelatives(place: number): boolean {
    return this.#columns.kinds[place] === HAS_RELATIVES
  }

  feeRateAt(place: number): number {
    return this.#columns.feeRates[place] as number
  }

  weightAt(place: number): number {
    return this.#columns.weights[place] as number
  }

  sigopsCostAt(place: number): number {
    return this.#columns.sigopsCosts[place] as number
  }

  add(entry: MempoolEntry): void {
    if (this.length === this.#columns.kinds.length) this.#makeRoom()
    const place = this.length
    this.#entries.push(entry)
    this.#places.set(entry, place)
    const { fees, weights, sigopsCosts, txids, wtxids } = this.#columns
    fees[place] = Number(entry.fee)
    weights[place] = entry.weight
    sigopsCosts[place] = entry.sigopsCost
    txids.set(toWords(computeTxid(entry.tx)), place * HASH_WORDS)
    wtxids.set(toWords(computeWtxid(entry.tx)), place * HASH_WORDS)
    this.update(entry)
  }

  /** Takes note that its relatives or what mining counts have changed. Does nothing if it is not here. */
  update(entry: MempoolEntry): void {
    const place = this.#places.get(entry)
    if (place === undefined) return
    const { kinds, feeRates } = this.#columns
    kinds[place] = entry.parents.size + entry.children.size > 0 ? HAS_RELATIVES : ALONE
    feeRates[place] = Number(entry.modifiedFee) / entry.weight
  }

  delete(entry: MempoolEntry): void {
    const place = this.#places.get(entry)
    if (place === undefined) return
    this.#places.delete(entry)
    this.#entries[place] = undefined
    this.#columns.kinds[place] = FREE
  }

  clear(): void {
    this.#columns = createColumns(START_PLACES)
    this.#entries = []
    this.#places.clear()
  }

  /** Gathers what a template needs of the transactions at places, in their order. */
  select(places: readonly number[]): Selection {
    const columns = this.#columns
    const transactions: MempoolEntry[] = []
    const txids = new Uint32Array(places.length * HASH_WORDS)
    const wtxids = new Uint32Array(places.length * HASH_WORDS)
    let fees = 0n
    let sum = 0
    let at = 0
    for (const place of places) {
      transactions.push(this.#entries[place] as MempoolEntry)
      copyHash(columns.txids, place, txids, at)
      copyHash(columns.wtxids, place, wtxids, at)
      at += HASH_WORDS
      sum += columns.fees[place] as number
      if (sum < MAX_EXACT_SUM) continue
      fees += BigInt(sum)
      sum = 0
    }
    fees += BigInt(sum)
    return { transactions, fees, txids: toBytes(txids), wtxids: toBytes(wtxids) }
  }

  /** Closes up to the left; makes twice as many places as are taken, so that this is seldom. */
  #makeRoom(): void {
    const entries = this.#entries.filter((entry) => entry !== undefined)
    this.#columns = createColumns(Math.max(START_PLACES, 2 * entries.length))
    this.#entries = []
    this.#places.clear()
    for (const entry of entries) this.add(entry)
  }
}
