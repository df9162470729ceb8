/** @module Hashes per second over the last seconds. */

import type { Clock } from '../util/index.ts'

/** How far back the rate looks. */
const WINDOW_MS = 5_000

/** Adds up counts and tells their rate over a sliding window. */
export class RateMeter {
  readonly #clock: Clock
  readonly #startMs: number
  #samples: { readonly atMs: number; readonly count: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonic()
  }

  add(count: number): void {
    const atMs = this.#clock.monotonic()
    this.#samples.push({ atMs, count })
    this.#samples = this.#samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS)
  }

  /** Per second, over the window or since the start, whichever is shorter. */
  perSecond(): number {
    const nowMs = this.#clock.monotonic()
    const spanMs = Math.min(WINDOW_MS, nowMs - this.#startMs)
    if (spanMs <= 0) return 0
    const recent = this.#samples.filter((sample) => nowMs - sample.atMs <= WINDOW_MS)
    return (recent.reduce((sum, { count }) => sum + count, 0) * 1_000) / spanMs
  }
}
