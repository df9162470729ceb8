/** @module Small records on their way to the disk. */

import {
  encodeHex,
  type KeyValueChange,
  type KeyValueStore,
  type Logger,
  toErrorMessage,
} from '../util/index.ts'

/**
 * Writes records one batch after the other; what changes meanwhile goes into the next one, the newest value of each
 * key alone. Without a store nothing is kept.
 */
export class RecordWriter {
  readonly #store: KeyValueStore | undefined
  readonly #log: Logger
  #pending = new Map<string, KeyValueChange>()
  #writing: Promise<void> | undefined

  constructor(store: KeyValueStore | undefined, log: Logger) {
    this.#store = store
    this.#log = log
  }

  /** @param value - Undefined deletes. */
  put(key: Uint8Array, value: Uint8Array | undefined): void {
    if (this.#store === undefined) return
    this.#pending.set(encodeHex(key), { key, value })
    this.#writing ??= this.#write(this.#store)
  }

  /** Waits until everything so far is written, or has failed. Never rejects. */
  async flush(): Promise<void> {
    await this.#writing
  }

  async #write(store: KeyValueStore): Promise<void> {
    // What is put in the same turn goes into one batch.
    await Promise.resolve()
    while (this.#pending.size > 0) {
      const changes = [...this.#pending.values()]
      this.#pending = new Map()
      try {
        await store.write(changes)
      } catch (error) {
        // Nothing here is worth stopping for: it is learnt again.
        this.#log.warn('Could not store what is known of peers', { error: toErrorMessage(error) })
      }
    }
    this.#writing = undefined
  }
}
