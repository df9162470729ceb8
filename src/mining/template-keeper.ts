/** @module The template that the miner works on, made anew only as far as it must be. */

import { type ConsensusParams, decodeBits } from '../consensus/index.ts'
import { equalBytes } from '../util/index.ts'
import {
  type BlockTemplate,
  type ChainSource,
  createBlockTemplate,
  type NextBlock,
  type TxSource,
} from './block-template.ts'

/** What the keeper works with. */
export interface TemplateKeeperDeps {
  readonly chain: ChainSource
  readonly transactions: TxSource
  /** Whether there is any use in mining now: not while the chain is behind its peers. */
  readonly isReady: () => boolean
}

/**
 * Chooses transactions when the tip or the mempool has changed since it was last asked; else only time and
 * bits follow the clock. The same object comes back while nothing has changed at all.
 */
export class TemplateKeeper {
  readonly #deps: TemplateKeeperDeps
  readonly #params: ConsensusParams
  #kept: BlockTemplate | undefined
  #sequence = 0

  constructor(deps: TemplateKeeperDeps, params: ConsensusParams) {
    this.#deps = deps
    this.#params = params
  }

  /** @returns Nothing while there is nothing to mine. */
  next(): BlockTemplate | undefined {
    const { chain, transactions, isReady } = this.#deps
    if (!isReady()) return undefined
    const next = chain.nextBlock()
    if (!this.#isPaceReached(next)) return undefined
    const kept = this.#kept
    const isKept =
      kept !== undefined &&
      equalBytes(kept.prevBlockHash, next.prevBlockHash) &&
      this.#sequence === transactions.sequence
    if (isKept && kept.time === next.time && kept.bits === next.bits) return kept
    this.#sequence = transactions.sequence
    this.#kept = isKept
      ? { ...kept, ...next, target: decodeBits(next.bits).target }
      : createBlockTemplate(next, transactions, this.#params)
    return this.#kept
  }

  /** Where difficulty never moves, blocks would come without end: there the clock sets the pace. */
  #isPaceReached(next: NextBlock): boolean {
    if (!this.#params.noRetargeting) return true
    return next.time >= next.prevTime + this.#params.targetSpacingSeconds
  }
}
