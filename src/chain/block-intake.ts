/** @module What happens to a new block before it may be connected: it is judged without coins, and stored. */

import {
  ConsensusError,
  type ConsensusParams,
  checkBlock,
  contextualCheckBlock,
  isBodyMutation,
} from '../consensus/index.ts'
import { type Block, type BlockHashHex, encodeBlock } from '../primitives/index.ts'
import type { ActiveChain } from './active-chain.ts'
import type { BlockEntry } from './block-entry.ts'
import type { BlockTree } from './block-tree.ts'
import type { ChainStore } from './chain-store.ts'
import type { PendingEntries } from './pending-entries.ts'
import type { RecentBlocks } from './recent-blocks.ts'

/**
 * So many blocks on one parent are stored although they come too late to be the tip. Where blocks are cheap, a
 * miner that never moves on makes thousands, and each would stay on the disk for ever.
 */
export const MAX_STALE_SIBLINGS = 32

/** What the intake works with: the chain's parts. */
export interface BlockIntakeDeps {
  readonly store: ChainStore
  readonly params: ConsensusParams
  readonly tree: BlockTree
  readonly active: ActiveChain
  readonly pending: PendingEntries
  readonly recent: RecentBlocks
}

/** Takes blocks in. Several calls may be under way at a time, parents first. */
export class BlockIntake {
  readonly #deps: BlockIntakeDeps
  /** Blocks whose bodies are being stored, so that the same block is not stored twice at once. */
  readonly #storing = new Map<BlockHashHex, Promise<void>>()

  constructor(deps: BlockIntakeDeps) {
    this.#deps = deps
  }

  /**
   * Judges a body: every one by itself, as others may have come with the same header, before it or at the same time.
   *
   * @param entry - Of its header.
   * @throws {@link ConsensusError} of `checkBlock` and `contextualCheckBlock`; `bad-prevblk` if the block or an
   * ancestor was found invalid before.
   */
  check(entry: BlockEntry, block: Block): void {
    if (entry.isFailed) throw new ConsensusError('bad-prevblk', { hash: entry.hashHex })
    const { params, tree, pending } = this.#deps
    try {
      checkBlock(block)
      contextualCheckBlock(block, entry.height, entry.prev?.medianTimePast ?? 0, params)
    } catch (error) {
      // Another body may fit the same header: only what is wrong with every body is remembered.
      if (error instanceof ConsensusError && !isBodyMutation(error, block)) {
        pending.addAll(tree.markFailed(entry))
      }
      throw error
    }
  }

  /**
   * Stores a body that {@link check} has passed, unless that is done or nobody would miss it.
   *
   * @param encoded - The block's bytes, if they are at hand.
   * @throws {@link StoreError} if it cannot be stored.
   */
  async store(entry: BlockEntry, block: Block, encoded?: Uint8Array): Promise<void> {
    // What was pruned is not taken back, or anybody could fill the disk with it.
    const isWanted = !(entry.hasBody || entry.isPruned || this.#isSurplus(entry))
    if (isWanted) await this.#storeOnce(entry, block, encoded)
  }

  /** Whether a block without a body is one stale sibling too many, on which nobody has built. */
  #isSurplus(entry: BlockEntry): boolean {
    const { active, tree } = this.#deps
    if (entry.prev === undefined || entry.chainWork > active.tip.chainWork) return false
    if (tree.childrenOf(entry).length > 0) return false
    let count = 0
    for (const sibling of tree.childrenOf(entry.prev)) {
      if (sibling.isStored && ++count > MAX_STALE_SIBLINGS) return true
    }
    return false
  }

  async #storeOnce(entry: BlockEntry, block: Block, encoded?: Uint8Array): Promise<void> {
    const inProgress = this.#storing.get(entry.hashHex)
    if (inProgress !== undefined) return inProgress
    const storing = this.#storeBlock(entry, block, encoded ?? encodeBlock(block))
    this.#storing.set(entry.hashHex, storing)
    try {
      await storing
    } finally {
      this.#storing.delete(entry.hashHex)
    }
  }

  async #storeBlock(entry: BlockEntry, block: Block, encoded: Uint8Array): Promise<void> {
    const { store, tree, pending, recent } = this.#deps
    // Before the body is written, so that nobody forgets the header meanwhile.
    pending.keep(entry)
    await store.writeBody(entry.hash, encoded)
    recent.add(entry, block, encoded.length)
    pending.addAll(tree.markBody(entry, block.transactions.length))
    pending.add(entry)
  }
}
