/** @module A map with a bound: the entry that was used longest ago goes first. */

/** Insertion-ordered map that drops its least recently used entry beyond `maxEntries`. */
export class LruMap<Key, Value> {
  readonly #entries = new Map<Key, Value>()
  readonly #maxEntries: number

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  /** How many entries are held. */
  get size(): number {
    return this.#entries.size
  }

  /** Tells whether a key is held, without counting as a use. */
  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  /** Looks a key up and marks it as just used. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#maxEntries) {
      const oldest = this.#entries.keys().next()
      if (oldest.done !== true) this.#entries.delete(oldest.value)
    }
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  values(): IterableIterator<Value> {
    return this.#entries.values()
  }
}
