/** @module How much of the active chain's history is kept. */

import type { Logger } from '../util/index.ts'
import type { ActiveChain } from './active-chain.ts'
import type { BlockTree } from './block-tree.ts'
import type { ChainStore } from './chain-store.ts'
import type { PendingEntries } from './pending-entries.ts'
import type { TipMover } from './tip-mover.ts'

/** So many blocks below the tip are never pruned, nor their undo data. @see Bitcoin Core `MIN_BLOCKS_TO_KEEP` */
export const MIN_BLOCKS_TO_KEEP = 288

/** What the history works with: the chain's parts. */
export interface BlockHistoryDeps {
  readonly store: ChainStore
  readonly log: Logger
  readonly tree: BlockTree
  readonly active: ActiveChain
  readonly pending: PendingEntries
  readonly mover: TipMover
}

/** Deletes old blocks, and knows up to where they are gone. Calls must not overlap with moves of the tip. */
export class BlockHistory {
  readonly #deps: BlockHistoryDeps
  #prunedHeight = 0

  constructor(deps: BlockHistoryDeps) {
    this.#deps = deps
  }

  /** The height up to which the active chain's bodies are deleted; 0 if all are there. */
  get prunedHeight(): number {
    return this.#prunedHeight
  }

  /** Finds the pruned height anew, after the tip has come from elsewhere. */
  measure(): void {
    const { active } = this.#deps
    let { height } = active.tip
    while (height > 0 && active.at(height)?.isPruned === false) height -= 1
    this.#prunedHeight = height
  }

  /** Deletes what may be deleted, up to a height. @returns The pruned height. */
  async pruneTo(height: number): Promise<number> {
    const { store, log, tree, active, pending, mover } = this.#deps
    const end = Math.min(height, active.tip.height - MIN_BLOCKS_TO_KEEP)
    if (end <= this.#prunedHeight) return this.#prunedHeight
    // The stored tip is what a start goes on from: its next blocks have to be there.
    await mover.flush()
    const entries = tree.findBodies(end)
    // Known to be gone before they are: after a kill in between the next start deletes the rest.
    for (const entry of entries) pending.addAll(tree.markPruned(entry, active.has(entry)))
    await pending.flush()
    await store.deleteBlocks(entries.map(({ hash }) => hash))
    this.#prunedHeight = end
    log.info('pruned blocks', { blocks: entries.length, height: end })
    return end
  }
}
