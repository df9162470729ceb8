/** @module What a transaction has to pay to be in a block soon, by what others have paid. */

import type { TxidHex } from '../primitives/index.ts'
import type { EventEmitter } from '../util/index.ts'
import type { MempoolEntry } from './mempool-entry.ts'
import type { MempoolEvents } from './mempool-events.ts'

/** Waiting is told apart up to so many blocks. */
export const MAX_FEE_TARGET = 48
/** Fee rates are told apart in steps of a tenth, from the lowest that is relayed. */
const LOWEST_RATE = 100
const HIGHEST_RATE = 10_000_000
const RATE_STEP = 1.1
/** What was seen counts for less with each block: half after some seventy. @see Bitcoin Core `MED_DECAY` */
const DECAY = 0.99
/** So many transactions, older ones counting for less, are evidence. */
const SUFFICIENT_COUNT = 5
/** What is left of less than this is as good as nothing. */
const FORGOTTEN_COUNT = 0.001
const VSIZE_UNIT = 1_000
/** Transactions that are watched at a time; others go unobserved. */
export const MAX_WATCHED_TRANSACTIONS = 100_000

/** How many of those that pay so much have to be confirmed in time. @see Bitcoin Core `SUCCESS_PCT` */
const SUCCESS_SHARE = { economical: 0.85, conservative: 0.95 } as const

/** How sure an estimate is to be. */
export type EstimateMode = keyof typeof SUCCESS_SHARE

/** All transactions of about one fee rate. */
class RateBucket {
  /** Confirmed after at most so many blocks, by blocks. */
  readonly confirmed = new Float64Array(MAX_FEE_TARGET + 1)
  /** Gone without being confirmed, after at least so many blocks. */
  readonly failed = new Float64Array(MAX_FEE_TARGET + 1)
  count = 0
  /** Sum of their fee rates. */
  rates = 0
  /** Whether there is anything to decay: most buckets never see a transaction. */
  #isUsed = false

  decay(): void {
    if (!this.#isUsed) return
    for (const counts of [this.confirmed, this.failed]) {
      for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] ?? 0) * DECAY
    }
    this.count *= DECAY
    this.rates *= DECAY
    if (this.count + (this.failed[1] ?? 0) >= FORGOTTEN_COUNT) return
    this.#isUsed = false
    this.confirmed.fill(0)
    this.failed.fill(0)
    this.count = 0
    this.rates = 0
  }

  addConfirmed(blocks: number, rate: number): void {
    this.#isUsed = true
    for (let target = blocks; target <= MAX_FEE_TARGET; target++) {
      this.confirmed[target] = (this.confirmed[target] ?? 0) + 1
    }
    this.count += 1
    this.rates += rate
  }

  addFailed(blocks: number): void {
    this.#isUsed = true
    for (let target = 1; target <= Math.min(blocks, MAX_FEE_TARGET); target++) {
      this.failed[target] = (this.failed[target] ?? 0) + 1
    }
  }
}

interface Watched {
  readonly bucket: number
  readonly rate: number
  readonly height: number
}

/** Satoshis per 1,000 virtual bytes. */
function rateOf({ fee, virtualSize }: MempoolEntry): number {
  return (Number(fee) * VSIZE_UNIT) / virtualSize
}

const BUCKET_COUNT = Math.ceil(Math.log(HIGHEST_RATE / LOWEST_RATE) / Math.log(RATE_STEP)) + 1

function bucketOf(rate: number): number {
  const index = Math.floor(
    Math.log(Math.max(rate, LOWEST_RATE) / LOWEST_RATE) / Math.log(RATE_STEP),
  )
  return Math.min(index, BUCKET_COUNT - 1)
}

/**
 * Watches how long transactions wait for a block, by what they pay. Knows nothing at first, and says so.
 *
 * @see Bitcoin Core `CBlockPolicyEstimator`, whose idea this is
 */
export class FeeEstimator {
  readonly #buckets = Array.from({ length: BUCKET_COUNT }, () => new RateBucket())
  readonly #watched = new Map<TxidHex, Watched>()
  #height = 0

  constructor(events: EventEmitter<MempoolEvents>) {
    events.on('added', (entry) => this.#onAdded(entry))
    events.on('confirmed', (entry) => this.#onConfirmed(entry))
    events.on('dropped', ({ entry }) => this.#onDropped(entry))
    // After a reorganisation some are gone without having been either.
    events.on('removed', ({ txid }) => this.#watched.delete(txid))
    events.on('blockPassed', (height) => this.#onBlock(height))
  }

  /**
   * The fee rate at which enough others were confirmed in time.
   *
   * @param target - Blocks.
   * @returns Satoshis per 1,000 virtual bytes; undefined if too little was seen.
   */
  estimate(target: number, mode: EstimateMode): number | undefined {
    const blocks = Math.min(target, MAX_FEE_TARGET)
    const late = this.#countLate(blocks)
    let best: number | undefined
    let [confirmed, count, others, rates] = [0, 0, 0, 0]
    // From the highest rate down, as long as those that pay so much are confirmed in time.
    for (let i = BUCKET_COUNT - 1; i >= 0; i--) {
      const bucket = this.#buckets[i]
      if (bucket === undefined) continue
      confirmed += bucket.confirmed[blocks] ?? 0
      count += bucket.count
      others += (bucket.failed[blocks] ?? 0) + (late[i] ?? 0)
      rates += bucket.rates
      if (count + others < SUFFICIENT_COUNT) continue
      if (count === 0 || confirmed / (count + others) < SUCCESS_SHARE[mode]) break
      best = rates / count
      ;[confirmed, count, others, rates] = [0, 0, 0, 0]
    }
    return best
  }

  /** How many wait already for longer than a target, by bucket. */
  #countLate(blocks: number): readonly number[] {
    const late = new Array<number>(BUCKET_COUNT).fill(0)
    for (const { bucket, height } of this.#watched.values()) {
      if (this.#height - height >= blocks) late[bucket] = (late[bucket] ?? 0) + 1
    }
    return late
  }

  #onAdded(entry: MempoolEntry): void {
    // What needs another is confirmed when that is, whatever it pays.
    if (entry.parents.size > 0 || this.#watched.size >= MAX_WATCHED_TRANSACTIONS) return
    const rate = rateOf(entry)
    this.#watched.set(entry.txid, { bucket: bucketOf(rate), rate, height: entry.height })
  }

  #onBlock(height: number): void {
    this.#height = height
    for (const bucket of this.#buckets) bucket.decay()
  }

  #onConfirmed({ txid }: MempoolEntry): void {
    const watched = this.#watched.get(txid)
    if (!this.#watched.delete(txid) || watched === undefined) return
    const blocks = this.#height - watched.height
    // After a reorganisation nobody knows how long it had to wait.
    if (blocks > 0) this.#buckets[watched.bucket]?.addConfirmed(blocks, watched.rate)
  }

  #onDropped({ txid }: MempoolEntry): void {
    const watched = this.#watched.get(txid)
    if (!this.#watched.delete(txid) || watched === undefined) return
    this.#buckets[watched.bucket]?.addFailed(this.#height - watched.height)
  }
}
