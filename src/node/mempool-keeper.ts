/** @module Keeping the mempool over a restart. */

import { loadMempool, type Mempool, type OwnRecords, saveMempool } from '../mempool/index.ts'
import type { KeyValueStore, Logger } from '../util/index.ts'

/** What the keeper works with. */
export interface MempoolKeeperDeps {
  readonly mempool: Mempool
  readonly store: KeyValueStore
  readonly own: OwnRecords
  readonly log: Logger
}

/**
 * Loads what waited at the last stop, beside the node's other work, and keeps what waits at this one.
 *
 * A stop before everything is loaded leaves the store as it is: what is in it is worth more than what has come since.
 */
export class MempoolKeeper {
  readonly #deps: MempoolKeeperDeps
  readonly #stopping = new AbortController()
  #loading: Promise<void> = Promise.resolve()
  #isLoaded = false

  constructor(deps: MempoolKeeperDeps) {
    this.#deps = deps
  }

  /** Whether all that was kept has been looked at. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  start(): void {
    this.#loading = this.#load()
  }

  async #load(): Promise<void> {
    const { mempool, store, own, log } = this.#deps
    const { signal } = this.#stopping
    try {
      const { taken, refused } = await loadMempool(mempool, store, own, signal)
      if (signal.aborted) return
      this.#isLoaded = true
      if (taken + refused > 0) log.info('loaded the mempool', { taken, refused })
    } catch (error) {
      // Nothing is lost that nobody could send again.
      log.warn('the mempool of the last run could not be loaded', { error })
      this.#isLoaded = true
    }
  }

  /** Keeps what waits. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loading
    if (!this.#isLoaded) return
    const { mempool, store, own, log } = this.#deps
    try {
      await saveMempool(mempool, store, own)
    } catch (error) {
      log.warn('the mempool could not be kept', { error })
    }
  }
}
