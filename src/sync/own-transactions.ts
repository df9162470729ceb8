/** @module The node's own transactions, announced again and again until they are mined. */

import type { Mempool, MempoolEntry, OwnRecords } from '../mempool/index.ts'
import type { TxidHex } from '../primitives/index.ts'
import type { Clock, RandomSource, Timer } from '../util/index.ts'

/** The shortest pause between two announcements of all, and how much longer it is at random. @see Bitcoin Core `PeerManagerImpl::ReattemptInitialBroadcast` */
export const REANNOUNCE_INTERVAL_MS = 10 * 60_000
export const REANNOUNCE_JITTER_MS = 5 * 60_000

/** What they are kept with. */
export interface OwnTransactionsDeps {
  readonly mempool: Mempool
  readonly clock: Clock
  readonly random: RandomSource
  readonly announce: (wtxid: TxidHex) => void
}

/**
 * Remembers which waiting transactions came from here, and which of them no peer has asked for yet. No more than the
 * mempool holds. Pauses are random, so that a watcher does not tell by them whose transactions these are.
 */
export class OwnTransactions implements OwnRecords {
  readonly #deps: OwnTransactionsDeps
  readonly #own = new Set<TxidHex>()
  readonly #unbroadcast = new Set<TxidHex>()
  #timer: Timer | undefined

  constructor(deps: OwnTransactionsDeps) {
    this.#deps = deps
    const { events } = deps.mempool
    events.on('confirmed', ({ txid }) => this.#forget(txid))
    events.on('dropped', ({ entry }) => this.#forget(entry.txid))
  }

  start(): void {
    const { clock, random } = this.#deps
    const pauseMs = REANNOUNCE_INTERVAL_MS + random.float() * REANNOUNCE_JITTER_MS
    this.#timer = clock.schedule(pauseMs, () => {
      this.#announceAll()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Txids of those that no peer has asked for. @see Bitcoin Core `CTxMemPool::m_unbroadcast_txids` */
  get unbroadcast(): ReadonlySet<TxidHex> {
    return this.#unbroadcast
  }

  /** Those that wait, each with whether no peer has asked for it. */
  *list(): IterableIterator<readonly [txid: TxidHex, isUnbroadcast: boolean]> {
    for (const txid of this.#own) yield [txid, this.#unbroadcast.has(txid)]
  }

  /** Takes a waiting transaction for our own, whether it has just come or did in an earlier run. */
  restore({ txid }: MempoolEntry, isUnbroadcast: boolean): void {
    this.#own.add(txid)
    if (isUnbroadcast) this.#unbroadcast.add(txid)
  }

  /** A peer has asked for a transaction. */
  onServed(txid: TxidHex): void {
    this.#unbroadcast.delete(txid)
  }

  #announceAll(): void {
    const { mempool, announce } = this.#deps
    for (const txid of this.#own) {
      const entry = mempool.get(txid)
      // A reorganisation may have made it invalid.
      if (entry === undefined) this.#forget(txid)
      else announce(entry.wtxid)
    }
  }

  #forget(txid: TxidHex): void {
    this.#own.delete(txid)
    this.#unbroadcast.delete(txid)
  }
}
