/** @module Announcing our transactions and fetching those that others announce. */

import { ConsensusError } from '../consensus/index.ts'
import type { Mempool } from '../mempool/index.ts'
import { MempoolError } from '../mempool/index.ts'
import {
  decodeTransaction,
  fromDisplayHex,
  type Hash256,
  toDisplayHex,
} from '../primitives/index.ts'
import { type Clock, type Logger, LruMap, type Timer, toErrorMessage } from '../util/index.ts'
import { isStoreFailure } from './block-download.ts'
import { isPeerFault } from './block-policy.ts'
import { MAX_INV_ITEMS, type PeerNetwork } from './peer-network.ts'
import type { PeerState } from './peer-state.ts'

/** Transactions wait this long so that one INV carries many. */
const ANNOUNCE_DELAY_MS = 100
/** Announced transactions that wait to be asked for, per peer. @see Bitcoin Core `MAX_PEER_TX_ANNOUNCEMENTS` */
export const MAX_WANTED_PER_PEER = 5_000
/** Transactions asked of one peer at a time. @see Bitcoin Core `MAX_PEER_TX_REQUEST_IN_FLIGHT` */
export const MAX_TRANSACTIONS_PER_REQUEST = 100
/** How many refused transactions are remembered, so that they are not fetched again and again. */
export const MAX_REMEMBERED_REFUSALS = 10_000
/** How many of our announcements may wait. */
export const MAX_QUEUED_ANNOUNCEMENTS = 10_000

/** What relaying works with. */
export interface TransactionRelayDeps {
  readonly mempool: Mempool
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly drop: (peer: PeerState, reason: string) => void
  readonly fatal: (error: unknown) => void
}

/** Batches announcements; asks one announcer at a time for what we lack. */
export class TransactionRelay {
  readonly #deps: TransactionRelayDeps
  /** Wtxids to announce, in internal order. */
  #queue: Hash256[] = []
  #timer: Timer | undefined
  /** What each peer announced and we have not asked for yet: wtxids as hex. */
  readonly #wanted = new Map<PeerState, Set<string>>()
  readonly #inFlight = new Set<string>()
  readonly #refused = new LruMap<string, true>(MAX_REMEMBERED_REFUSALS)

  constructor(deps: TransactionRelayDeps) {
    this.#deps = deps
    deps.mempool.events.on('added', (entry) => this.#announce(fromDisplayHex(entry.wtxid)))
  }

  stop(): void {
    this.#timer?.cancel()
  }

  forget(peer: PeerState): void {
    this.#wanted.delete(peer)
  }

  /** A new tip may make valid what was refused before. */
  onTipChanged(): void {
    this.#refused.clear()
  }

  /** A peer has announced a transaction. */
  onAnnounced(peer: PeerState, wtxid: Hash256): void {
    const hex = toDisplayHex(wtxid)
    if (this.#deps.mempool.getByWtxid(hex) !== undefined || this.#refused.has(hex)) return
    let wanted = this.#wanted.get(peer)
    if (wanted === undefined) {
      wanted = new Set()
      this.#wanted.set(peer, wanted)
    }
    if (wanted.size < MAX_WANTED_PER_PEER) wanted.add(hex)
    void this.#fetch(peer)
  }

  #announce(wtxid: Hash256): void {
    if (this.#queue.length < MAX_QUEUED_ANNOUNCEMENTS) this.#queue.push(wtxid)
    this.#timer ??= this.#deps.clock.schedule(ANNOUNCE_DELAY_MS, () => {
      this.#timer = undefined
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0 && !this.#deps.signal.aborted) {
      const hashes = this.#queue.splice(0, MAX_INV_ITEMS)
      await this.#deps.network.publishAnnouncements(
        hashes.map((hash) => ({ kind: 'tx', hash }) as const),
      )
    }
  }

  #takeWanted(peer: PeerState): readonly string[] {
    const wanted = this.#wanted.get(peer)
    if (wanted === undefined) return []
    const batch: string[] = []
    for (const hex of wanted) {
      if (batch.length === MAX_TRANSACTIONS_PER_REQUEST) break
      if (this.#inFlight.has(hex)) continue
      wanted.delete(hex)
      const isKnown = this.#deps.mempool.getByWtxid(hex) !== undefined || this.#refused.has(hex)
      if (!isKnown) batch.push(hex)
    }
    return batch
  }

  async #fetch(peer: PeerState): Promise<void> {
    if (peer.isSendingTransactions || this.#deps.signal.aborted) return
    const batch = this.#takeWanted(peer)
    if (batch.length === 0) return
    peer.isSendingTransactions = true
    for (const hex of batch) this.#inFlight.add(hex)
    let isHealthy = true
    try {
      const items = batch.map((hex) => ({ kind: 'tx', hash: fromDisplayHex(hex) }) as const)
      for await (const reply of this.#deps.network.requestData(peer.id, items, this.#deps.signal)) {
        if (reply.bytes !== undefined) await this.#take(peer, reply.bytes, toDisplayHex(reply.hash))
      }
    } catch (error) {
      isHealthy = false
      this.#onFailure(peer, error)
    } finally {
      peer.isSendingTransactions = false
      for (const hex of batch) this.#inFlight.delete(hex)
    }
    if (isHealthy) void this.#fetch(peer)
    // What waited for this peer's answer may now be asked of another.
    for (const other of this.#wanted.keys()) if (other !== peer) void this.#fetch(other)
  }

  async #take(peer: PeerState, bytes: Uint8Array, wtxid: string): Promise<void> {
    try {
      await this.#deps.mempool.accept(decodeTransaction(bytes))
      this.#deps.network.credit(peer.id, 'tx')
    } catch (error) {
      if (!(error instanceof MempoolError || error instanceof ConsensusError)) throw error
      this.#refused.set(wtxid, true)
      this.#deps.log.debug('transaction refused', { wtxid, reason: error.code })
    }
  }

  #onFailure(peer: PeerState, error: unknown): void {
    if (this.#deps.signal.aborted) return
    if (isStoreFailure(error)) this.#deps.fatal(error)
    else if (isPeerFault(error)) {
      this.#deps.drop(peer, `sent an invalid transaction: ${toErrorMessage(error)}`)
    }
  }
}
