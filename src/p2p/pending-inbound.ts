/** @module Inbound connections that have yet to show who they are: those that say nothing keep nobody out. */

import { largestClass } from './eviction.ts'
import { originOf } from './host.ts'
import { MAX_PENDING_INBOUND } from './limits.ts'

/** What can be waited for, and cut. */
export interface PendingConnection {
  readonly remoteAddr: { toString(): string }
}

/**
 * Holds so many. One more takes the place of the oldest of the host that has most of them: who means it is through in a
 * moment, and who says nothing has had his.
 */
export class PendingInbound<Item extends PendingConnection> {
  readonly #cut: (item: Item) => void
  /** With their hosts, oldest first. */
  readonly #hosts = new Map<Item, string>()

  /** @param cut - Called for whoever has to go. */
  constructor(cut: (item: Item) => void) {
    this.#cut = cut
  }

  add(item: Item): void {
    this.#hosts.set(item, originOf(item.remoteAddr.toString()).host)
    if (this.#hosts.size <= MAX_PENDING_INBOUND) return
    const [oldest] = largestClass([...this.#hosts], ([, host]) => host)
    if (oldest === undefined) return
    this.#hosts.delete(oldest[0])
    this.#cut(oldest[0])
  }

  /** It has shown who it is, or is gone; idempotent. */
  remove(item: Item): void {
    this.#hosts.delete(item)
  }
}
