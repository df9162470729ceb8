/** @module A waiting transaction, and what it needs and is needed by. */

import type { Transaction, TxidHex } from '../primitives/index.ts'

/** Sums over a waiting transaction with all that it needs, or with all that needs it. */
export interface PackageTotals {
  /** Transactions, itself included. */
  readonly count: number
  /** Virtual bytes. */
  readonly virtualSize: number
  readonly weight: number
  readonly sigopsCost: number
  /** Satoshis. */
  readonly fee: bigint
  /** Satoshis as mining counts them. */
  readonly modifiedFee: bigint
}

/** What is known of a transaction when it is taken. */
export interface MempoolEntryInit {
  readonly tx: Transaction
  readonly txid: TxidHex
  readonly wtxid: TxidHex
  /** Satoshis. */
  readonly fee: bigint
  /** Satoshis by which mining counts it as paying more, or less. */
  readonly feeDelta: bigint
  readonly weight: number
  /** Virtual bytes. */
  readonly virtualSize: number
  /** Serialised bytes. */
  readonly size: number
  readonly sigopsCost: number
  /** Waiting transactions whose outputs it spends. */
  readonly parents: Iterable<WaitingTransaction>
  /** Height of the tip on which it was judged. */
  readonly height: number
  /** Milliseconds since the Unix epoch. */
  readonly addedMs: number
}

/** A waiting transaction and what is known of it. */
export interface MempoolEntry extends Omit<MempoolEntryInit, 'parents' | 'feeDelta'> {
  /** Satoshis as mining counts them. @see Bitcoin Core `GetModifiedFee` */
  readonly modifiedFee: bigint
  /** Waiting transactions whose outputs it spends. */
  readonly parents: ReadonlySet<MempoolEntry>
  /** Waiting transactions that spend its outputs. */
  readonly children: ReadonlySet<MempoolEntry>
  /** Of itself with all that it needs. */
  readonly ancestors: PackageTotals
  /** Of itself with all that need it. */
  readonly descendants: PackageTotals
}

/** Totals that change. */
class Totals implements PackageTotals {
  count = 0
  virtualSize = 0
  weight = 0
  sigopsCost = 0
  fee = 0n
  modifiedFee = 0n

  /** @param sign - 1 to add the entry itself, -1 to take it away. */
  include(entry: MempoolEntry, sign: 1 | -1): void {
    this.count += sign
    this.virtualSize += sign * entry.virtualSize
    this.weight += sign * entry.weight
    this.sigopsCost += sign * entry.sigopsCost
    const factor = BigInt(sign)
    this.fee += factor * entry.fee
    this.modifiedFee += factor * entry.modifiedFee
  }
}

/** An entry with all that can be reached from it by steps of one kind, itself first. */
export function collectRelatives<Entry extends MempoolEntry>(
  start: Entry,
  kind: 'parents' | 'children',
): ReadonlySet<Entry> {
  const reached = new Set([start])
  // A set yields what is added to it while it is walked through.
  for (const entry of reached) {
    for (const next of entry[kind]) reached.add(next as Entry)
  }
  return reached
}

/**
 * A {@link MempoolEntry} as the mempool changes it. Totals are kept up to date in steps: each change costs as
 * much as there are relatives, of which there are few.
 */
export class WaitingTransaction implements MempoolEntry {
  readonly tx: Transaction
  readonly txid: TxidHex
  readonly wtxid: TxidHex
  readonly fee: bigint
  readonly weight: number
  readonly virtualSize: number
  readonly size: number
  readonly sigopsCost: number
  readonly height: number
  readonly addedMs: number
  readonly parents: Set<WaitingTransaction>
  readonly children = new Set<WaitingTransaction>()
  readonly ancestors = new Totals()
  readonly descendants = new Totals()
  #modifiedFee: bigint

  constructor(init: MempoolEntryInit) {
    this.tx = init.tx
    this.txid = init.txid
    this.wtxid = init.wtxid
    this.fee = init.fee
    this.weight = init.weight
    this.virtualSize = init.virtualSize
    this.size = init.size
    this.sigopsCost = init.sigopsCost
    this.height = init.height
    this.addedMs = init.addedMs
    this.parents = new Set(init.parents)
    this.#modifiedFee = init.fee + init.feeDelta
  }

  get modifiedFee(): bigint {
    return this.#modifiedFee
  }

  /** Counts it in with its relatives. Nothing may need it yet. */
  link(): void {
    for (const parent of this.parents) parent.children.add(this)
    for (const ancestor of collectRelatives<WaitingTransaction>(this, 'parents')) {
      this.ancestors.include(ancestor, 1)
      ancestor.descendants.include(this, 1)
    }
  }

  /** Counts it out. Either nothing needs it any more, or it needs nothing any more. */
  unlink(): void {
    for (const ancestor of collectRelatives<WaitingTransaction>(this, 'parents')) {
      ancestor.descendants.include(this, -1)
    }
    for (const descendant of collectRelatives<WaitingTransaction>(this, 'children')) {
      descendant.ancestors.include(this, -1)
    }
    for (const parent of this.parents) parent.children.delete(this)
    for (const child of this.children) child.parents.delete(this)
  }

  /** Has mining count it as paying so many satoshis more. */
  addFeeDelta(delta: bigint): void {
    this.#modifiedFee += delta
    for (const ancestor of collectRelatives<WaitingTransaction>(this, 'parents')) {
      ancestor.descendants.modifiedFee += delta
    }
    for (const descendant of collectRelatives<WaitingTransaction>(this, 'children')) {
      descendant.ancestors.modifiedFee += delta
    }
  }
}
