/** @module Moving the tip, one block at a time, to the best branch that proves valid. */

import {
  CoinsView,
  ConsensusError,
  type ConsensusParams,
  disconnectBlock,
} from '../consensus/index.ts'
import { type EventEmitter, InvariantError, type Logger } from '../util/index.ts'
import type { ActiveChain } from './active-chain.ts'
import { type BlockEntry, findForkPoint } from './block-entry.ts'
import type { BlockTree } from './block-tree.ts'
import type { ChainEvents } from './chain-events.ts'
import type { ChainStore } from './chain-store.ts'
import { encodeUndo } from './coin-codec.ts'
import type { PendingEntries } from './pending-entries.ts'
import type { ScriptChecker } from './script-checker.ts'
import { requireBlock, requireUndo } from './stored-block.ts'
import { verifyBlock } from './verify-block.ts'

/** What the mover works with: the chain's parts. */
export interface TipMoverDeps {
  readonly store: ChainStore
  readonly scriptChecker: ScriptChecker
  readonly log: Logger
  readonly params: ConsensusParams
  readonly tree: BlockTree
  readonly active: ActiveChain
  readonly pending: PendingEntries
  readonly events: EventEmitter<ChainEvents>
}

/**
 * Connects and disconnects blocks. Holds one block at a time, however long the way is. Calls must not
 * overlap: `Chain` makes them take turns.
 */
export class TipMover {
  readonly #deps: TipMoverDeps
  #reorgCount = 0
  #isStopped = false

  constructor(deps: TipMoverDeps) {
    this.#deps = deps
  }

  /** How often the tip has moved to another branch. */
  get reorgCount(): number {
    return this.#reorgCount
  }

  /** Goes no further than the block at hand, from now on: the way is gone on with at the next start. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * Goes to the best branch, trying the next best whenever a block proves invalid, and tells of it.
   *
   * @see Bitcoin Core `Chainstate::ActivateBestChain`
   */
  async moveToBest(): Promise<void> {
    const { active, tree, pending } = this.#deps
    const previous = active.tip
    let wasLeft = false
    let best = tree.findBestCandidate(active.tip)
    while (best !== active.tip && !this.#isStopped) {
      wasLeft ||= best.getAncestor(active.tip.height) !== active.tip
      await this.#moveTowards(best)
      best = tree.findBestCandidate(active.tip)
    }
    tree.pruneCandidates(active.tip)
    await pending.flush()
    // Nobody listens any more, and the way is not done.
    if (this.#isStopped) return
    // Who undid what left with the blocks has to hear of it even if the same blocks came back.
    if (wasLeft || active.tip !== previous) this.#tellTip(previous)
  }

  #tellTip(previous: BlockEntry): void {
    const { active, events, log } = this.#deps
    const { tip } = active
    const forkPoint = findForkPoint(previous, tip) ?? active.genesis
    const depth = previous.height - forkPoint.height
    const isReorg = depth > 0 && tip !== forkPoint
    if (isReorg) this.#reorgCount += 1
    if (depth > 0) {
      log.info(isReorg ? 'reorganised' : 'stepped back', {
        depth,
        from: previous.hashHex,
        to: tip.hashHex,
        height: tip.height,
      })
    }
    events.emit('tipChanged', { tip, previous, forkPoint, depth })
  }

  /** Walks from the tip to `target`: down to the fork point, then up, until a block proves invalid. */
  async #moveTowards(target: BlockEntry): Promise<void> {
    const { active } = this.#deps
    const fork = findForkPoint(active.tip, target)
    if (fork === undefined) throw new InvariantError('two entries of one tree have no common root')
    while (active.tip !== fork && !this.#isStopped) await this.#disconnectTip()
    for (let height = fork.height + 1; height <= target.height; height++) {
      if (this.#isStopped) return
      const entry = target.getAncestor(height)
      if (entry === undefined) throw new InvariantError('an entry lacks an ancestor')
      if (!(await this.#connect(entry))) return
    }
  }

  async #connect(entry: BlockEntry): Promise<boolean> {
    const { store, active, pending, events } = this.#deps
    const block = await requireBlock(store, entry)
    let view: CoinsView
    try {
      const verified = await verifyBlock(block, entry.hash, active.tip, this.#deps)
      view = verified.view
      await store.writeUndo(entry.hash, encodeUndo(verified.undo))
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error
      this.#onInvalid(entry, error)
      return false
    }
    entry.validity = 'connected'
    entry.wasConnected = true
    pending.add(entry)
    await pending.writeTip(entry, view.changes())
    active.push(entry)
    events.emit('blockConnected', { entry, block })
    return true
  }

  #onInvalid(entry: BlockEntry, error: ConsensusError): void {
    const { tree, pending, events, log } = this.#deps
    pending.addAll(tree.markFailed(entry))
    log.warn('block is invalid', {
      hash: entry.hashHex,
      height: entry.height,
      code: error.code,
      ...error.data,
    })
    events.emit('blockFailed', { entry, error })
  }

  async #disconnectTip(): Promise<void> {
    const { store, active, pending, events } = this.#deps
    const { tip } = active
    const parent = tip.prev
    if (parent === undefined) throw new InvariantError('genesis can never be disconnected')
    const block = await requireBlock(store, tip)
    const undo = await requireUndo(store, tip)
    const view = new CoinsView(new Map())
    disconnectBlock(block, undo, view)
    await pending.writeTip(parent, view.changes())
    active.pop()
    events.emit('blockDisconnected', { entry: tip, block })
  }
}
