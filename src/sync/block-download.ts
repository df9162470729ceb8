/** @module Fetching the bodies of blocks whose headers are known. */

import type { BlockEntry, Chain } from '../chain/index.ts'
import { findForkPoint } from '../chain/index.ts'
import {
  type BlockHashHex,
  computeBlockHash,
  decodeBlock,
  toDisplayHex,
} from '../primitives/index.ts'
import { DecodeError, type Logger, toErrorMessage } from '../util/index.ts'
import { isPeerFault } from './block-policy.ts'
import type { PeerNetwork } from './peer-network.ts'
import type { PeerState } from './peer-state.ts'

/** Blocks asked of one peer at a time. @see Bitcoin Core `MAX_BLOCKS_IN_TRANSIT_PER_PEER` */
export const MAX_BLOCKS_PER_REQUEST = 16
/** How far ahead of the last connected block bodies are fetched. @see Bitcoin Core `BLOCK_DOWNLOAD_WINDOW` */
export const BLOCK_DOWNLOAD_WINDOW = 1_024

/** What downloading works with. */
export interface BlockDownloadDeps {
  readonly chain: Chain
  readonly network: PeerNetwork
  readonly log: Logger
  readonly peers: () => Iterable<PeerState>
  readonly signal: AbortSignal
  /** Called when a peer must go: it stalled, or it sent what no honest peer sends. */
  readonly drop: (peer: PeerState, reason: string) => void
  /** Called when something could not be stored: nothing can go on. */
  readonly fatal: (error: unknown) => void
  /** Called when a peer has sent what it was asked for, or has failed to. Calls {@link BlockDownload.fill}. */
  readonly onProgress: () => void
}

/**
 * Keeps every peer that has blocks we lack busy with a different part of them, inside a window that moves
 * with the chain. A block is asked of one peer at a time; a peer that fails loses its part to others.
 */
export class BlockDownload {
  readonly #deps: BlockDownloadDeps
  readonly #inFlight = new Set<BlockHashHex>()

  constructor(deps: BlockDownloadDeps) {
    this.#deps = deps
  }

  /** Gives idle peers something to fetch, if anything is missing. */
  fill(): void {
    if (this.#deps.signal.aborted) return
    for (const peer of this.#deps.peers()) {
      if (peer.isSendingBlocks) continue
      const wanted = this.#findMissing(peer)
      if (wanted.length > 0) void this.#fetch(peer, wanted)
    }
  }

  /**
   * Blocks on the way to the best header that this peer has, lowest first. Each peer's own best: a better
   * header whose body nobody sends must not keep the others' from being fetched.
   *
   * @see Bitcoin Core `FindNextBlocksToDownload`
   */
  #findMissing(peer: PeerState): readonly BlockEntry[] {
    const { tip, genesis } = this.#deps.chain
    const best = peer.bestKnown
    if (best === undefined || best.isFailed || best.chainWork <= tip.chainWork) return []
    const fork = findForkPoint(best, tip) ?? genesis
    const end = Math.min(best.height, fork.height + BLOCK_DOWNLOAD_WINDOW)
    const missing: BlockEntry[] = []
    for (let height = fork.height + 1; height <= end; height++) {
      if (missing.length === MAX_BLOCKS_PER_REQUEST) break
      const entry = best.getAncestor(height)
      if (entry === undefined || entry.hasBody || this.#inFlight.has(entry.hashHex)) continue
      missing.push(entry)
    }
    return missing
  }

  async #fetch(peer: PeerState, wanted: readonly BlockEntry[]): Promise<void> {
    peer.isSendingBlocks = true
    for (const entry of wanted) this.#inFlight.add(entry.hashHex)
    let delivered = 0
    try {
      const items = wanted.map(({ hash }) => ({ kind: 'block', hash }) as const)
      for await (const reply of this.#deps.network.requestData(peer.id, items, this.#deps.signal)) {
        const entry = wanted[delivered]
        if (reply.bytes === undefined || entry === undefined) break
        await this.#take(peer, entry, reply.bytes)
        this.#inFlight.delete(entry.hashHex)
        delivered += 1
      }
      if (delivered < wanted.length) this.#forgetHeaders(peer, delivered)
    } catch (error) {
      this.#onFailure(peer, error)
    } finally {
      peer.isSendingBlocks = false
      for (const entry of wanted) this.#inFlight.delete(entry.hashHex)
      this.#deps.onProgress()
    }
  }

  async #take(peer: PeerState, entry: BlockEntry, bytes: Uint8Array): Promise<void> {
    const block = decodeBlock(bytes)
    if (toDisplayHex(computeBlockHash(block.header)) !== entry.hashHex) {
      throw new DecodeError('bad-value', 0, 'another block than the one asked for')
    }
    const isNew = !entry.hasBody
    await this.#deps.chain.acceptBlock(block)
    if (isNew && !entry.isFailed) this.#deps.network.credit(peer.id, 'block')
  }

  /** The peer does not have what it announced: it is not asked for it again until it says so. */
  #forgetHeaders(peer: PeerState, delivered: number): void {
    this.#deps.log.debug('peer lacks announced blocks', { peer: peer.id, delivered })
    peer.bestKnown = undefined
  }

  #onFailure(peer: PeerState, error: unknown): void {
    if (this.#deps.signal.aborted) return
    peer.bestKnown = undefined
    if (isStoreFailure(error)) {
      this.#deps.fatal(error)
      return
    }
    const blame = isPeerFault(error) ? 'sent an invalid block' : 'failed to send blocks'
    this.#deps.drop(peer, `${blame}: ${toErrorMessage(error)}`)
  }
}

/** Whether an error says that our own disk or program is at fault. */
export function isStoreFailure(error: unknown): boolean {
  return error instanceof Error && (error.name === 'StoreError' || error.name === 'InvariantError')
}
