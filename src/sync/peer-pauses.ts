/** @module Peers that are not asked for a while. */

import type { Clock, Timer } from '../util/index.ts'
import type { PeerState } from './peer-state.ts'

/** Keeps account of pauses, one for each peer at the most. */
export class PeerPauses {
  readonly #clock: Clock
  readonly #onEnd: (peer: PeerState) => void
  readonly #timers = new Map<PeerState, Timer>()

  /** @param onEnd - Called when a peer may be asked again. */
  constructor(clock: Clock, onEnd: (peer: PeerState) => void) {
    this.#clock = clock
    this.#onEnd = onEnd
  }

  has(peer: PeerState): boolean {
    return this.#timers.has(peer)
  }

  /** Begins a pause, in place of one that the peer may have. */
  begin(peer: PeerState, durationMs: number): void {
    this.end(peer)
    const timer = this.#clock.schedule(durationMs, () => {
      this.#timers.delete(peer)
      this.#onEnd(peer)
    })
    this.#timers.set(peer, timer)
  }

  /** Ends a peer's pause, if it has one, without a word. */
  end(peer: PeerState): void {
    this.#timers.get(peer)?.cancel()
    this.#timers.delete(peer)
  }

  stop(): void {
    for (const peer of [...this.#timers.keys()]) this.end(peer)
  }
}
