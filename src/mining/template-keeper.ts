/** @module The template that the miner works on, if there is any use in mining. */

import type { ConsensusParams } from '../consensus/index.ts'
import type { Logger } from '../util/index.ts'
import type { BlockTemplate } from './block-template.ts'
import type { TemplateCache } from './template-cache.ts'

/** What the keeper works with. */
export interface TemplateKeeperDeps {
  readonly templates: Pick<TemplateCache, 'get'>
  /** Whether there is any use in mining now: not while the chain is behind its peers. */
  readonly isReady: () => boolean
  readonly log: Logger
}

/** What helps where the clock sets the pace. */
export const PACED_ADVICE =
  'the difficulty of this chain never changes, so the miner waits one block interval after each block. Call generatetoaddress to mine at once, or use a chain of your own whose difficulty adjusts.'

/** Holds the template back while nobody could use a block. */
export class TemplateKeeper {
  readonly #deps: TemplateKeeperDeps
  readonly #params: ConsensusParams
  #pacedUntil: number | undefined
  #hasTold = false

  constructor(deps: TemplateKeeperDeps, params: ConsensusParams) {
    this.#deps = deps
    this.#params = params
  }

  /** @returns The same object while nothing has changed; nothing while there is nothing to mine. */
  next(): BlockTemplate | undefined {
    this.#pacedUntil = undefined
    if (!this.#deps.isReady()) return undefined
    const template = this.#deps.templates.get()
    this.#pacedUntil = this.#findPace(template)
    if (this.#pacedUntil === undefined) return template
    this.#tellOnce()
    return undefined
  }

  /** The time from which the next block is mined, Unix seconds, while only the clock holds the template back. */
  get pacedUntil(): number | undefined {
    return this.#pacedUntil
  }

  /** Where difficulty never moves, blocks would come without end: there the clock sets the pace. */
  #findPace({ time, prevTime }: BlockTemplate): number | undefined {
    const earliest = prevTime + this.#params.targetSpacingSeconds
    return this.#params.noRetargeting && time < earliest ? earliest : undefined
  }

  #tellOnce(): void {
    if (this.#hasTold) return
    this.#hasTold = true
    const { targetSpacingSeconds } = this.#params
    this.#deps.log.info(`the miner waits: ${PACED_ADVICE}`, { targetSpacingSeconds })
  }
}
