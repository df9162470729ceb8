/** @module Which waiting transactions go into a block. */

import { BinaryHeap } from '../util/index.ts'
import type { Mempool } from './mempool.ts'
import { collectRelatives, type MempoolEntry } from './mempool-entry.ts'

/** Satoshis per 1,000 virtual bytes, as mining counts them. @see Bitcoin Core `DEFAULT_BLOCK_MIN_TX_FEE` */
export const BLOCK_MIN_FEE_SATS_PER_KVB = 1n
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
}

/** A transaction that may be chosen, with what choosing it takes now. Fees are what mining counts. */
class Candidate {
  readonly entry: MempoolEntry
  /** Place among all that wait: the earlier goes first where fee rates are the same. */
  readonly index: number
  /** Of itself with those of its ancestors that are not chosen yet. */
  fee: number
  weight: number
  sigopsCost: number
  isChosen = false
  /** The one in the heap that counts. */
  ranked: Ranked

  constructor(entry: MempoolEntry, index: number) {
    const { modifiedFee, weight, sigopsCost } = entry.ancestors
    this.entry = entry
    this.index = index
    this.fee = Number(modifiedFee)
    this.weight = weight
    this.sigopsCost = sigopsCost
    this.ranked = this.rank()
  }

  /**
   * Ranks it by its own fee rate or that of its package, whichever is lower: a poor child gains nothing by a
   * rich parent, which goes without it.
   */
  rank(): Ranked {
    const own = Number(this.entry.modifiedFee) / this.entry.weight
    this.ranked = { candidate: this, feeRate: Math.min(own, this.fee / this.weight) }
    return this.ranked
  }

  /** Takes notice that an ancestor was chosen. */
  discount({ modifiedFee, weight, sigopsCost }: MempoolEntry): void {
    this.fee -= Number(modifiedFee)
    this.weight -= weight
    this.sigopsCost -= sigopsCost
  }
}

/** A candidate with its fee rate at one moment, satoshis per weight unit. */
interface Ranked {
  readonly candidate: Candidate
  readonly feeRate: number
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return a.feeRate === b.feeRate ? a.candidate.index < b.candidate.index : a.feeRate > b.feeRate
}

function hasRelatives({ parents, children }: MempoolEntry): boolean {
  return parents.size > 0 || children.size > 0
}

class BlockFiller {
  readonly #limits: SelectionLimits
  readonly #candidates = new Map<MempoolEntry, Candidate>()
  readonly #heap: BinaryHeap<Ranked>
  readonly #chosen: MempoolEntry[] = []
  #weight = 0
  #sigopsCost = 0

  constructor(entries: Iterable<MempoolEntry>, limits: SelectionLimits) {
    this.#limits = limits
    const ranked: Ranked[] = []
    for (const entry of entries) {
      const candidate = new Candidate(entry, ranked.length)
      ranked.push(candidate.ranked)
      // Nobody looks for one that has no relatives.
      if (hasRelatives(entry)) this.#candidates.set(entry, candidate)
    }
    this.#heap = new BinaryHeap(isBefore, ranked)
  }

  fill(): readonly MempoolEntry[] {
    const minFeeRate = Number(BLOCK_MIN_FEE_SATS_PER_KVB) / WEIGHT_PER_KVB
    let failures = 0
    for (let next = this.#heap.pop(); next !== undefined; next = this.#heap.pop()) {
      const { candidate } = next
      if (candidate.isChosen || candidate.ranked !== next) continue
      // All that is left pays less.
      if (next.feeRate < minFeeRate) break
      if (this.#fits(candidate)) {
        this.#choose(candidate)
        failures = 0
      } else if (++failures > MAX_CONSECUTIVE_FAILURES && this.#isFullEnough()) break
    }
    return this.#chosen
  }

  #fits({ weight, sigopsCost }: Candidate): boolean {
    return (
      this.#weight + weight <= this.#limits.maxWeight &&
      this.#sigopsCost + sigopsCost <= this.#limits.maxSigopsCost
    )
  }

  #isFullEnough(): boolean {
    return this.#weight > this.#limits.maxWeight - FULL_ENOUGH_WEIGHT
  }

  #choose(candidate: Candidate): void {
    this.#weight += candidate.weight
    this.#sigopsCost += candidate.sigopsCost
    if (!hasRelatives(candidate.entry)) {
      this.#chosen.push(candidate.entry)
      return
    }
    const changed = new Set<Candidate>()
    for (const member of this.#listUnchosen(candidate)) {
      member.isChosen = true
      this.#chosen.push(member.entry)
      for (const descendant of collectRelatives(member.entry, 'children')) {
        const affected = this.#candidates.get(descendant)
        if (affected === undefined || affected.isChosen) continue
        affected.discount(member.entry)
        changed.add(affected)
      }
    }
    for (const affected of changed) if (!affected.isChosen) this.#heap.push(affected.rank())
  }

  /** A candidate and its ancestors that are not chosen, parents before children: they came in that order. */
  #listUnchosen({ entry }: Candidate): readonly Candidate[] {
    const members: Candidate[] = []
    for (const ancestor of collectRelatives(entry, 'parents')) {
      const candidate = this.#candidates.get(ancestor)
      if (candidate !== undefined && !candidate.isChosen) members.push(candidate)
    }
    return members.sort((a, b) => a.index - b.index)
  }
}

/**
 * Chooses transactions by the fee rate of each with its unconfirmed ancestors, best first; what does not fit is
 * passed over. Fees are what mining counts, so `prioritisetransaction` has its say.
 *
 * Whatever waits is valid on top of the tip, lock times included, so all that has to be heeded is room.
 *
 * @returns Parents before children.
 * @see Bitcoin Core `BlockAssembler::addPackageTxs`
 */
export function selectTransactions(
  mempool: Pick<Mempool, 'entries'>,
  limits: SelectionLimits,
): readonly MempoolEntry[] {
  return new BlockFiller(mempool.entries(), limits).fill()
}
