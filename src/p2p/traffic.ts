/** @module Bytes of our protocols' messages, by the names of the messages. */

import type { BytesByMessage } from '../sync/index.ts'

/** What a stream carries in each direction, or a gossip topic. */
export type MessageName =
  | 'addr'
  | 'block'
  | 'data'
  | 'getaddr'
  | 'getdata'
  | 'getheaders'
  | 'headers'
  | 'inv'
  | 'status'
  | 'other'

/** Bytes in one direction. */
export class Traffic {
  readonly #sizes = new Map<MessageName, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  add(message: MessageName, size: number): void {
    this.#total += size
    this.#sizes.set(message, (this.#sizes.get(message) ?? 0) + size)
  }

  /** By name, in the order of names. */
  toRecord(): BytesByMessage {
    return Object.fromEntries([...this.#sizes].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
