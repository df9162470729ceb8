/** @module Asking peers for the headers that we lack. */

import { type BlockEntry, type Chain, createLocator } from '../chain/index.ts'
import { type BlockHeader, computeBlockHash, toDisplayHex } from '../primitives/index.ts'
import { type Clock, type Logger, toErrorMessage } from '../util/index.ts'
import { isStoreFailure } from './block-download.ts'
import { hasTooLittleWork, isFarBehind, isPeerFault } from './block-policy.ts'
import { HeaderPresync, MAX_PRESYNC_HEADERS } from './header-presync.ts'
import { countLooseHeaders, forgetExcessHeaders, MAX_LOOSE_HEADERS_AHEAD } from './loose-headers.ts'
import { MAX_HEADERS, type PeerNetwork } from './peer-network.ts'
import type { PeerState } from './peer-state.ts'

/** A peer that has answered so many requests in a row with headers that follow none of ours is banned. */
export const MAX_UNCONNECTED_ANSWERS = 10

/** What header synchronisation works with. */
export interface HeaderSyncDeps {
  readonly chain: Chain
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly log: Logger
  readonly peers: () => readonly PeerState[]
  readonly signal: AbortSignal
  /** Called when a peer must go: it wastes our time, or, to be refused for a while, it sent what no honest peer sends. */
  readonly drop: (peer: PeerState, reason: string) => void
  readonly ban: (peer: PeerState, reason: string) => void
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

  /** Starts. A peer that is already sending may have sent what it had before: it is asked once more. */
  start(peer: PeerState): void {
    if (this.#deps.signal.aborted) return
    peer.hasNewHeaders = peer.isSendingHeaders
    if (peer.isSendingHeaders) return
    peer.isSendingHeaders = true
    peer.isSettled = false
    void this.#run(peer)
  }

  async #run(peer: PeerState): Promise<void> {
    try {
      while ((await this.#fetchBatch(peer)) || peer.hasNewHeaders) {
        peer.hasNewHeaders = false
        this.#deps.onProgress()
      }
      peer.isSettled = true
    } catch (error) {
      this.#onFailure(peer, error)
    } finally {
      peer.isSendingHeaders = false
      peer.presync = undefined
      peer.lastSent = undefined
      this.#deps.onProgress()
    }
  }

  /** Fetches up to 2,000 headers; returns whether there may be more. */
  async #fetchBatch(peer: PeerState): Promise<boolean> {
    const { chain, clock, network, signal } = this.#deps
    if (countLooseHeaders(peer.bestKnown) >= MAX_LOOSE_HEADERS_AHEAD) return false
    peer.claimedMs ??= clock.monotonic()
    const locator = peer.presync?.locator ?? createLocator(this.#findStart(peer))
    const headers = await network.requestHeaders(peer.id, locator, undefined, signal)
    const [first] = headers
    if (first === undefined) return false
    if (peer.presync !== undefined) return this.#goOn(peer, peer.presync, headers)
    const parent = chain.getEntry(toDisplayHex(first.prevBlockHash))
    if (parent === undefined) return this.#refuseUnconnected(peer)
    peer.unconnectedAnswers = 0
    const isCheap = hasTooLittleWork(chain, headers) && !this.#isLastKnown(headers)
    if (!isCheap) return this.#accept(peer, headers)
    // A full batch may be the cheap beginning of a chain with more work.
    if (headers.length < MAX_HEADERS) return false
    peer.presync = new HeaderPresync(parent, chain.params)
    return this.#goOn(peer, peer.presync, headers)
  }

  /**
   * An answer begins after a header that we have named, unless that was forgotten meanwhile. Whoever gives others again
   * and again keeps us asking for nothing.
   */
  #refuseUnconnected(peer: PeerState): boolean {
    peer.unconnectedAnswers += 1
    if (peer.unconnectedAnswers >= MAX_UNCONNECTED_ANSWERS) {
      this.#deps.ban(peer, 'sends headers that do not follow any of ours')
    }
    return false
  }

  /** The header after which the peer is asked for more. */
  #findStart(peer: PeerState): BlockEntry {
    const { bestHeader, tip } = this.#deps.chain
    const { lastSent, bestKnown } = peer
    if (lastSent !== undefined) return lastSent
    // On another branch than ours, for which nobody has sent bodies, it may be one that nobody else has.
    const best = bestHeader.getAncestor(tip.height) === tip ? bestHeader : tip
    return bestKnown !== undefined && bestKnown.chainWork > best.chainWork ? bestKnown : best
  }

  #isLastKnown(headers: readonly BlockHeader[]): boolean {
    const last = headers.at(-1)
    const hash = last && toDisplayHex(computeBlockHash(last))
    return hash !== undefined && this.#deps.chain.getEntry(hash) !== undefined
  }

  #accept(peer: PeerState, headers: readonly BlockHeader[]): boolean {
    const { chain, peers } = this.#deps
    const { lastSent } = peer
    forgetExcessHeaders(chain, peers())
    // With its branch forgotten, the peer is asked again for what is not.
    if (peer.lastSent !== lastSent) return true
    const before = chain.headerCount
    const last = chain.acceptHeaders(headers)
    if (last === undefined) return false
    peer.learn(last)
    peer.lastSent = last
    if (chain.headerCount > before) peer.claimedMs = undefined
    // Whoever goes on without getting any higher would go on for ever.
    return headers.length === MAX_HEADERS && last.height > (lastSent?.height ?? 0)
  }

  /** Takes headers of a chain that has had too little work so far. */
  #goOn(peer: PeerState, presync: HeaderPresync, headers: readonly BlockHeader[]): boolean {
    if (presync.isSecondTime) {
      this.#accept(peer, presync.recognise(headers))
      if (presync.isDone) peer.presync = undefined
      return true
    }
    presync.follow(headers)
    if (!isFarBehind(this.#deps.chain, presync.chainWork)) {
      presync.startAgain()
      return true
    }
    if (presync.count < MAX_PRESYNC_HEADERS) return headers.length === MAX_HEADERS
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
      this.#deps.ban(peer, `sent invalid headers: ${toErrorMessage(error)}`)
      return
    }
    // Not objectively wrong: a clock that differs, a peer that went away. Its claim is settled for now.
    peer.isSettled = true
    this.#deps.log.debug('headers not taken', { peer: peer.id, reason: toErrorMessage(error) })
  }
}
