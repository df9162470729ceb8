/** @module Writes that come while others are under way go to the disk together. */

/** Gathers items while a write is under way, and hands all of them to the next. */
export class GroupWriter<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>
  #next: Item[] = []
  /** The write that will take what is in `#next`. */
  #following: Promise<void> | undefined
  #current: Promise<void> = Promise.resolve()

  /** @param write - Writes items in one atomic step. */
  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write
  }

  /** Resolves when the item is written; rejects if the write that it was part of failed. */
  put(item: Item): Promise<void> {
    this.#next.push(item)
    if (this.#following === undefined) {
      const following = this.#current.then(() => this.#writeNext())
      this.#following = following
      // Whoever put an item hears of a failure; the next write is tried nevertheless.
      this.#current = following.catch(() => undefined)
    }
    return this.#following
  }

  #writeNext(): Promise<void> {
    const items = this.#next
    this.#next = []
    this.#following = undefined
    return this.#write(items)
  }
}
