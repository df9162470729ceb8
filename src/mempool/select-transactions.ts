/** @module Which waiting transactions go into a block. */

import { BinaryHeap } from '../util/index.ts'
import { collectRelatives, type MempoolEntry } from './mempool-entry.ts'
import type { Selection, SelectionTable } from './selection-table.ts'

/** A block that lacks no more weight than this is full once enough has failed to fit. */
const FULL_ENOUGH_WEIGHT = 4_000
/** So many that do not fit, one after the other, are enough. @see Bitcoin Core `MAX_CONSECUTIVE_FAILURES` */
const MAX_CONSECUTIVE_FAILURES = 1_000
/** Weight units of 1,000 virtual bytes. */
const WEIGHT_PER_KVB = 4_000

/** What a block has room for. */
export interface SelectionLimits {
  /** Weight units left for transactions. */
  readonly maxWeight: number
  /** Cost of signature operations left for transactions. */
  readonly maxSigopsCost: number
  /** The least fee rate, satoshis per 1,000 virtual bytes, as mining counts them. */
  readonly minFeeRate: bigint
}

/** A transaction with relatives, with what choosing it takes now. Fees are what mining counts. */
class Package {
  readonly entry: MempoolEntry
  /** In the table. */
  readonly place: number
  /** Of its own, satoshis per weight unit. */
  readonly #ownFeeRate: number
  /** Of itself with those of its ancestors that are not chosen yet. */
  fee: number
  weight: number
  sigopsCost: number
  isChosen = false
  /** Its rank that counts. */
  rank: number

  constructor(entry: MempoolEntry, place: number, ownFeeRate: number) {
    const { modifiedFee, weight, sigopsCost } = entry.ancestors
    this.entry = entry
    this.place = place
    this.#ownFeeRate = ownFeeRate
    this.fee = Number(modifiedFee)
    this.weight = weight
    this.sigopsCost = sigopsCost
    this.rank = place
  }

  /**
   * Its own fee rate or that of its package, whichever is lower: a poor child gains nothing by a rich parent,
   * which goes without it. Satoshis per weight unit.
   */
  get feeRate(): number {
    return Math.min(this.#ownFeeRate, this.fee / this.weight)
  }

  /** Takes notice that an ancestor was chosen. */
  discount({ modifiedFee, weight, sigopsCost }: MempoolEntry): void {
    this.fee -= Number(modifiedFee)
    this.weight -= weight
    this.sigopsCost -= sigopsCost
  }
}

/**
 * Nearly all that wait have no relatives, and there are many of them: nothing is made for each but two numbers.
 * What is ranked is a number, too: at first everybody's place, and a new one whenever a package's fee rate changes.
 */
class BlockFiller {
  readonly #limits: SelectionLimits
  readonly #table: SelectionTable
  readonly #packages = new Map<MempoolEntry, Package>()
  readonly #heap: BinaryHeap<number>
  /** By rank. */
  readonly #feeRates: number[] = []
  /** By rank, of those who have relatives. One whose package has another rank now does not count. */
  readonly #ranked = new Map<number, Package>()
  /** Places of what is chosen. */
  readonly #chosen: number[] = []
  #weight = 0
  #sigopsCost = 0

  constructor(table: SelectionTable, limits: SelectionLimits) {
    this.#limits = limits
    this.#table = table
    const feeRates = this.#feeRates
    const ranked = this.#ranked
    const count = table.length
    const ranks: number[] = []
    for (let place = 0; place < count; place++) {
      feeRates.push(table.hasRelatives(place) ? this.#addPackage(place) : table.feeRateAt(place))
      if (!table.isFree(place)) ranks.push(place)
    }
    // The earlier goes first where fee rates are the same.
    const placeOf = (rank: number): number =>
      rank < count ? rank : (ranked.get(rank)?.place ?? rank)
    const isBefore = (a: number, b: number): boolean => {
      const rateA = feeRates[a] as number
      const rateB = feeRates[b] as number
      return rateA === rateB ? placeOf(a) < placeOf(b) : rateA > rateB
    }
    this.#heap = new BinaryHeap(isBefore, ranks)
  }

  /** Returns its fee rate. */
  #addPackage(place: number): number {
    const entry = this.#table.at(place) as MempoolEntry
    const made = new Package(entry, place, this.#table.feeRateAt(place))
    this.#packages.set(entry, made)
    this.#ranked.set(place, made)
    return made.feeRate
  }

  fill(): readonly number[] {
    const minFeeRate = Number(this.#limits.minFeeRate) / WEIGHT_PER_KVB
    let failures = 0
    for (let rank = this.#heap.pop(); rank !== undefined; rank = this.#heap.pop()) {
      const ranked = this.#ranked.get(rank)
      if (ranked !== undefined && (ranked.isChosen || ranked.rank !== rank)) continue
      // All that is left pays less.
      if ((this.#feeRates[rank] as number) < minFeeRate) break
      const weight = ranked?.weight ?? this.#table.weightAt(rank)
      const sigopsCost = ranked?.sigopsCost ?? this.#table.sigopsCostAt(rank)
      if (this.#fits(weight, sigopsCost)) {
        this.#weight += weight
        this.#sigopsCost += sigopsCost
        if (ranked === undefined) this.#chosen.push(rank)
        else this.#choosePackage(ranked)
        failures = 0
      } else if (++failures > MAX_CONSECUTIVE_FAILURES && this.#isFullEnough()) break
    }
    return this.#chosen
  }

  #fits(weight: number, sigopsCost: number): boolean {
    return (
      this.#weight + weight <= this.#limits.maxWeight &&
      this.#sigopsCost + sigopsCost <= this.#limits.maxSigopsCost
    )
  }

  #isFullEnough(): boolean {
    return this.#weight > this.#limits.maxWeight - FULL_ENOUGH_WEIGHT
  }

  #choosePackage(wanted: Package): void {
    const changed = new Set<Package>()
    for (const member of this.#listUnchosen(wanted)) {
      member.isChosen = true
      this.#chosen.push(member.place)
      for (const descendant of collectRelatives(member.entry, 'children')) {
        const affected = this.#packages.get(descendant)
        if (affected === undefined || affected.isChosen) continue
        affected.discount(member.entry)
        changed.add(affected)
      }
    }
    for (const affected of changed) if (!affected.isChosen) this.#rankAnew(affected)
  }

  #rankAnew(affected: Package): void {
    affected.rank = this.#feeRates.push(affected.feeRate) - 1
    this.#ranked.set(affected.rank, affected)
    this.#heap.push(affected.rank)
  }

  /** A package's members that are not chosen, parents before children: they came in that order. */
  #listUnchosen({ entry }: Package): readonly Package[] {
    const members: Package[] = []
    for (const ancestor of collectRelatives(entry, 'parents')) {
      const member = this.#packages.get(ancestor)
      if (member !== undefined && !member.isChosen) members.push(member)
    }
    return members.sort((a, b) => a.place - b.place)
  }
}

/**
 * Chooses transactions by the fee rate of each with its unconfirmed ancestors, best first; what does not fit is
 * passed over. Fees are what mining counts, so `prioritisetransaction` has its say.
 *
 * Whatever waits is valid on top of the tip, lock times included, so all that has to be heeded is room.
 *
 * @see Bitcoin Core `BlockAssembler::addPackageTxs`
 */
export function selectTransactions(table: SelectionTable, limits: SelectionLimits): Selection {
  return table.select(new BlockFiller(table, limits).fill())
}
