/** @module A clock whose wall time can be set. */

import type { Clock, Timer } from './ports.ts'

/** Goes by another clock, but for its wall time once that has been set. Durations and timers are never mocked. */
export class MockableClock implements Clock {
  readonly #clock: Clock
  #mockedMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Stops wall time at a moment, milliseconds since the Unix epoch; undefined has it go on. */
  mock(timeMs: number | undefined): void {
    this.#mockedMs = timeMs
  }

  now(): number {
    return this.#mockedMs ?? this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  schedule(delayMs: number, action: () => void): Timer {
    return this.#clock.schedule(delayMs, action)
  }
}
