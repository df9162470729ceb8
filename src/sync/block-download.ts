/** @module Fetching the bodies of blocks whose headers are known. */

import type { BlockEntry, Chain } from '../chain/index.ts'
import { findForkPoint } from '../chain/index.ts'
import { type BlockHashHex, decodeBlock } from '../primitives/index.ts'
import { type Logger, toErrorMessage } from '../util/index.ts'
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
    const missing = this.#findMissing()
    if (missing.length === 0) return
    for (const peer of this.#deps.peers()) {
      if (peer.isSendingBlocks) continue
      const wanted = missing
        .filter((entry) => !this.#inFlight.has(entry.hashHex) && peer.has(entry))
        .slice(0, MAX_BLOCKS_PER_REQUEST)
      if (wanted.length > 0) void this.#fetch(peer, wanted)
    }
  }

  /** Headers on the way to the best one whose bodies are missing, lowest first. */
  #findMissing(): readonly BlockEntry[] {
    const { chain } = this.#deps
    const { bestHeader, tip } = chain
    if (bestHeader.chainWork <= tip.chainWork) return []
    const fork = findForkPoint(bestHeader, tip) ?? chain.genesis
    const end = Math.min(bestHeader.height, fork.height + BLOCK_DOWNLOAD_WINDOW)
    const missing: BlockEntry[] = []
    for (let height = fork.height + 1; height <= end; height++) {
      const entry = bestHeader.getAncestor(height)
      if (entry !== undefined && !entry.hasBody) missing.push(entry)
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
        await this.#take(peer, reply.bytes)
        this.#inFlight.delete(entry.hashHex)
        delivered += 1
      }
      if (delivered < wanted.length) this.#forgetHeaders(peer, delivered)
    } catch (error) {
      this.#onFailure(peer, error)
    } finally {
      peer.isSendingBlocks = false
      for (const entry of wanted) this.#inFlight.delete(entry.hashHex)
      this.fill()
    }
  }

  async #take(peer: PeerState, bytes: Uint8Array): Promise<void> {
    const block = decodeBlock(bytes)
    // An answer for another header than asked would be a new header: it must not slip in here.
    const known = this.#deps.chain.acceptHeader(block.header)
    peer.learn(known)
    await this.#deps.chain.acceptBlock(block)
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
