/** @module One request for blocks, and how long its peer has kept us waiting. */

import type { BlockEntry } from '../chain/index.ts'
import type { PeerState } from './peer-state.ts'

/** A whole request may take this many times as long as its peer may be silent. */
const REQUEST_TIMEOUT_FACTOR = 5

/**
 * Blocks that one peer was asked for. Counts only the time in which we wait for the peer: what we need
 * ourselves to take a block is not held against it.
 */
export class BlockRequest {
  readonly peer: PeerState
  readonly entries: readonly BlockEntry[]
  /** Whether another peer, asked later, has delivered some of it first. */
  isOvertaken = false
  /** Total of the waits that have ended, in milliseconds. */
  #waitedMs = 0
  /** Beginning of the present wait, or undefined while we are busy with a block. */
  #waitingSinceMs: number | undefined

  /** @param nowMs - Of the monotonic clock, here and below. */
  constructor(peer: PeerState, entries: readonly BlockEntry[], nowMs: number) {
    this.peer = peer
    this.entries = entries
    this.#waitingSinceMs = nowMs
  }

  /** A block has come, and we are busy with it. */
  endWait(nowMs: number): void {
    this.#waitedMs += nowMs - (this.#waitingSinceMs ?? nowMs)
    this.#waitingSinceMs = undefined
  }

  /** We are ready for the next block. */
  beginWait(nowMs: number): void {
    this.#waitingSinceMs = nowMs
  }

  /**
   * Tells whether the peer has sent nothing for so long, or goes on sending so slowly that the whole
   * request has taken {@link REQUEST_TIMEOUT_FACTOR} times as long.
   */
  isStalled(nowMs: number, timeoutMs: number): boolean {
    if (this.#waitingSinceMs === undefined) return false
    const silentMs = nowMs - this.#waitingSinceMs
    return silentMs >= timeoutMs || this.#waitedMs + silentMs >= REQUEST_TIMEOUT_FACTOR * timeoutMs
  }
}
