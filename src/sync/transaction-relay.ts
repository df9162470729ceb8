/** @module Announcing our transactions and fetching those that others announce. */

import type { BlockEvent, Chain } from '../chain/index.ts'
import { ConsensusError } from '../consensus/index.ts'
import {
  type Mempool,
  type MempoolEntry,
  MempoolError,
  type MempoolErrorCode,
  MissingInputsError,
  type OwnRecords,
} from '../mempool/index.ts'
import {
  computeTxid,
  computeWtxid,
  decodeTransaction,
  encodeTransaction,
  fromDisplayHex,
  type Hash256,
  type Transaction,
  type TxidHex,
  toDisplayHex,
} from '../primitives/index.ts'
import {
  type Clock,
  DecodeError,
  type Logger,
  LruMap,
  type RandomSource,
  toErrorMessage,
} from '../util/index.ts'
import { isStoreFailure } from './block-download.ts'
import { isPeerFault } from './block-policy.ts'
import { MAX_MISSING_PARENTS, Orphanage } from './orphanage.ts'
import { OwnTransactions } from './own-transactions.ts'
import { Patience } from './patience.ts'
import type { DataItem, PeerNetwork } from './peer-network.ts'
import { PeerPauses } from './peer-pauses.ts'
import type { PeerState } from './peer-state.ts'
import { TransactionAnnouncer } from './transaction-announcer.ts'
import { type TransactionName, TransactionRequests } from './transaction-requests.ts'

/**
 * How long a peer may keep us waiting for what it has announced, over all answers to one request; then others who have
 * announced it are asked. @see Bitcoin Core `GETDATA_TX_INTERVAL`, which is a minute
 */
export const TRANSACTION_TIMEOUT_MS = 10_000
/**
 * How long until what it has not sent yet is asked of others that have announced it; and how long what a peer announces
 * that was late before waits for others to announce it. @see Bitcoin Core `NONPREF_PEER_TX_DELAY`
 */
export const TRANSACTION_LATE_MS = 2_000
/** How long a peer that has kept us waiting is asked for no transactions. */
export const WITHHOLDER_PAUSE_MS = 30_000
/** How many refused transactions are remembered, so that they are not fetched again and again. */
export const MAX_REMEMBERED_REFUSALS = 10_000
/** How many ids of transactions in the newest blocks are remembered: what spends the same is not their orphan. */
export const MAX_REMEMBERED_CONFIRMATIONS = 20_000

/** Refusals that another witness could cure: they say nothing of the transaction's outputs. */
const WITNESS_REFUSALS: ReadonlySet<string> = new Set<MempoolErrorCode>([
  'tx-size',
  'no-witness-yet',
  'bad-witness-nonstandard',
  'min relay fee not met',
  'mempool min fee not met',
  'insufficient fee',
  'mempool full',
  'bad-txns-too-many-sigops',
  'mempool-script-verify-flag-failed',
])

/** Refusals of what waits already: they say nothing of the transaction, but that we need not fetch it. */
const KNOWN_REFUSALS: ReadonlySet<string> = new Set<MempoolErrorCode>([
  'txn-already-in-mempool',
  'txn-same-nonwitness-data-in-mempool',
])

/** What relaying works with. */
export interface TransactionRelayDeps {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  readonly signal: AbortSignal
  /** Called when a peer has sent what no honest peer sends. */
  readonly ban: (peer: PeerState, reason: string) => void
  readonly fatal: (error: unknown) => void
}

function toDataItem({ kind, id }: TransactionName): DataItem {
  return { kind, hash: fromDisplayHex(id) }
}

/** Asks one announcer at a time for what we lack; keeps orphans until their parents come; announces what is new. */
export class TransactionRelay {
  readonly #deps: TransactionRelayDeps
  readonly #announcer: TransactionAnnouncer
  readonly #requests: TransactionRequests
  readonly #orphanage: Orphanage
  readonly #own: OwnTransactions
  /** Wtxids; txids too of those that no witness could cure. */
  readonly #refused = new LruMap<TxidHex, true>(MAX_REMEMBERED_REFUSALS)
  /** Txids and wtxids. */
  readonly #confirmed = new LruMap<TxidHex, true>(MAX_REMEMBERED_CONFIRMATIONS)
  /** Orphans whose parents have come. */
  readonly #adopted: Transaction[] = []
  #isAdopting = false
  /** Of peers that are being asked. */
  readonly #patiences = new Set<Patience>()
  readonly #pauses: PeerPauses
  #isActive = false

  constructor(deps: TransactionRelayDeps) {
    this.#deps = deps
    const { chain, mempool, clock, random } = deps
    this.#requests = new TransactionRequests(random)
    this.#pauses = new PeerPauses(clock, (peer) => void this.#ask(peer))
    this.#orphanage = new Orphanage(clock)
    this.#announcer = new TransactionAnnouncer(deps)
    this.#own = new OwnTransactions({
      ...deps,
      announce: (wtxid) => this.#announcer.announce(wtxid),
    })
    mempool.events.on('added', (entry) => this.#onAdded(entry))
    chain.events.on('blockConnected', (event) => this.#onBlockConnected(event))
    chain.events.on('blockDisconnected', () => this.#confirmed.clear())
  }

  start(): void {
    this.#own.start()
  }

  stop(): void {
    this.#announcer.stop()
    this.#own.stop()
    this.#pauses.stop()
    for (const patience of this.#patiences) patience.end()
  }

  forget(peer: PeerState): void {
    this.#pauses.end(peer)
    this.#requests.forget(peer)
    this.#orphanage.forget(peer)
    this.#askAll()
  }

  /** A new tip may make valid what was refused before. */
  onTipChanged(): void {
    this.#refused.clear()
    void this.#adopt()
  }

  /** Drops orphans that have waited for too long. */
  expireOrphans(): void {
    this.#orphanage.expire()
  }

  /** Txids of our own transactions that no peer has asked for. */
  get unbroadcast(): ReadonlySet<TxidHex> {
    return this.#own.unbroadcast
  }

  /** Our own transactions, to be kept over a restart. */
  get own(): OwnRecords {
    return this.#own
  }

  /**
   * Takes a transaction of our own, and announces it until it is mined.
   *
   * @throws {@link ConsensusError}, {@link MempoolError} if it is refused.
   */
  async submit(tx: Transaction): Promise<MempoolEntry> {
    const known = this.#deps.mempool.get(toDisplayHex(computeTxid(tx)))
    const entry = known ?? (await this.#deps.mempool.accept(tx))
    this.#own.restore(entry, known === undefined)
    if (known !== undefined) this.#announcer.announce(entry.wtxid)
    return entry
  }

  /** A waiting transaction for a peer that asks for it; undefined if there is none. */
  serve({ kind, hash }: DataItem): Uint8Array | undefined {
    const { mempool } = this.#deps
    const id = toDisplayHex(hash)
    const entry = kind === 'txid' ? mempool.get(id) : mempool.getByWtxid(id)
    if (entry === undefined) return undefined
    this.#own.onServed(entry.txid)
    return encodeTransaction(entry.tx)
  }

  /** A peer has announced transactions. Not to be called before our chain is level with others'. */
  onAnnounced(peer: PeerState, wtxids: readonly Hash256[]): void {
    this.#isActive = true
    for (const wtxid of wtxids) {
      const id = toDisplayHex(wtxid)
      const orphan = this.#orphanage.get(id)
      if (orphan !== undefined) {
        this.#orphanage.addHolder(peer, id)
        this.#wantParents(peer, orphan.missing)
      } else if (!this.#isKnown(id)) this.#requests.add(peer, { kind: 'tx', id })
    }
    // Others have the time to announce the same.
    if (peer.standing === 'doubted' && !this.#pauses.has(peer)) {
      this.#pauses.begin(peer, TRANSACTION_LATE_MS)
    }
    void this.#ask(peer)
  }

  #isKnown(wtxid: TxidHex): boolean {
    const isWaiting = this.#deps.mempool.getByWtxid(wtxid) !== undefined
    return isWaiting || this.#refused.has(wtxid) || this.#confirmed.has(wtxid)
  }

  // What has come, by whatever way.

  #onAdded({ txid, wtxid }: MempoolEntry): void {
    this.#announcer.announce(wtxid)
    this.#requests.settle({ kind: 'tx', id: wtxid })
    this.#onArrived(txid)
    void this.#adopt()
  }

  #onBlockConnected({ block }: BlockEvent): void {
    if (!this.#isActive) return
    for (const tx of block.transactions) {
      const [txid, wtxid] = [toDisplayHex(computeTxid(tx)), toDisplayHex(computeWtxid(tx))]
      this.#confirmed.set(txid, true)
      this.#confirmed.set(wtxid, true)
      this.#requests.settle({ kind: 'tx', id: wtxid })
      this.#onArrived(txid)
    }
  }

  /** A transaction is here: nobody is asked for it any more, and its orphans may come in. */
  #onArrived(txid: TxidHex): void {
    this.#requests.settle({ kind: 'txid', id: txid })
    for (const { tx } of this.#orphanage.takeChildren(txid)) this.#adopted.push(tx)
  }

  // Fetching.

  #askAll(): void {
    for (const peer of this.#requests.peersToAsk()) void this.#ask(peer)
  }

  async #ask(peer: PeerState): Promise<void> {
    const { clock, network, signal } = this.#deps
    if (peer.isSendingTransactions || this.#pauses.has(peer) || signal.aborted) return
    const batch = this.#requests.take(peer)
    if (batch.length === 0) return
    peer.isSendingTransactions = true
    const owed = new Set(batch)
    const patience = new Patience({
      clock,
      limitMs: TRANSACTION_TIMEOUT_MS,
      lateMs: TRANSACTION_LATE_MS,
      onLate: () => this.#askOthers(peer, owed),
    })
    this.#patiences.add(patience)
    let isDone = false
    try {
      const names = batch.values()
      const replies = network.requestData(peer.id, batch.map(toDataItem), patience.signal)
      for await (const { bytes } of patience.each(replies)) {
        const name = names.next()
        if (name.done === true) continue
        const isNew = await this.#take(peer, name.value, bytes)
        owed.delete(name.value)
        if (isNew && !patience.isLate) peer.standing = 'proven'
      }
      isDone = true
    } catch (error) {
      this.#onFailure(peer, error)
    } finally {
      this.#patiences.delete(patience)
      peer.isSendingTransactions = false
      this.#giveUp(peer, owed)
    }
    if (!isDone) this.#doubt(peer)
    this.#askAll()
  }

  /** Others are asked meanwhile. */
  #doubt(peer: PeerState): void {
    if (this.#deps.signal.aborted || peer.isGone) return
    this.#deps.log.debug('no transactions asked of a peer for a while', { peer: peer.id })
    peer.standing = 'doubted'
    this.#pauses.begin(peer, WITHHOLDER_PAUSE_MS)
  }

  /**
   * A peer is late: others who have announced what it owes are asked for it, too. Announcing early is no way to keep
   * others' transactions back.
   */
  #askOthers(peer: PeerState, owed: Iterable<TransactionName>): void {
    for (const name of owed) {
      // Where nobody else has it, being slow does no harm.
      if (this.#requests.announcersOf(name).length > 1) peer.standing = 'doubted'
      this.#requests.release(peer, name)
    }
    this.#askAll()
  }

  /** The first that a peer owes us is given up. Those behind it, which it may have, are for everybody again. */
  #giveUp(peer: PeerState, owed: Iterable<TransactionName>): void {
    let isFirst = true
    for (const name of owed) {
      if (isFirst) this.#requests.fail(peer, name)
      else this.#requests.release(peer, name)
      isFirst = false
    }
  }

  #onFailure(peer: PeerState, error: unknown): void {
    if (this.#deps.signal.aborted) return
    if (isStoreFailure(error)) this.#deps.fatal(error)
    else if (isPeerFault(error)) {
      this.#deps.ban(peer, `sent an invalid transaction: ${toErrorMessage(error)}`)
    }
  }

  /** Returns whether it brings a transaction that is worth keeping. */
  async #take(
    peer: PeerState,
    name: TransactionName,
    bytes: Uint8Array | undefined,
  ): Promise<boolean> {
    if (bytes === undefined) {
      this.#requests.fail(peer, name)
      return false
    }
    const tx = decodeTransaction(bytes)
    const wtxid = toDisplayHex(computeWtxid(tx))
    const id = name.kind === 'tx' ? wtxid : toDisplayHex(computeTxid(tx))
    if (id !== name.id) {
      throw new DecodeError('bad-value', 0, 'another transaction than the one asked for')
    }
    const isNew = !this.#isKnown(wtxid) && (await this.#judge(tx, peer))
    if (isNew) this.#deps.network.credit(peer.id, 'tx')
    this.#requests.settle({ kind: 'tx', id: wtxid })
    // By txid another may have it with a better witness.
    if (this.#orphanage.get(wtxid) === undefined) this.#requests.fail(peer, name)
    else this.#requests.settle(name)
    return isNew
  }

  /** Returns whether it is taken. @param peer - Who sent it, if it has just come. */
  async #judge(tx: Transaction, peer: PeerState | undefined): Promise<boolean> {
    try {
      await this.#deps.mempool.accept(tx)
      return true
    } catch (error) {
      if (!(error instanceof MempoolError || error instanceof ConsensusError)) throw error
      if (error instanceof MissingInputsError) this.#onMissing(tx, error, peer)
      else this.#refuse(tx, error.code)
      return false
    }
  }

  // Orphans.

  #onMissing(tx: Transaction, { parents, code }: MissingInputsError, peer?: PeerState): void {
    const isSpent = (parent: TxidHex): boolean => {
      return this.#refused.has(parent) || this.#confirmed.has(parent)
    }
    if (parents.length === 0 || parents.length > MAX_MISSING_PARENTS || parents.some(isSpent)) {
      this.#refuse(tx, code)
      return
    }
    const missing = parents.filter((parent) => this.#deps.mempool.get(parent) === undefined)
    if (missing.length === 0) {
      this.#adopted.push(tx)
      void this.#adopt()
    } else if (peer !== undefined) {
      const name = { kind: 'tx', id: toDisplayHex(computeWtxid(tx)) } as const
      const holders = [peer, ...this.#requests.announcersOf(name)]
      this.#orphanage.add(tx, missing, holders)
      for (const holder of holders) this.#wantParents(holder, missing)
    }
  }

  /** Asks a peer that has an orphan for the parents that are not orphans themselves. */
  #wantParents(peer: PeerState, missing: Iterable<TxidHex>): void {
    for (const id of missing) {
      if (!this.#orphanage.hasTxid(id)) this.#requests.add(peer, { kind: 'txid', id })
    }
    void this.#ask(peer)
  }

  /** Tries orphans whose parents have come; each that is taken may bring in its own. */
  async #adopt(): Promise<void> {
    if (this.#isAdopting) return
    this.#isAdopting = true
    try {
      for (let tx = this.#adopted.shift(); tx !== undefined; tx = this.#adopted.shift()) {
        const isKnown = this.#isKnown(toDisplayHex(computeWtxid(tx)))
        if (!isKnown && !this.#deps.signal.aborted) await this.#judge(tx, undefined)
      }
    } catch (error) {
      if (!this.#deps.signal.aborted) this.#deps.fatal(error)
    } finally {
      this.#isAdopting = false
    }
  }

  /** Remembers that a transaction is refused; so are the orphans that wait for it. */
  #refuse(tx: Transaction, code: string): void {
    const refused = [{ tx, code }]
    for (const { tx, code } of refused) {
      const [txid, wtxid] = [toDisplayHex(computeTxid(tx)), toDisplayHex(computeWtxid(tx))]
      this.#deps.log.debug('transaction refused', { wtxid, reason: code })
      this.#refused.set(wtxid, true)
      if (WITNESS_REFUSALS.has(code) && txid !== wtxid) continue
      if (KNOWN_REFUSALS.has(code)) continue
      this.#refused.set(txid, true)
      this.#requests.settle({ kind: 'txid', id: txid })
      for (const child of this.#orphanage.dropChildren(txid)) {
        refused.push({ tx: child.tx, code: 'missing-inputs' })
      }
    }
  }
}
