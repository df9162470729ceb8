/** @module Which blocks are on their way by gossip, so that nobody fetches them a second time. */

import type { BlockHashHex } from '../primitives/index.ts'
import { type Clock, LruMap } from '../util/index.ts'
import type { PeerId } from './peer-network.ts'

/** News of a block may overtake the block itself: only after so long is it asked for. */
export const GOSSIP_GRACE_MS = 300
/** So long a block that has come in compact form may take to be whole before it is asked of others, too. */
export const REBUILD_PATIENCE_MS = 2_000
/** The same where one after another is asked for what it lacks. */
export const REBUILD_PATIENCE_MAX_MS = 5_000
/** How many blocks may be on their way to the chain at a time. */
export const MAX_ARRIVING_BLOCKS = 32
/** How many of them through one peer. */
export const MAX_ARRIVING_BLOCKS_PER_PEER = 16
/**
 * In how many versions one block may come at a time from peers of whom nothing good is known. Others come beside them:
 * whoever keeps transactions back must not keep them out.
 */
export const MAX_ARRIVALS_PER_BLOCK = 3
/** How often a peer may send one block: honest ones do it once. */
export const MAX_VERSIONS_PER_PEER = 3
/** For how many blocks is remembered who has sent them. */
export const MAX_REMEMBERED_ARRIVALS = 256
/** How many senders are remembered for each. */
export const MAX_REMEMBERED_SENDERS = 128

interface Arrival {
  /** How often each has sent it. */
  readonly senders: Map<PeerId, number>
  running: number
  /** Whether its body has been found to fit, so that only the connecting is left. */
  isChecked: boolean
  /** Until when it is not asked for; of the monotonic clock. */
  patientUntilMs: number
  /** How far that may be put off. */
  patientMaxMs: number
}

/** Keeps account of blocks that come by gossip, within bounds. */
export class BlockArrivals {
  readonly #clock: Clock
  readonly #arrivals = new LruMap<BlockHashHex, Arrival>(MAX_REMEMBERED_ARRIVALS)
  readonly #runningByPeer = new Map<PeerId, number>()
  #running = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether asking for a block would most likely bring what comes anyway. */
  isOnItsWay(hashHex: BlockHashHex): boolean {
    const arrival = this.#arrivals.get(hashHex)
    if (arrival === undefined) return false
    if (arrival.running > 0 && arrival.isChecked) return true
    return this.#clock.monotonic() < arrival.patientUntilMs
  }

  /** There is a block that gossip will bring any moment. Returns whether that is news. */
  expect(hashHex: BlockHashHex): boolean {
    if (this.#arrivals.has(hashHex)) return false
    this.#remember(hashHex, GOSSIP_GRACE_MS)
    return true
  }

  /**
   * A block begins to come from a peer. Returns false if there is no room for it; else {@link end} must follow.
   *
   * @param isTrusted - Whether the peer has been seen to send what it announces.
   */
  begin(hashHex: BlockHashHex, from: PeerId, isTrusted: boolean): boolean {
    const runningOfPeer = this.#runningByPeer.get(from) ?? 0
    // Half of the room is for peers that are trusted.
    const room = isTrusted ? MAX_ARRIVING_BLOCKS : MAX_ARRIVING_BLOCKS / 2
    const isFull = this.#running >= room || runningOfPeer >= MAX_ARRIVING_BLOCKS_PER_PEER
    if (isFull) return false
    const arrival = this.#arrivals.get(hashHex) ?? this.#remember(hashHex, REBUILD_PATIENCE_MS)
    const { senders, running } = arrival
    const versions = senders.get(from) ?? 0
    const isTooMuch =
      (running >= MAX_ARRIVALS_PER_BLOCK && !isTrusted) ||
      versions >= MAX_VERSIONS_PER_PEER ||
      (versions === 0 && senders.size >= MAX_REMEMBERED_SENDERS)
    if (isTooMuch) return false
    if (senders.size === 0) {
      arrival.patientUntilMs = this.#clock.monotonic() + REBUILD_PATIENCE_MS
      arrival.patientMaxMs = this.#clock.monotonic() + REBUILD_PATIENCE_MAX_MS
    }
    senders.set(from, versions + 1)
    arrival.running += 1
    this.#running += 1
    this.#runningByPeer.set(from, runningOfPeer + 1)
    return true
  }

  /** Somebody else is asked for what is missing of a block: others are not asked for all of it yet. */
  prolong(hashHex: BlockHashHex): void {
    const arrival = this.#arrivals.get(hashHex)
    if (arrival === undefined) return
    const untilMs = Math.min(this.#clock.monotonic() + REBUILD_PATIENCE_MS, arrival.patientMaxMs)
    arrival.patientUntilMs = Math.max(arrival.patientUntilMs, untilMs)
  }

  /** Its body fits: it only has to be stored and connected. */
  markChecked(hashHex: BlockHashHex): void {
    const arrival = this.#arrivals.get(hashHex)
    if (arrival !== undefined) arrival.isChecked = true
  }

  /** It has come, or it won't come this way. */
  end(hashHex: BlockHashHex, from: PeerId): void {
    this.#running -= 1
    const runningOfPeer = (this.#runningByPeer.get(from) ?? 0) - 1
    if (runningOfPeer > 0) this.#runningByPeer.set(from, runningOfPeer)
    else this.#runningByPeer.delete(from)
    const arrival = this.#arrivals.get(hashHex)
    if (arrival === undefined) return
    arrival.running = Math.max(0, arrival.running - 1)
    if (arrival.running === 0) arrival.patientUntilMs = 0
  }

  #remember(hashHex: BlockHashHex, patienceMs: number): Arrival {
    const patientUntilMs = this.#clock.monotonic() + patienceMs
    const senders = new Map<PeerId, number>()
    const patientMaxMs = patientUntilMs
    const arrival = { senders, running: 0, isChecked: false, patientUntilMs, patientMaxMs }
    this.#arrivals.set(hashHex, arrival)
    return arrival
  }
}
