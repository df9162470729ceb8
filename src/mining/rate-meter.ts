/** @module Hashes per second over the last second, minute and quarter of an hour. */

import type { Clock } from '../util/index.ts'

/** The longest window, in seconds: one bucket each. */
const BUCKET_COUNT = 900
const MS_PER_SECOND = 1_000

/** Hashes per second over three windows, each since the start if that is later. */
export interface HashRates {
  readonly second: number
  readonly minute: number
  readonly quarterHour: number
}

/** Adds up counts by the second and tells their rate over sliding windows. */
export class RateMeter {
  readonly #clock: Clock
  readonly #startMs: number
  readonly #buckets = new Float64Array(BUCKET_COUNT)
  /** Seconds since the start that the newest bucket stands for. */
  #current = 0
  #total = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonic()
  }

  /** All that was ever added. */
  get total(): number {
    return this.#total
  }

  add(count: number): void {
    this.#moveOn()
    this.#total += count
    const at = this.#current % BUCKET_COUNT
    this.#buckets[at] = (this.#buckets[at] ?? 0) + count
  }

  /** The rates now. Seconds that are over count, the running one only before there is any. */
  rates(): HashRates {
    this.#moveOn()
    return { second: this.#rate(1), minute: this.#rate(60), quarterHour: this.#rate(BUCKET_COUNT) }
  }

  #rate(windowSeconds: number): number {
    if (this.#current === 0) {
      const elapsedMs = this.#clock.monotonic() - this.#startMs
      return elapsedMs === 0 ? 0 : ((this.#buckets[0] ?? 0) * MS_PER_SECOND) / elapsedMs
    }
    // The oldest bucket of a full ring is the one that is being filled anew.
    const span = Math.min(windowSeconds, this.#current, BUCKET_COUNT - 1)
    let sum = 0
    for (let second = this.#current - span; second < this.#current; second++) {
      sum += this.#buckets[second % BUCKET_COUNT] ?? 0
    }
    return sum / span
  }

  #moveOn(): void {
    const now = Math.floor((this.#clock.monotonic() - this.#startMs) / MS_PER_SECOND)
    if (now - this.#current >= BUCKET_COUNT) this.#buckets.fill(0)
    else {
      for (let second = this.#current + 1; second <= now; second++) {
        this.#buckets[second % BUCKET_COUNT] = 0
      }
    }
    this.#current = now
  }
}
