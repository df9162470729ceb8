/** @module Keeps the chain level with its peers: the handlers behind every message. */

import {
  type AcceptedBlock,
  type BlockEntry,
  type BlockOutcome,
  type Chain,
  findLocatorFork,
  type TipEvent,
} from '../chain/index.ts'
import { ConsensusError, checkProofOfWork } from '../consensus/index.ts'
import type { Mempool, MempoolEntry, OwnRecords } from '../mempool/index.ts'
import {
  type Block,
  type BlockHash,
  type BlockHeader,
  computeBlockHash,
  encodeBlock,
  encodeHeader,
  type Transaction,
  type TxidHex,
  toDisplayHex,
} from '../primitives/index.ts'
import {
  type Clock,
  DecodeError,
  EventEmitter,
  type Logger,
  type RandomSource,
  type Timer,
  toErrorMessage,
} from '../util/index.ts'
import { BlockAnnouncer } from './block-announcer.ts'
import { BlockDownload, isStoreFailure } from './block-download.ts'
import { hasTooLittleWork, verdictOf } from './block-policy.ts'
import { BlockPropagation, type PropagationStats } from './block-propagation.ts'
import { BlockRelay, findUnknown, MAX_WHOLE_BLOCK_SIZE } from './block-relay.ts'
import { HeaderSync } from './header-sync.ts'
import { LevelWatch } from './level-watch.ts'
import { forgetExcessHeaders } from './loose-headers.ts'
import {
  type Announcement,
  type DataItem,
  type GossipBlock,
  type GossipVerdict,
  MAX_HEADERS,
  type PeerId,
  type PeerInfo,
  type PeerNetwork,
  type PeerNetworkHandlers,
  type PeerStatus,
} from './peer-network.ts'
import { PeerState } from './peer-state.ts'
import { StoredBlocks } from './stored-blocks.ts'
import { FAR_BEHIND_BLOCKS, SyncProgress } from './sync-progress.ts'
import { TransactionRelay } from './transaction-relay.ts'

/** How often each peer is asked for its STATUS, so that nothing that gossip lost stays lost. */
const STATUS_INTERVAL_MS = 10_000
/** How often is looked for peers that stall, and for claims that have lost their weight. */
const CHECK_INTERVAL_MS = 1_000
/** How long a peer is refused that has sent what no honest peer sends. */
const INVALID_DATA_BAN_MS = 600_000
/** A node with peers to dial waits this long for one before it counts itself as caught up. */
const SOLO_GRACE_MS = 3_000

/** What synchronisation works with. */
export interface SynchronizerDeps {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  /** Called when the store failed: the node must stop. */
  readonly fatal: (error: unknown) => void
  /** Called once, when {@link Synchronizer.isCaughtUp} becomes true. */
  readonly onCaughtUp: () => void
}

/** What synchronisation tells. */
export interface SynchronizerEvents extends Record<string, unknown> {
  /** A handshake is done. */
  peerConnected: PeerInfo
  /** As it was known last. */
  peerGone: PeerInfo
}

/** A block of our own that is valid as far as its branch was connected. */
export interface SubmittedBlock extends AcceptedBlock {
  readonly outcome: Exclude<BlockOutcome, ConsensusError>
}

/** How synchronisation works. */
export interface SynchronizerOptions {
  /** Named in STATUS. */
  readonly userAgent: string
  /** Whether there are peers to be dialled, so that the node should wait for them before it mines. Read at the start. */
  readonly expectsPeers: boolean
  /** Blocks of our own up to so many bytes are gossiped whole; unless told otherwise {@link MAX_WHOLE_BLOCK_SIZE}. */
  readonly maxWholeBlockSize?: number
}

/**
 * Answers every message of every peer, and asks for what is missing: headers first, then bodies.
 *
 * Blocks from gossip, from announcements, from downloads and from our own miner all end in
 * `Chain.acceptBlock`; nothing here decides what is valid.
 */
export class Synchronizer implements PeerNetworkHandlers {
  readonly events = new EventEmitter<SynchronizerEvents>()
  readonly #deps: SynchronizerDeps
  readonly #options: SynchronizerOptions
  readonly #peers = new Map<PeerId, PeerState>()
  readonly #abort = new AbortController()
  readonly #stored: StoredBlocks
  readonly #headerSync: HeaderSync
  readonly #relay: BlockRelay
  readonly #propagation: BlockPropagation
  readonly #download: BlockDownload
  readonly #transactions: TransactionRelay
  readonly #progress: SyncProgress
  readonly #announcer: BlockAnnouncer
  readonly #level: LevelWatch
  #statusTimer: Timer | undefined
  #graceTimer: Timer | undefined
  #checkTimer: Timer | undefined

  constructor(deps: SynchronizerDeps, options: SynchronizerOptions) {
    this.#deps = deps
    this.#options = options
    const drop = (peer: PeerState, reason: string): void => {
      void deps.network.disconnect(peer.id, reason)
    }
    const ban = (peer: PeerState, reason: string): void => {
      void deps.network.ban(peer.id, INVALID_DATA_BAN_MS, reason)
    }
    const onProgress = (): void => this.#onProgress()
    const peers = (): readonly PeerState[] => [...this.#peers.values()]
    const shared = { ...deps, signal: this.#abort.signal, drop, ban, onProgress, peers }
    this.#propagation = new BlockPropagation(deps.clock)
    this.#headerSync = new HeaderSync(shared)
    this.#stored = new StoredBlocks(deps.chain, deps.log)
    this.#relay = new BlockRelay({
      ...shared,
      stored: this.#stored,
      maxWholeBlockSize: options.maxWholeBlockSize ?? MAX_WHOLE_BLOCK_SIZE,
      propagation: this.#propagation,
      getPeer: (id) => this.#peers.get(id),
      isHeaderWanted: (header) => this.#isHeaderWanted(header),
      onError: (error, from) => this.#onGossipError(error, from),
    })
    const isLeftToGossip = (entry: BlockEntry): boolean => {
      return this.isCaughtUp && this.#relay.isOnItsWay(entry)
    }
    this.#download = new BlockDownload({ ...shared, isLeftToGossip })
    this.#transactions = new TransactionRelay(shared)
    this.#progress = new SyncProgress(deps.clock, deps.log)
    this.#announcer = new BlockAnnouncer(deps)
    this.#level = new LevelWatch(deps)
    deps.chain.events.on('tipChanged', (event) => this.#onTipChanged(event))
  }

  async start(): Promise<void> {
    const { clock, network } = this.#deps
    await network.start(this)
    this.#transactions.start()
    this.#graceTimer = clock.schedule(this.#options.expectsPeers ? SOLO_GRACE_MS : 0, () => {
      this.#level.endGrace()
      this.#onProgress()
    })
    this.#scheduleStatus()
    this.#scheduleCheck()
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    this.#graceTimer?.cancel()
    this.#statusTimer?.cancel()
    this.#checkTimer?.cancel()
    this.#announcer.stop()
    this.#transactions.stop()
    await this.#deps.network.stop()
  }

  /**
   * Whether the chain has once been level with what its peers claimed. Stays true: a peer's later claims
   * never stop our miner.
   */
  get isCaughtUp(): boolean {
    return this.#level.isReached
  }

  /** Heights of the blocks that a peer was asked for and that have not come. */
  blocksInFlight(id: PeerId): readonly number[] {
    return this.#download.heightsAskedOf(id)
  }

  /** How early a peer tells of blocks. */
  propagationOf(id: PeerId): PropagationStats {
    return this.#propagation.of(id)
  }

  /** Whether the node is far behind what its peers have, or the best header that it knows: at its start or later. */
  get isFarBehind(): boolean {
    const { bestHeader, tip } = this.#deps.chain
    const isAhead = bestHeader.chainWork > tip.chainWork
    return (
      this.#progress.isFarBehind || (isAhead && bestHeader.height - tip.height > FAR_BEHIND_BLOCKS)
    )
  }

  /**
   * Takes a block of our own, from the miner or over RPC, and sends it to every peer.
   *
   * @throws {@link ConsensusError} if it is invalid, as any block would be, whether that shows at once or when
   * it is connected.
   */
  async submitBlock(block: Block): Promise<SubmittedBlock> {
    const { chain, mempool } = this.#deps
    const hash = toDisplayHex(computeBlockHash(block.header))
    forgetExcessHeaders(chain, [...this.#peers.values()])
    // Once the block is connected the mempool has forgotten what it knew.
    const unknown = findUnknown(block, mempool)
    let published: Promise<void> | undefined
    // At once: until it is written down, others would hear of it some other way and fetch it whole.
    const offConnected = chain.events.on('blockConnected', ({ entry }) => {
      if (entry.hashHex === hash) published = this.#relay.publish(block, unknown)
    })
    try {
      const { entry, outcome } = await chain.acceptBlock(block)
      if (outcome instanceof ConsensusError) throw outcome
      await published
      return { entry, outcome }
    } catch (error) {
      if (isStoreFailure(error)) this.#deps.fatal(error)
      throw error
    } finally {
      offConnected()
    }
  }

  /**
   * Takes a transaction of our own, and announces it until it is mined.
   *
   * @throws {@link ConsensusError}, `MempoolError` if it is refused.
   */
  submitTransaction(tx: Transaction): Promise<MempoolEntry> {
    return this.#transactions.submit(tx)
  }

  /** Our own transactions, to be kept over a restart. */
  get ownTransactions(): OwnRecords {
    return this.#transactions.own
  }

  /** Txids of our own transactions that no peer has asked for yet. */
  get unbroadcast(): ReadonlySet<TxidHex> {
    return this.#transactions.unbroadcast
  }

  /**
   * Takes a header over RPC.
   *
   * @throws {@link ConsensusError} if it is invalid.
   */
  submitHeader(header: BlockHeader): BlockEntry {
    forgetExcessHeaders(this.#deps.chain, [...this.#peers.values()])
    return this.#deps.chain.acceptHeader(header)
  }

  // Handlers of PeerNetwork.

  status(): PeerStatus {
    const { chain } = this.#deps
    const { prunedHeight } = chain
    return {
      ...(prunedHeight > 0 && { prunedHeight }),
      genesisHash: chain.genesis.hash,
      tipHash: chain.tip.hash,
      tipHeight: chain.tip.height,
      chainWork: chain.tip.chainWork,
      userAgent: this.#options.userAgent,
    }
  }

  acceptsStatus(status: PeerStatus): boolean {
    return toDisplayHex(status.genesisHash) === this.#deps.chain.genesis.hashHex
  }

  onPeerStatus(info: PeerInfo): void {
    let peer = this.#peers.get(info.id)
    if (peer === undefined) {
      peer = new PeerState(info)
      this.#peers.set(info.id, peer)
      this.events.emit('peerConnected', info)
    }
    peer.info = info
    this.#examineClaim(peer)
  }

  onPeerGone(id: PeerId): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) return
    this.#peers.delete(id)
    peer.isGone = true
    this.#transactions.forget(peer)
    this.#propagation.forget(id)
    this.events.emit('peerGone', peer.info)
    this.#onProgress()
  }

  onGossipBlock(block: GossipBlock, from: PeerId): Promise<GossipVerdict> {
    return this.#relay.onGossipBlock(block, from)
  }

  onAnnouncements(items: readonly Announcement[], from: PeerId): GossipVerdict {
    const peer = this.#peers.get(from)
    if (peer === undefined) return 'ignore'
    try {
      const isOf = (kind: string) => (item: Announcement) => item.kind === kind
      const transactions = items.filter(isOf('tx')).map(({ hash }) => hash)
      if (this.isCaughtUp) this.#transactions.onAnnounced(peer, transactions)
      for (const item of items.filter(isOf('block'))) this.#onBlockAnnounced(peer, item)
    } catch (error) {
      this.#onGossipError(error, from)
      return verdictOf(error) === 'reject' ? 'reject' : 'ignore'
    } finally {
      this.#onProgress()
    }
    return 'ignore'
  }

  serveHeaders(locator: readonly BlockHash[], stop: BlockHash | undefined): readonly Uint8Array[] {
    const { chain } = this.#deps
    const headers: Uint8Array[] = []
    const stopHex = stop === undefined ? undefined : toDisplayHex(stop)
    let height = findLocatorFork(chain, locator).height + 1
    for (; headers.length < MAX_HEADERS; height++) {
      const entry = chain.getActiveEntry(height)
      if (entry === undefined) break
      headers.push(encodeHeader(entry.header))
      if (entry.hashHex === stopHex) break
    }
    return headers
  }

  async serveData(item: DataItem): Promise<Uint8Array | undefined> {
    if (item.kind !== 'block') return this.#transactions.serve(item)
    const hex = toDisplayHex(item.hash)
    const entry = this.#deps.chain.getEntry(hex)
    if (entry === undefined || entry.isFailed) return undefined
    if (entry.hasBody) return this.#stored.read(entry)
    const unstored = this.#relay.getUnstored(hex)
    return unstored === undefined ? undefined : encodeBlock(unstored)
  }

  serveTransactions(
    blockHash: BlockHash,
    indexes: readonly number[],
  ): Promise<readonly Uint8Array[] | undefined> {
    return this.#relay.serveTransactions(blockHash, indexes)
  }

  // What follows from them.

  /** Looks into what a peer says it has. */
  #examineClaim(peer: PeerState): void {
    const { chain } = this.#deps
    const { tipHash, chainWork } = peer.info.status
    const entry = chain.getEntry(toDisplayHex(tipHash))
    if (entry !== undefined) {
      peer.learn(entry)
      peer.isSettled = true
    } else if (chainWork >= chain.tip.chainWork) this.#headerSync.start(peer)
    else peer.isSettled = true
    this.#onProgress()
  }

  #onBlockAnnounced(peer: PeerState, item: Announcement): void {
    const { chain } = this.#deps
    const known = chain.getEntry(toDisplayHex(item.hash))
    if (known !== undefined) {
      this.#propagation.onHeard(known.hashHex, peer.id, false)
      peer.learn(known)
      return
    }
    if (item.header === undefined) return
    this.#checkAnnouncedHeader(item.header, item.hash)
    if (chain.getEntry(toDisplayHex(item.header.prevBlockHash)) === undefined) {
      this.#headerSync.start(peer)
      return
    }
    if (!this.#isHeaderWanted(item.header)) return
    const entry = chain.acceptHeader(item.header)
    if (this.isCaughtUp) this.#propagation.onHeard(entry.hashHex, peer.id, true)
    peer.learn(entry)
  }

  /** Whether a header that nobody asked for is worth a place in memory. */
  #isHeaderWanted(header: BlockHeader): boolean {
    const { chain } = this.#deps
    if (hasTooLittleWork(chain, [header])) return false
    forgetExcessHeaders(chain, [...this.#peers.values()])
    return true
  }

  #checkAnnouncedHeader(header: BlockHeader, hash: Uint8Array): void {
    const computed = computeBlockHash(header)
    if (toDisplayHex(computed) !== toDisplayHex(hash)) {
      throw new DecodeError('bad-value', 0, 'an announced header has another hash')
    }
    checkProofOfWork(header, computed, this.#deps.chain.params)
  }

  #onGossipError(error: unknown, from: PeerId): void {
    if (this.#abort.signal.aborted) return
    if (isStoreFailure(error)) {
      this.#deps.fatal(error)
      return
    }
    const peer = this.#peers.get(from)
    const isUnknownParent = error instanceof ConsensusError && error.code === 'prev-blk-not-found'
    if (isUnknownParent && peer !== undefined) this.#headerSync.start(peer)
    this.#deps.log.debug('gossip not taken', { peer: from, reason: toErrorMessage(error) })
  }

  #onTipChanged(event: TipEvent): void {
    this.#transactions.onTipChanged()
    this.#askForMoreHeaders()
    if (this.isCaughtUp) this.#announcer.announce(event)
  }

  /** Goes on where header synchronisation stopped because it was far ahead of the bodies. */
  #askForMoreHeaders(): void {
    const { chain } = this.#deps
    if (chain.bestHeader.chainWork > chain.tip.chainWork || this.isCaughtUp) return
    for (const peer of this.#peers.values()) {
      if (peer.info.status.chainWork > chain.tip.chainWork) this.#headerSync.start(peer)
    }
  }

  #onProgress(): void {
    this.#download.fill()
    if (!this.#abort.signal.aborted) this.#level.update([...this.#peers.values()])
  }

  #scheduleCheck(): void {
    this.#checkTimer = this.#deps.clock.schedule(CHECK_INTERVAL_MS, () => {
      this.#download.dropStallers()
      this.#transactions.expireOrphans()
      this.#onProgress()
      this.#updateProgress()
      this.#scheduleCheck()
    })
  }

  #updateProgress(): void {
    const { tip } = this.#deps.chain
    let headerHeight = tip.height
    for (const { bestKnown } of this.#peers.values()) {
      if (bestKnown === undefined || bestKnown.chainWork <= tip.chainWork) continue
      headerHeight = Math.max(headerHeight, bestKnown.height)
    }
    const delivered = this.#download.deliveredCount
    this.#progress.update({ height: tip.height, headerHeight, delivered })
  }

  #scheduleStatus(): void {
    this.#statusTimer = this.#deps.clock.schedule(STATUS_INTERVAL_MS, () => {
      void this.#askAllForStatus().finally(() => {
        if (!this.#abort.signal.aborted) this.#scheduleStatus()
      })
    })
  }

  async #askAllForStatus(): Promise<void> {
    const { signal } = this.#abort
    const exchanges = [...this.#peers.values()].map(async (peer) => {
      const status = await this.#deps.network.exchangeStatus(peer.id, signal)
      peer.info = { ...peer.info, status }
      this.#examineClaim(peer)
    })
    // A peer that does not answer is the network's to drop.
    await Promise.allSettled(exchanges)
  }
}
