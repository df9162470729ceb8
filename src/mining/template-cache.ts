/** @module The one template that everybody works on, made anew only as far as it must be. */

import type { ConsensusParams } from '../consensus/index.ts'
import type { HashPairs } from '../primitives/index.ts'
import { type Clock, equalBytes, type Logger } from '../util/index.ts'
import {
  type BlockTemplate,
  type ChainSource,
  createBlockTemplate,
  retimeTemplate,
  type TxSource,
} from './block-template.ts'

/** Choosing transactions may take this part of the time: how often it is done follows from how long it takes. */
const BUILD_TIME_SHARE = 1 / 50
/** A template on the same tip is never older than this once the mempool has changed, in milliseconds. */
export const MAX_TEMPLATE_AGE_MS = 5_000

/** What the cache works with. */
export interface TemplateCacheDeps {
  readonly chain: ChainSource
  readonly transactions: TxSource
  readonly clock: Clock
  readonly log: Logger
  /** Hashes faster than primitives do. */
  readonly hashPairs?: HashPairs
}

/**
 * Chooses transactions anew when the tip has moved; or when the mempool has changed and choosing, done that
 * often, would still be cheap, and after {@link MAX_TEMPLATE_AGE_MS} in any case. Time is always fresh, and so
 * are bits where they depend on it. The same object comes back while nothing has changed at all.
 */
export class TemplateCache {
  readonly #deps: TemplateCacheDeps
  readonly #params: ConsensusParams
  #kept: BlockTemplate | undefined
  #builtMs = 0
  /** For how long changes of the mempool change nothing, in milliseconds. */
  #restMs = 0

  constructor(deps: TemplateCacheDeps, params: ConsensusParams) {
    this.#deps = deps
    this.#params = params
  }

  /** What was given out last, if anything. */
  get last(): BlockTemplate | undefined {
    return this.#kept
  }

  /**
   * The template for the block after the tip.
   *
   * @throws {@link InvariantError} as `createBlockTemplate`.
   */
  get(): BlockTemplate {
    const next = this.#deps.chain.nextBlock()
    const kept = this.#kept
    if (kept === undefined || !equalBytes(kept.prevBlockHash, next.prevBlockHash)) {
      return this.#build()
    }
    if (this.#isOutdated(kept)) return this.#build()
    if (kept.time !== next.time || kept.bits !== next.bits) this.#kept = retimeTemplate(kept, next)
    return this.#kept ?? kept
  }

  #isOutdated({ sequence }: BlockTemplate): boolean {
    const { clock, transactions } = this.#deps
    return sequence !== transactions.sequence && clock.monotonic() - this.#builtMs >= this.#restMs
  }

  #build(): BlockTemplate {
    const { chain, transactions, clock, log, hashPairs } = this.#deps
    const startMs = clock.monotonic()
    const template = createBlockTemplate(chain.nextBlock(), transactions, this.#params, hashPairs)
    this.#builtMs = clock.monotonic()
    const ms = this.#builtMs - startMs
    this.#restMs = Math.min(ms / BUILD_TIME_SHARE, MAX_TEMPLATE_AGE_MS)
    log.debug('block template built', {
      height: template.height,
      transactions: template.transactions.length,
      ms,
    })
    this.#kept = template
    return template
  }
}
