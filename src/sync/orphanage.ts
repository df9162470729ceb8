/** @module Transactions whose parents are unknown, kept until these come. */

import { DEFAULT_FAMILY_LIMITS } from '../mempool/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  computeWtxid,
  type Transaction,
  type TxidHex,
  toDisplayHex,
} from '../primitives/index.ts'
import type { Clock } from '../util/index.ts'
import type { PeerState } from './peer-state.ts'

/** Orphans of all peers together; one that several have sent or announced counts for each. @see Bitcoin Core `DEFAULT_MAX_ORPHANAGE_LATENCY_SCORE` */
export const MAX_ORPHANS = 3_000
/** Weight units of them, counted alike: one of the largest for each of 125 peers. */
export const MAX_ORPHAN_WEIGHT = 50_000_000
/** An orphan that lacks more of its parents could not be taken even with them. */
export const MAX_MISSING_PARENTS = DEFAULT_FAMILY_LIMITS.ancestorCount - 1
/** How long an orphan waits. @see Bitcoin Core `ORPHAN_TX_EXPIRE_TIME` */
export const ORPHAN_LIFETIME_MS = 20 * 60_000

/** A transaction that waits for its parents. */
export interface Orphan {
  readonly tx: Transaction
  readonly txid: TxidHex
  readonly wtxid: TxidHex
  /** Parents that have not come. */
  readonly missing: ReadonlySet<TxidHex>
}

interface HeldOrphan extends Orphan {
  readonly missing: Set<TxidHex>
  readonly weight: number
  /** Peers that have it, on whose accounts it is. */
  readonly holders: Set<PeerState>
  /** Of the monotonic clock. */
  readonly expiresMs: number
}

/** What one peer takes up. */
interface Account {
  /** The oldest first. */
  readonly orphans: Set<HeldOrphan>
  weight: number
}

/** Values under keys that have several. */
class MultiMap<Value> {
  readonly #values = new Map<string, Set<Value>>()

  add(key: string, value: Value): void {
    const values = this.#values.get(key)
    if (values === undefined) this.#values.set(key, new Set([value]))
    else values.add(value)
  }

  delete(key: string, value: Value): void {
    const values = this.#values.get(key)
    values?.delete(value)
    if (values?.size === 0) this.#values.delete(key)
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  /** A copy: it may be walked through while values go. */
  get(key: string): readonly Value[] {
    return [...(this.#values.get(key) ?? [])]
  }
}

/**
 * Holds orphans. When there are too many, the oldest of the peer that takes up the most goes, so that nobody loses one
 * while it takes up less than an equal share.
 *
 * @see Bitcoin Core `TxOrphanage`
 */
export class Orphanage {
  readonly #clock: Clock
  /** By wtxid, the oldest first. */
  readonly #orphans = new Map<TxidHex, HeldOrphan>()
  readonly #byTxid = new MultiMap<HeldOrphan>()
  /** By parents that are missing. */
  readonly #waiting = new MultiMap<HeldOrphan>()
  readonly #accounts = new Map<PeerState, Account>()
  #count = 0
  #weight = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many different orphans there are. */
  get size(): number {
    return this.#orphans.size
  }

  get(wtxid: TxidHex): Orphan | undefined {
    return this.#orphans.get(wtxid)
  }

  hasTxid(txid: TxidHex): boolean {
    return this.#byTxid.has(txid)
  }

  /** How many orphans are on a peer's account. */
  countOf(peer: PeerState): number {
    return this.#accounts.get(peer)?.orphans.size ?? 0
  }

  /**
   * Keeps a transaction, on the accounts of all who have it.
   *
   * @param missing - At least one, and at most {@link MAX_MISSING_PARENTS}.
   */
  add(tx: Transaction, missing: Iterable<TxidHex>, holders: Iterable<PeerState>): void {
    this.expire()
    const wtxid = toDisplayHex(computeWtxid(tx))
    let orphan = this.#orphans.get(wtxid)
    if (orphan === undefined) {
      orphan = {
        tx,
        txid: toDisplayHex(computeTxid(tx)),
        wtxid,
        missing: new Set(missing),
        weight: computeTransactionSize(tx).weight,
        holders: new Set(),
        expiresMs: this.#clock.monotonic() + ORPHAN_LIFETIME_MS,
      }
      this.#orphans.set(wtxid, orphan)
      this.#byTxid.add(orphan.txid, orphan)
      for (const parent of orphan.missing) this.#waiting.add(parent, orphan)
    }
    for (const holder of holders) this.#charge(holder, orphan)
    this.#trim()
  }

  /** Another peer has an orphan, too. */
  addHolder(peer: PeerState, wtxid: TxidHex): void {
    const orphan = this.#orphans.get(wtxid)
    if (orphan === undefined) return
    this.#charge(peer, orphan)
    this.#trim()
  }

  /** A transaction has come. Takes out, and returns, the orphans that lack no parent any more. */
  takeChildren(parent: TxidHex): readonly Orphan[] {
    const children = this.#waiting.get(parent)
    for (const child of children) {
      child.missing.delete(parent)
      this.#waiting.delete(parent, child)
    }
    const complete = children.filter(({ missing }) => missing.size === 0)
    for (const child of complete) this.#remove(child)
    return complete
  }

  /** A transaction won't ever come. Takes out, and returns, the orphans that wait for it. */
  dropChildren(parent: TxidHex): readonly Orphan[] {
    const children = this.#waiting.get(parent)
    for (const child of children) this.#remove(child)
    return children
  }

  /** A peer has gone. */
  forget(peer: PeerState): void {
    for (const orphan of this.#accounts.get(peer)?.orphans ?? []) this.#discharge(peer, orphan)
  }

  /** Drops those that have waited for too long. */
  expire(): void {
    const nowMs = this.#clock.monotonic()
    for (const orphan of this.#orphans.values()) {
      if (orphan.expiresMs > nowMs) return
      this.#remove(orphan)
    }
  }

  #trim(): void {
    while (this.#count > MAX_ORPHANS) this.#dropOldestOf(({ orphans }) => orphans.size)
    while (this.#weight > MAX_ORPHAN_WEIGHT) this.#dropOldestOf(({ weight }) => weight)
  }

  #dropOldestOf(measure: (account: Account) => number): void {
    let greatest: [PeerState, Account] | undefined
    for (const candidate of this.#accounts) {
      if (greatest === undefined || measure(candidate[1]) > measure(greatest[1])) {
        greatest = candidate
      }
    }
    for (const oldest of greatest?.[1].orphans ?? []) {
      if (greatest !== undefined) this.#discharge(greatest[0], oldest)
      return
    }
  }

  #charge(peer: PeerState, orphan: HeldOrphan): void {
    if (orphan.holders.has(peer)) return
    const account = this.#accounts.get(peer) ?? { orphans: new Set(), weight: 0 }
    this.#accounts.set(peer, account)
    orphan.holders.add(peer)
    account.orphans.add(orphan)
    account.weight += orphan.weight
    this.#count += 1
    this.#weight += orphan.weight
  }

  /** Takes an orphan off an account; who is on none is dropped. */
  #discharge(peer: PeerState, orphan: HeldOrphan): void {
    const account = this.#accounts.get(peer)
    if (account?.orphans.delete(orphan) !== true) return
    account.weight -= orphan.weight
    if (account.orphans.size === 0) this.#accounts.delete(peer)
    this.#count -= 1
    this.#weight -= orphan.weight
    orphan.holders.delete(peer)
    if (orphan.holders.size === 0) this.#remove(orphan)
  }

  #remove(orphan: HeldOrphan): void {
    if (!this.#orphans.delete(orphan.wtxid)) return
    this.#byTxid.delete(orphan.txid, orphan)
    for (const parent of orphan.missing) this.#waiting.delete(parent, orphan)
    for (const holder of orphan.holders) this.#discharge(holder, orphan)
  }
}
