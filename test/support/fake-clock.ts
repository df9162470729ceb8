/** @module A clock that stands still until it is told to go on. */

import type { Clock, Timer } from '../../src/util/index.ts'

interface PendingTimer {
  readonly at: number
  readonly action: () => void
}

/** Lets everything run that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/**
 * Time for tests. Timers fire in order, each at its own moment, and what they start may start more. Who only lets
 * others have a turn goes on without time passing.
 */
export class FakeClock implements Clock {
  #now: number
  readonly #startedAt: number
  readonly #timers = new Set<PendingTimer>()

  /** @param now - Milliseconds since the Unix epoch. */
  constructor(now = 1_700_000_000_000) {
    this.#now = now
    this.#startedAt = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now - this.#startedAt
  }

  schedule(delayMs: number, action: () => void): Timer {
    const timer = { at: this.#now + delayMs, action }
    if (delayMs === 0) setImmediate(action)
    else this.#timers.add(timer)
    return {
      cancel: () => {
        this.#timers.delete(timer)
      },
    }
  }

  /** Lets time pass. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs
    await settle()
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      const [next] = due
      if (next === undefined) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.action()
      await settle()
    }
    this.#now = end
  }
}
