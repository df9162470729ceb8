/** @module Long work in pieces. */

import { type Clock, sleep } from './ports.ts'

/** Others wait no longer than this, and the length of one step. */
const MAX_BUSY_MS = 20

/** Has work that awaits nothing give others a turn of the event loop now and then. */
export class TurnTaker {
  readonly #clock: Clock
  #sinceMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.monotonic()
  }

  /** To be awaited between two steps: lets others go first if it has been long. */
  async next(): Promise<void> {
    if (this.#clock.monotonic() - this.#sinceMs < MAX_BUSY_MS) return
    await sleep(this.#clock, 0)
    this.#sinceMs = this.#clock.monotonic()
  }
}
