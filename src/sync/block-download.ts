/** @module Fetching the bodies of blocks whose headers are known. */

import { type BlockEntry, type Chain, findForkPoint, StoreError } from '../chain/index.ts'
import {
  type BlockHashHex,
  computeBlockHash,
  decodeBlock,
  toDisplayHex,
} from '../primitives/index.ts'
import {
  Budget,
  type Clock,
  DecodeError,
  InvariantError,
  type Logger,
  TaskGroup,
  toErrorMessage,
} from '../util/index.ts'
import { isPeerFault } from './block-policy.ts'
import { BlockRequest } from './block-request.ts'
import type { PeerId, PeerNetwork } from './peer-network.ts'
import { compareTrust, type PeerState } from './peer-state.ts'

/** Blocks asked of one peer at a time. @see Bitcoin Core `MAX_BLOCKS_IN_TRANSIT_PER_PEER` */
export const MAX_BLOCKS_PER_REQUEST = 16
/** So many instead where blocks are small: with a round trip for every few the line would stand idle. */
export const MAX_SMALL_BLOCKS_PER_REQUEST = 128
/** Small blocks are those of which that many are no larger together, in bytes. */
const SMALL_BLOCKS_BYTES = 1_048_576
/** Weight of the latest block in the average of sizes. */
const SIZE_WEIGHT = 1 / 16
/**
 * Bytes of blocks that have come and are not connected yet, of all peers: while one block is verified the next are
 * decoded and stored. Beyond it peers have to wait.
 */
export const MAX_BYTES_UNDER_VALIDATION = 8_388_608
/** What a block counts there on top of its bytes. */
const BLOCK_OVERHEAD_BYTES = 65_536
/** How far ahead of the last connected block bodies are fetched. @see Bitcoin Core `BLOCK_DOWNLOAD_WINDOW` */
export const BLOCK_DOWNLOAD_WINDOW = 1_024
/** A peer that is silent for so long is late: what it was asked for is asked of others too. */
export const BLOCK_LATE_MS = 2_000
/**
 * A peer that has answered so many requests in a row without a single block is dropped.
 *
 * Differs from Bitcoin: there such a peer is dropped when its block is overdue, which without steady spacing says little.
 */
export const MAX_REFUSALS = 3
/** How many peers may be asked for one block at a time, not counting those that have been silent for long. */
export const MAX_PEERS_PER_BLOCK = 3
/** A peer that is silent for so long does not keep others from being asked. */
export const BLOCK_GIVEN_UP_MS = 5_000
/**
 * A peer that another has overtaken is dropped after so long a silence. Doubled with each peer dropped, so
 * that a slow line of our own does not cost us all of them, and lowered again with each block that comes.
 *
 * @see Bitcoin Core `BLOCK_STALLING_TIMEOUT_DEFAULT`
 */
export const BLOCK_STALLING_TIMEOUT_MS = 8_000
/** @see Bitcoin Core `BLOCK_STALLING_TIMEOUT_MAX` */
export const BLOCK_STALLING_TIMEOUT_MAX_MS = 64_000
/** What each delivered block leaves of the time-out. @see Bitcoin Core `PeerManagerImpl::BlockConnected` */
const STALLING_TIMEOUT_DECAY = 0.85

/** What downloading works with. */
export interface BlockDownloadDeps {
  readonly chain: Chain
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly log: Logger
  readonly peers: () => Iterable<PeerState>
  readonly signal: AbortSignal
  /** Whether a block is about to come without being asked for. */
  readonly isLeftToGossip: (entry: BlockEntry) => boolean
  /** Called when a peer must go: it stalled, or, to be refused for a while, it sent what no honest peer sends. */
  readonly drop: (peer: PeerState, reason: string) => void
  readonly ban: (peer: PeerState, reason: string) => void
  /** Called when something could not be stored: nothing can go on. */
  readonly fatal: (error: unknown) => void
  /** Called when a peer has sent what it was asked for, or has failed to. Calls {@link BlockDownload.fill}. */
  readonly onProgress: () => void
}

/**
 * Keeps every peer that has blocks we lack busy with a different part of them, inside a window that moves
 * with the chain. A peer that fails loses its part to others. One that is late keeps it, but who has
 * nothing else to fetch is asked for it too; whoever is overtaken so and stays silent is dropped.
 */
export class BlockDownload {
  readonly #deps: BlockDownloadDeps
  /** Running requests by each block that has not come yet. */
  readonly #inFlight = new Map<BlockHashHex, Set<BlockRequest>>()
  readonly #requests = new Set<BlockRequest>()
  #stallingTimeoutMs = BLOCK_STALLING_TIMEOUT_MS
  readonly #validation = new Budget(MAX_BYTES_UNDER_VALIDATION)
  /** Of the blocks that came last, in bytes. Taken to be large before any has come. */
  #averageSize = SMALL_BLOCKS_BYTES
  #deliveredCount = 0

  constructor(deps: BlockDownloadDeps) {
    this.#deps = deps
  }

  /** How many blocks peers have sent that we asked for and lacked. */
  get deliveredCount(): number {
    return this.#deliveredCount
  }

  /** Heights of the blocks that a peer was asked for and has not delivered, nor anybody else. */
  heightsAskedOf(id: PeerId): readonly number[] {
    const requests = [...this.#requests].filter(({ peer }) => peer.id === id)
    return requests.flatMap(({ entries }) =>
      entries.filter(({ hasBody }) => !hasBody).map(({ height }) => height),
    )
  }

  /** Gives idle peers something to fetch, if anything is missing. */
  fill(): void {
    if (this.#deps.signal.aborted) return
    // Those first that have shown that they send what they announce: announcing costs a liar nothing.
    for (const peer of [...this.#deps.peers()].sort(compareTrust)) {
      if (peer.isSendingBlocks) continue
      const wanted = this.#findMissing(peer)
      if (wanted.length > 0) void this.#fetch(peer, wanted)
    }
  }

  /** Drops peers that hold up blocks which others deliver. To be called every second or so. */
  dropStallers(): void {
    const now = this.#deps.clock.monotonic()
    for (const request of this.#requests) {
      if (!(request.isOvertaken && request.isStalled(now, this.#stallingTimeoutMs))) continue
      request.isOvertaken = false
      request.peer.bestKnown = undefined
      this.#stallingTimeoutMs = Math.min(2 * this.#stallingTimeoutMs, BLOCK_STALLING_TIMEOUT_MAX_MS)
      this.#deps.drop(request.peer, 'stalls blocks that others deliver')
    }
  }

  /**
   * Blocks on the way to the best header that this peer has, lowest first: those that nobody was asked for,
   * and if there are none, those that are late. Each peer's own best: a better header whose body nobody
   * sends must not keep the others' from being fetched.
   *
   * @see Bitcoin Core `FindNextBlocksToDownload`
   */
  #findMissing(peer: PeerState): readonly BlockEntry[] {
    const { tip, genesis } = this.#deps.chain
    const best = peer.bestKnown
    const { prunedHeight = 0 } = peer.info.status
    if (best === undefined || best.isFailed || best.chainWork <= tip.chainWork) return []
    const fork = findForkPoint(best, tip) ?? genesis
    const end = Math.min(best.height, fork.height + BLOCK_DOWNLOAD_WINDOW)
    const isSmall = this.#averageSize * MAX_SMALL_BLOCKS_PER_REQUEST <= SMALL_BLOCKS_BYTES
    const most = isSmall ? MAX_SMALL_BLOCKS_PER_REQUEST : MAX_BLOCKS_PER_REQUEST
    const missing: BlockEntry[] = []
    const late: BlockEntry[] = []
    for (let height = Math.max(fork.height, prunedHeight) + 1; height <= end; height++) {
      if (missing.length === most) break
      const entry = best.getAncestor(height)
      if (entry === undefined || entry.hasBody || this.#deps.isLeftToGossip(entry)) continue
      const requests = this.#inFlight.get(entry.hashHex)
      if (requests === undefined) missing.push(entry)
      else if (late.length < MAX_BLOCKS_PER_REQUEST && this.#areLate(requests)) late.push(entry)
    }
    return missing.length > 0 ? missing : late
  }

  /** Whether one more peer may be asked for what these requests are for. */
  #areLate(requests: ReadonlySet<BlockRequest>): boolean {
    const now = this.#deps.clock.monotonic()
    const live = [...requests].filter((request) => !request.isStalled(now, BLOCK_GIVEN_UP_MS))
    if (live.length >= MAX_PEERS_PER_BLOCK) return false
    return live.every((request) => request.isStalled(now, BLOCK_LATE_MS))
  }

  async #fetch(peer: PeerState, wanted: readonly BlockEntry[]): Promise<void> {
    peer.isSendingBlocks = true
    const request = new BlockRequest(peer, wanted, this.#deps.clock.monotonic())
    const blocks = new TaskGroup(this.#validation)
    this.#add(request)
    try {
      await this.#receive(request, blocks)
    } catch (error) {
      this.#onFailure(peer, error)
    } finally {
      peer.isSendingBlocks = false
      this.#requests.delete(request)
      void this.#finish(request, blocks)
      // While we go on with these the peer can send the next.
      this.#deps.onProgress()
    }
  }

  /** Waits for what has come to be connected. Never rejects. */
  async #finish(request: BlockRequest, blocks: TaskGroup): Promise<void> {
    try {
      await blocks.finish()
    } catch (error) {
      this.#onFailure(request.peer, error)
    } finally {
      for (const entry of request.entries) this.#remove(entry, request)
      this.#deps.onProgress()
    }
  }

  async #receive(request: BlockRequest, blocks: TaskGroup): Promise<void> {
    const { clock, network, signal } = this.#deps
    const { peer, entries } = request
    const items = entries.map(({ hash }) => ({ kind: 'block', hash }) as const)
    let received = 0
    for await (const { bytes } of network.requestData(peer.id, items, signal)) {
      const entry = entries[received]
      if (bytes === undefined || entry === undefined) break
      request.endWait(clock.monotonic())
      received += 1
      this.#averageSize += SIZE_WEIGHT * (bytes.length - this.#averageSize)
      await blocks.start(bytes.length + BLOCK_OVERHEAD_BYTES, async () => {
        await this.#take(entry, bytes, request)
        this.#remove(entry, request)
      })
      // Others may have delivered the rest meanwhile.
      const rest = entries.slice(received)
      if (rest.length > 0 && rest.every(({ hasBody }) => hasBody)) return
      request.beginWait(clock.monotonic())
    }
    if (received < entries.length) this.#forgetHeaders(peer, received)
  }

  #add(request: BlockRequest): void {
    this.#requests.add(request)
    for (const { hashHex } of request.entries) {
      const requests = this.#inFlight.get(hashHex)
      if (requests === undefined) this.#inFlight.set(hashHex, new Set([request]))
      else requests.add(request)
    }
  }

  #remove({ hashHex }: BlockEntry, request: BlockRequest): void {
    const requests = this.#inFlight.get(hashHex)
    requests?.delete(request)
    if (requests?.size === 0) this.#inFlight.delete(hashHex)
  }

  #onDelivered(entry: BlockEntry, request: BlockRequest): void {
    const now = this.#deps.clock.monotonic()
    request.peer.noteBlock(now)
    this.#deliveredCount += 1
    this.#stallingTimeoutMs = Math.max(
      STALLING_TIMEOUT_DECAY * this.#stallingTimeoutMs,
      BLOCK_STALLING_TIMEOUT_MS,
    )
    for (const other of this.#inFlight.get(entry.hashHex) ?? []) {
      if (other === request || !other.isStalled(now, BLOCK_LATE_MS)) continue
      other.isOvertaken = true
      other.peer.noteWithheldBlock()
    }
  }

  async #take(entry: BlockEntry, bytes: Uint8Array, request: BlockRequest): Promise<void> {
    const { chain } = this.#deps
    // Meanwhile another may have sent it, or its header have been forgotten for want of room.
    if (entry.hasBody || chain.getEntry(entry.hashHex) !== entry) return
    const block = decodeBlock(bytes)
    if (toDisplayHex(computeBlockHash(block.header)) !== entry.hashHex) {
      throw new DecodeError('bad-value', 0, 'another block than the one asked for')
    }
    await chain.acceptBlock(block, bytes)
    if (!entry.isFailed) this.#deps.network.credit(request.peer.id, 'block')
    this.#onDelivered(entry, request)
  }

  /**
   * The peer does not have what it announced: it is not asked for it again until it says so. Whoever goes on saying so
   * and sends nothing keeps a slot that an honest peer could have.
   */
  #forgetHeaders(peer: PeerState, delivered: number): void {
    this.#deps.log.debug('peer lacks announced blocks', { peer: peer.id, delivered })
    peer.bestKnown = undefined
    if (delivered === 0) peer.noteWithheldBlock()
    peer.refusals = delivered > 0 ? 0 : peer.refusals + 1
    if (peer.refusals >= MAX_REFUSALS) this.#deps.drop(peer, 'announces blocks that it never sends')
  }

  #onFailure(peer: PeerState, error: unknown): void {
    if (this.#deps.signal.aborted) return
    peer.bestKnown = undefined
    if (isStoreFailure(error)) {
      this.#deps.fatal(error)
      return
    }
    if (isPeerFault(error)) this.#deps.ban(peer, `sent an invalid block: ${toErrorMessage(error)}`)
    else this.#deps.drop(peer, `failed to send blocks: ${toErrorMessage(error)}`)
  }
}

/** Whether an error says that our own disk or program is at fault. */
export function isStoreFailure(error: unknown): boolean {
  return error instanceof StoreError || error instanceof InvariantError
}
