/** @module Asking peers for the headers that we lack. */

import { type Chain, createLocator } from '../chain/index.ts'
import { type Clock, type Logger, toErrorMessage } from '../util/index.ts'
import { isStoreFailure } from './block-download.ts'
import { hasTooLittleWork, isHeaderIndexFull, isPeerFault } from './block-policy.ts'
import { MAX_HEADERS, type PeerNetwork } from './peer-network.ts'
import type { PeerState } from './peer-state.ts'

/** How many headers of a branch far behind our tip one peer may make us store. */
export const MAX_LOW_WORK_HEADERS_PER_PEER = 20_000

/** What header synchronisation works with. */
export interface HeaderSyncDeps {
  readonly chain: Chain
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly drop: (peer: PeerState, reason: string) => void
  readonly fatal: (error: unknown) => void
  /** Called after every batch, and once more when the peer has no more. */
  readonly onProgress: () => void
}

/**
 * Fetches headers from a peer until it has no more that we lack. One run a peer at a time; calling again
 * meanwhile does nothing.
 */
export class HeaderSync {
  readonly #deps: HeaderSyncDeps

  constructor(deps: HeaderSyncDeps) {
    this.#deps = deps
  }

  /** Starts, unless the peer is already sending. */
  start(peer: PeerState): void {
    if (peer.isSendingHeaders || this.#deps.signal.aborted) return
    peer.isSendingHeaders = true
    peer.isSettled = false
    void this.#run(peer)
  }

  async #run(peer: PeerState): Promise<void> {
    try {
      while (await this.#fetchBatch(peer)) this.#deps.onProgress()
      peer.isSettled = true
    } catch (error) {
      this.#onFailure(peer, error)
    } finally {
      peer.isSendingHeaders = false
      this.#deps.onProgress()
    }
  }

  /** Fetches up to 2,000 headers; returns whether there may be more. */
  async #fetchBatch(peer: PeerState): Promise<boolean> {
    const { chain, clock, network, signal } = this.#deps
    peer.claimedMs ??= clock.monotonic()
    if (isHeaderIndexFull(chain)) return false
    const from = peer.bestKnown ?? chain.bestHeader
    const locator = createLocator(
      from.chainWork > chain.bestHeader.chainWork ? from : chain.bestHeader,
    )
    const headers = await network.requestHeaders(peer.id, locator, undefined, signal)
    if (headers.length === 0) return false
    if (hasTooLittleWork(chain, headers) && !this.#mayCatchUp(peer, headers.length)) return false
    const before = chain.headerCount
    const last = await chain.acceptHeaders(headers)
    if (last !== undefined) peer.learn(last)
    const isNew = chain.headerCount > before
    if (isNew) peer.claimedMs = undefined
    // A full batch of headers that we all know already would be sent again and again.
    return headers.length === MAX_HEADERS && isNew
  }

  /** A full batch may be the cheap beginning of a chain with more work; how many may be, is bounded. */
  #mayCatchUp(peer: PeerState, count: number): boolean {
    if (count < MAX_HEADERS) return false
    peer.lowWorkHeaderCount += count
    if (peer.lowWorkHeaderCount <= MAX_LOW_WORK_HEADERS_PER_PEER) return true
    this.#deps.drop(peer, 'sent too many headers with too little work')
    return false
  }

  #onFailure(peer: PeerState, error: unknown): void {
    if (this.#deps.signal.aborted) return
    if (isStoreFailure(error)) {
      this.#deps.fatal(error)
      return
    }
    if (isPeerFault(error)) {
      this.#deps.drop(peer, `sent invalid headers: ${toErrorMessage(error)}`)
      return
    }
    // Not objectively wrong: a clock that differs, a peer that went away. Its claim is settled for now.
    peer.isSettled = true
    this.#deps.log.debug('headers not taken', { peer: peer.id, reason: toErrorMessage(error) })
  }
}
