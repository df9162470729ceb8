/** @module Where all miners of a node get their work: the template of now, and word of each change. */

import type { BlockHash } from '../primitives/index.ts'
import {
  type CancelSignal,
  type Clock,
  EventEmitter,
  equalBytes,
  type Timer,
} from '../util/index.ts'
import type { BlockTemplate, TxSource } from './block-template.ts'
import type { TemplateCache } from './template-cache.ts'

/** Listeners hear of new transactions at most this often, in milliseconds. */
export const TRANSACTIONS_CHECK_INTERVAL_MS = 1_000
/** Waiting calls end for new transactions after so long, and not before. @see Bitcoin Core `getblocktemplate` */
export const FIRST_MEMPOOL_CHECK_MS = 60_000
/** The interval of later checks for new transactions. */
export const MEMPOOL_CHECK_INTERVAL_MS = 10_000

/** The tip that templates build on. */
export interface TipSource {
  readonly hash: BlockHash
  /** Calls a listener after each move. Returns how to stop that. */
  onMoved(listener: () => void): () => void
}

/** What the feed works with. */
export interface TemplateFeedDeps {
  readonly templates: Pick<TemplateCache, 'get' | 'last'>
  readonly tip: TipSource
  readonly transactions: Pick<TxSource, 'sequence'>
  readonly clock: Clock
}

/** What has changed. */
export interface TemplateChange {
  /** Whether the tip has moved, so that all work on earlier templates is in vain. */
  readonly isClean: boolean
}

/** @param getTemplate - Makes the template only for listeners that use it: during a sync nobody does. */
export type TemplateListener = (getTemplate: () => BlockTemplate, change: TemplateChange) => void

/** What a waiting miner has already. */
export interface KnownTemplate {
  readonly prevBlockHash: BlockHash
  /** Of the mempool; see `TxSource.sequence`. */
  readonly sequence: number
}

/** Serves the local miner, calls that wait over RPC, and Stratum. */
export class TemplateFeed {
  readonly #deps: TemplateFeedDeps
  readonly #events = new EventEmitter<{ changed: TemplateChange }>()
  #listenerCount = 0
  #sequence: number | undefined
  #timer: Timer | undefined
  #offTip: (() => void) | undefined

  constructor(deps: TemplateFeedDeps) {
    this.#deps = deps
  }

  /** The template for the block after the tip; the same object while nothing has changed. */
  get(): BlockTemplate {
    return this.#deps.templates.get()
  }

  /** The template that was given out last, if any. */
  get last(): BlockTemplate | undefined {
    return this.#deps.templates.last
  }

  /** Calls a listener after each change of the tip or the mempool. Returns how to stop that. */
  onChanged(listener: TemplateListener): () => void {
    const off = this.#events.on('changed', (change) => listener(() => this.get(), change))
    this.#listenerCount += 1
    if (this.#listenerCount === 1) this.#startWatch()
    let isOn = true
    return () => {
      if (!isOn) return
      isOn = false
      off()
      this.#listenerCount -= 1
      if (this.#listenerCount === 0) this.#stopWatch()
    }
  }

  /** Whether a template's parent is still the tip. */
  isOnTip({ prevBlockHash }: Pick<KnownTemplate, 'prevBlockHash'>): boolean {
    return equalBytes(this.#deps.tip.hash, prevBlockHash)
  }

  /**
   * Waits until the tip is another than the known template's, not at all if it is already; or, from
   * {@link FIRST_MEMPOOL_CHECK_MS} on, until the mempool has changed.
   *
   * @returns Whether that has happened; false if the signal was aborted before.
   */
  async waitForChange(known: KnownTemplate, signal?: CancelSignal): Promise<boolean> {
    const { tip, transactions, clock } = this.#deps
    if (!this.isOnTip(known)) return true
    if (signal?.aborted === true) return false
    return new Promise((resolve) => {
      let timer: Timer
      const finish = (isChanged: boolean): void => {
        offTip()
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        resolve(isChanged)
      }
      const onAbort = (): void => finish(false)
      const check = (): void => {
        if (transactions.sequence !== known.sequence) finish(true)
        else timer = clock.schedule(MEMPOOL_CHECK_INTERVAL_MS, check)
      }
      const offTip = tip.onMoved(() => finish(true))
      timer = clock.schedule(FIRST_MEMPOOL_CHECK_MS, check)
      signal?.addEventListener('abort', onAbort)
    })
  }

  #startWatch(): void {
    const { tip, transactions, clock } = this.#deps
    this.#sequence = transactions.sequence
    const check = (): void => {
      this.#timer = clock.schedule(TRANSACTIONS_CHECK_INTERVAL_MS, check)
      if (transactions.sequence !== this.#sequence) this.#emit(false)
    }
    this.#timer = clock.schedule(TRANSACTIONS_CHECK_INTERVAL_MS, check)
    this.#offTip = tip.onMoved(() => this.#emit(true))
  }

  #stopWatch(): void {
    this.#timer?.cancel()
    this.#offTip?.()
  }

  #emit(isClean: boolean): void {
    this.#sequence = this.#deps.transactions.sequence
    this.#events.emit('changed', { isClean })
  }
}
