/** @module A quota over time. */

import type { Clock } from './ports.ts'

/** A quota: `burst` at once, `perSecond` in the long run. */
export interface Quota {
  readonly burst: number
  readonly perSecond: number
}

/** Fills at a steady rate up to a burst; what is taken beyond that is owed. */
export class TokenBucket {
  readonly #quota: Quota
  readonly #clock: Clock
  #tokens: number
  #filledAt: number

  constructor(quota: Quota, clock: Clock) {
    this.#quota = quota
    this.#clock = clock
    this.#tokens = quota.burst
    this.#filledAt = clock.monotonic()
  }

  /**
   * Takes `count` tokens, into debt if need be.
   *
   * @returns Milliseconds until the debt is paid; zero if there is none.
   */
  take(count: number): number {
    this.#fill()
    this.#tokens -= count
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1_000) / this.#quota.perSecond
  }

  /** Takes `count` tokens if they are there, and tells whether they were. */
  tryTake(count: number): boolean {
    this.#fill()
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }

  #fill(): void {
    const now = this.#clock.monotonic()
    const gained = ((now - this.#filledAt) / 1_000) * this.#quota.perSecond
    this.#tokens = Math.min(this.#quota.burst, this.#tokens + gained)
    this.#filledAt = now
  }
}
