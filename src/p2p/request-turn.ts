/** @module One request at a time to one peer and protocol. */

import { orAborted } from './deadline.ts'
import { Deferred } from './deferred.ts'
import { MAX_WAITING_REQUESTS } from './limits.ts'
import { P2pError } from './p2p-error.ts'

/** Hands out a turn to one taker after another, in the order in which they asked. */
export class RequestTurn {
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  /**
   * Waits for a turn.
   *
   * @returns What ends the turn; idempotent.
   * @throws {@link P2pError} `too-busy` if too many wait already, or the signal's reason
   */
  async take(signal?: AbortSignal): Promise<() => void> {
    if (this.#waiting >= MAX_WAITING_REQUESTS) {
      throw new P2pError('too-busy', `${this.#waiting} requests wait for this peer`)
    }
    const earlier = this.#last
    const turn = new Deferred<void>()
    this.#last = earlier.then(() => turn.promise)
    this.#waiting++
    try {
      await (signal === undefined ? earlier : orAborted(earlier, signal))
    } catch (error) {
      turn.resolve()
      throw error
    } finally {
      this.#waiting--
    }
    return () => turn.resolve()
  }
}
