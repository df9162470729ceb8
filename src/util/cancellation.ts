/** @module A signal for work that somebody may give up, for those who make very many. */

import type { CancelSignal } from './ports.ts'

/**
 * What `AbortController` is, without events: Node.js' own makes an exception with a stack at every abort, which takes
 * longer than answering a small request.
 */
export class Cancellation implements CancelSignal {
  #isAborted = false
  #reason: unknown
  /** Undefined as long as nobody listens. */
  #listeners: Set<() => void> | undefined

  get aborted(): boolean {
    return this.#isAborted
  }

  /** What {@link abort} was given. */
  get reason(): unknown {
    return this.#reason
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners?.delete(listener)
  }

  /** Gives the work up. Idempotent. @param reason - What whoever waits is rejected with. */
  abort(reason: unknown): void {
    if (this.#isAborted) return
    this.#isAborted = true
    this.#reason = reason
    const listeners = [...(this.#listeners ?? [])]
    this.#listeners = undefined
    for (const listener of listeners) listener()
  }
}
