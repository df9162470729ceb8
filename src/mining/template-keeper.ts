/** @module The template that the miner works on, if there is any use in mining. */

import type { ConsensusParams } from '../consensus/index.ts'
import type { BlockTemplate } from './block-template.ts'
import type { TemplateCache } from './template-cache.ts'

/** What the keeper works with. */
export interface TemplateKeeperDeps {
  readonly templates: Pick<TemplateCache, 'get'>
  /** Whether there is any use in mining now: not while the chain is behind its peers. */
  readonly isReady: () => boolean
}

/** Holds the template back while nobody could use a block. */
export class TemplateKeeper {
  readonly #deps: TemplateKeeperDeps
  readonly #params: ConsensusParams

  constructor(deps: TemplateKeeperDeps, params: ConsensusParams) {
    this.#deps = deps
    this.#params = params
  }

  /** @returns The same object while nothing has changed; nothing while there is nothing to mine. */
  next(): BlockTemplate | undefined {
    if (!this.#deps.isReady()) return undefined
    const template = this.#deps.templates.get()
    return this.#isPaceReached(template) ? template : undefined
  }

  /** Where difficulty never moves, blocks would come without end: there the clock sets the pace. */
  #isPaceReached({ time, prevTime }: BlockTemplate): boolean {
    if (!this.#params.noRetargeting) return true
    return time >= prevTime + this.#params.targetSpacingSeconds
  }
}
