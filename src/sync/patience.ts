/** @module Waiting for a peer, and no longer in all than so long. */

import type { Clock } from '../util/index.ts'

/**
 * Limits the time for which a peer may keep us waiting over several answers. Time between the waits does not count:
 * that is ours.
 */
export class Patience {
  readonly #clock: Clock
  readonly #abort = new AbortController()
  #leftMs: number

  /** @param limitMs - Of all waits together. */
  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock
    this.#leftMs = limitMs
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

  async #wait<Result>(task: () => Promise<Result>): Promise<Result> {
    const startMs = this.#clock.monotonic()
    const timer = this.#clock.schedule(Math.max(0, this.#leftMs), () => this.end())
    try {
      return await task()
    } finally {
      timer.cancel()
      this.#leftMs -= this.#clock.monotonic() - startMs
    }
  }
}
