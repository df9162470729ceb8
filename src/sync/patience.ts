/** @module Waiting for a peer, and no longer in all than so long. */

import type { Clock, Timer } from '../util/index.ts'

/** How long to wait, all waits together. */
export interface PatienceOptions {
  readonly clock: Clock
  /** Until it is over. */
  readonly limitMs: number
  /** Until `onLate` is called, once. */
  readonly lateMs: number
  readonly onLate: () => void
}

/**
 * Limits the time for which a peer may keep us waiting over several answers. Time between the waits does not count:
 * that is ours.
 */
export class Patience {
  readonly #clock: Clock
  readonly #abort = new AbortController()
  readonly #onLate: () => void
  #leftMs: number
  #leftUntilLateMs: number
  #isLate = false

  constructor({ clock, limitMs, lateMs, onLate }: PatienceOptions) {
    this.#clock = clock
    this.#leftMs = limitMs
    this.#leftUntilLateMs = lateMs
    this.#onLate = onLate
  }

  /** Whether {@link PatienceOptions.lateMs} is over. */
  get isLate(): boolean {
    return this.#isLate
  }

  /** Aborts when it is over. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Ends it: whoever is waited for is to stop. */
  end(): void {
    this.#abort.abort()
  }

  /** Passes on what comes. Whoever makes it heeds {@link signal}. */
  async *each<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    const iterator = items[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await this.#wait(() => iterator.next())
        if (next.done === true) return
        yield next.value
      }
    } finally {
      await iterator.return?.()
    }
  }

  #scheduleLate(): Timer {
    return this.#clock.schedule(Math.max(0, this.#leftUntilLateMs), () => {
      this.#isLate = true
      this.#onLate()
    })
  }

  async #wait<Result>(task: () => Promise<Result>): Promise<Result> {
    const startMs = this.#clock.monotonic()
    const timer = this.#clock.schedule(Math.max(0, this.#leftMs), () => this.end())
    const lateTimer = this.#isLate ? undefined : this.#scheduleLate()
    try {
      return await task()
    } finally {
      timer.cancel()
      lateTimer?.cancel()
      const waitedMs = this.#clock.monotonic() - startMs
      this.#leftMs -= waitedMs
      this.#leftUntilLateMs -= waitedMs
    }
  }
}
