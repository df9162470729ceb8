/** @module Keeping the stored blocks within a limit. */

import type { Chain } from '../chain/index.ts'
import type { Clock } from '../util/index.ts'
import type { CreateNodeInit } from './create-node.ts'

/** How often is looked how much room the blocks take, at the most. */
const CHECK_INTERVAL_MS = 10_000
/** What is left of the limit after pruning, so that it is not done with every block. */
const LEFT_SHARE = 0.9

/** What pruning works with. */
export interface BlockPrunerDeps {
  readonly chain: Chain
  readonly clock: Clock
  /** Bytes that blocks and undo data take. */
  readonly measureBlocksSize: () => Promise<number>
  /** Called when the store failed: the node must stop. */
  readonly fatal: (error: unknown) => void
}

/** Deletes the oldest blocks whenever all together take more than a limit. */
export class BlockPruner {
  readonly #deps: BlockPrunerDeps
  readonly #targetBytes: number
  #checkedMs = Number.NEGATIVE_INFINITY
  #running: Promise<void> | undefined
  #off: (() => void) | undefined

  /** @param targetBytes - Exceeded only if the blocks that are never pruned take more. */
  constructor(deps: BlockPrunerDeps, targetBytes: number) {
    this.#deps = deps
    this.#targetBytes = targetBytes
  }

  start(): void {
    this.#off = this.#deps.chain.events.on('tipChanged', () => this.#check())
  }

  /** Waits for what is going on. */
  async stop(): Promise<void> {
    this.#off?.()
    await this.#running
  }

  #check(): void {
    const now = this.#deps.clock.monotonic()
    if (this.#running !== undefined || now - this.#checkedMs < CHECK_INTERVAL_MS) return
    this.#checkedMs = now
    this.#running = this.#prune()
      .catch(this.#deps.fatal)
      .finally(() => {
        this.#running = undefined
      })
  }

  async #prune(): Promise<void> {
    const { chain, measureBlocksSize } = this.#deps
    const size = await measureBlocksSize()
    if (size <= this.#targetBytes) return
    const excess = 1 - (this.#targetBytes * LEFT_SHARE) / size
    const stored = chain.tip.height - chain.prunedHeight
    await chain.pruneTo(chain.prunedHeight + Math.ceil(stored * excess))
  }
}

/** The pruner of a node; undefined where blocks are kept, or deleted over RPC alone. */
export function createPruner(
  { platform, options, onFatal }: CreateNodeInit,
  chain: Chain,
): BlockPruner | undefined {
  if (options.pruneBytes === undefined || options.pruneBytes === 0) return undefined
  const measureBlocksSize = () => platform.measureDatabaseSize('blocks')
  return new BlockPruner(
    { chain, clock: platform.clock, measureBlocksSize, fatal: onFatal },
    options.pruneBytes,
  )
}
