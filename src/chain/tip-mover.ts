/** @module Moving the tip, one block at a time, to the best branch that proves valid. */

import {
  type BlockUndo,
  type CoinsView,
  ConsensusError,
  type ConsensusParams,
} from '../consensus/index.ts'
import type { BlockHash, BlockHashHex } from '../primitives/index.ts'
import {
  type Clock,
  type EventEmitter,
  InvariantError,
  LimitedLog,
  type Logger,
  type Quota,
} from '../util/index.ts'
import type { ActiveChain } from './active-chain.ts'
import { type BlockEntry, findForkPoint } from './block-entry.ts'
import type { BlockTree } from './block-tree.ts'
import type { ChainEvents } from './chain-events.ts'
import type { ChainStore } from './chain-store.ts'
import { checkAllCoins } from './check-coins.ts'
import type { CoinCache } from './coin-cache.ts'
import { encodeUndo } from './coin-codec.ts'
import type { PendingEntries } from './pending-entries.ts'
import type { RecentBlocks } from './recent-blocks.ts'
import type { ScriptChecker } from './script-checker.ts'
import { requireBlock } from './stored-block.ts'
import { takeBack } from './take-back.ts'
import type { TxIndex } from './tx-index.ts'
import { verifyBlock } from './verify-block.ts'

/** The tip and its coins are written at least so often while it moves. What a kill leaves behind is replayed. */
const FLUSH_INTERVAL_MS = 5_000
/** Entries so deep below the tip hardly change any more. */
const BURIED_BLOCKS = 1_000
/** On a long way the log tells how far it is, so often. */
const PROGRESS_INTERVAL_MS = 5_000
const SECONDS_PER_MS = 0.001
/** Log lines about invalid blocks: whoever has the work for their headers can make others write them. */
const INVALID_LOG_QUOTA: Quota = { burst: 20, perSecond: 1 / 6 }
/** Missing coins may be the disk's fault. Whoever makes such blocks should not keep us counting. */
const COIN_CHECK_INTERVAL_MS = 3_600_000

/** What the mover works with: the chain's parts. */
export interface TipMoverDeps {
  readonly store: ChainStore
  readonly coins: CoinCache
  readonly scriptChecker: ScriptChecker
  readonly clock: Clock
  readonly log: Logger
  readonly params: ConsensusParams
  readonly tree: BlockTree
  readonly active: ActiveChain
  readonly pending: PendingEntries
  readonly recent: RecentBlocks
  /** Undefined if none is kept. */
  readonly txIndex: TxIndex | undefined
  readonly events: EventEmitter<ChainEvents>
  /** A block whose scripts, and those of its ancestors, need not be verified. */
  readonly assumedValid: BlockHashHex | undefined
}

/** Undo data on their way to the disk. */
interface UndoWrite {
  readonly hash: BlockHash
  readonly bytes: Uint8Array
  readonly written: Promise<void>
}

/** A block on the way up from the tip to the best, if it is there; else the best. */
function findHalt(halt: BlockEntry | undefined, tip: BlockEntry, best: BlockEntry): BlockEntry {
  const isOnTheWay =
    halt !== undefined &&
    halt.height > tip.height &&
    best.getAncestor(halt.height) === halt &&
    best.getAncestor(tip.height) === tip
  return isOnTheWay ? halt : best
}

/**
 * Connects and disconnects blocks. Holds one block at a time, however long the way is. Calls must not
 * overlap: `Chain` makes them take turns.
 */
export class TipMover {
  readonly #deps: TipMoverDeps
  #reorgCount = 0
  #isStopped = false
  /** The tip that the store has. */
  #stored: BlockEntry | undefined
  #flushedMs: number
  #checkedMs = Number.NEGATIVE_INFINITY
  /** Where a branch leaves that cannot be followed: told once. */
  #toldFork: BlockEntry | undefined
  /** Of the block that was connected last: written while the next one is verified. */
  #undo: UndoWrite | undefined
  /** Where work is cheap, invalid blocks are. */
  readonly #invalidLog: LimitedLog

  constructor(deps: TipMoverDeps) {
    this.#deps = deps
    this.#flushedMs = deps.clock.monotonic()
    this.#invalidLog = new LimitedLog(deps.log, 'warn', INVALID_LOG_QUOTA, deps.clock)
  }

  /** Takes over the tip that the store has. */
  open(): void {
    this.#stored = this.#deps.active.tip
  }

  /** Waits until the undo data of every connected block are written; tries once more if that failed. */
  async settleUndo(): Promise<void> {
    const undo = this.#undo
    if (undo === undefined) return
    try {
      await undo.written
    } catch {
      await this.#deps.store.writeUndo(undo.hash, undo.bytes)
    }
    if (this.#undo === undo) this.#undo = undefined
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
   * @param accepted - On the way up, a first halt.
   * @param isAwaited - Whether another call follows, so that this one may end at a halt.
   * @see Bitcoin Core `Chainstate::ActivateBestChain`
   */
  async moveToBest(accepted?: BlockEntry, isAwaited = () => false): Promise<void> {
    const { active, tree, pending, clock } = this.#deps
    const previous = active.tip
    let wasLeft = false
    let best = tree.findBestCandidate(active.tip)
    while (best !== active.tip && !this.#isStopped) {
      if (this.#isOutOfReach(best)) {
        tree.dropCandidate(best)
        best = tree.findBestCandidate(active.tip)
        continue
      }
      wasLeft ||= best.getAncestor(active.tip.height) !== active.tip
      const halt = isAwaited() ? findHalt(accepted, active.tip, best) : best
      await this.#moveTowards(halt)
      if (active.tip === halt && isAwaited()) break
      best = tree.findBestCandidate(active.tip)
    }
    tree.pruneCandidates(active.tip)
    if (clock.monotonic() - this.#flushedMs >= FLUSH_INTERVAL_MS) await this.flush()
    else if (!isAwaited()) {
      await this.settleUndo()
      await pending.flush()
    }
    // Nobody listens any more, and the way is not done.
    if (this.#isStopped) return
    // Who undid what left with the blocks has to hear of it even if the same blocks came back.
    if (wasLeft || active.tip !== previous) this.#tellTip(previous)
  }

  /**
   * Goes on from another tip.
   *
   * @param tip - A descendant of the present one; the store has it already, and its coins.
   */
  async jumpTo(tip: BlockEntry): Promise<void> {
    const { active } = this.#deps
    const previous = active.tip
    active.reset(tip)
    this.#stored = tip
    this.#tellTip(previous)
    await this.moveToBest()
  }

  /** Whether the way to a block leads over blocks that cannot be taken back, because they were pruned. */
  #isOutOfReach(target: BlockEntry): boolean {
    const { active, log } = this.#deps
    const fork = findForkPoint(active.tip, target)
    const lowest = fork === undefined ? undefined : active.at(fork.height + 1)
    if (fork === undefined || lowest?.isPruned !== true) return false
    if (fork !== this.#toldFork) {
      log.error('a branch with more work leaves the chain where blocks were pruned', {
        height: fork.height,
        best: target.hashHex,
        cure: 'start with --reindex to fetch everything again',
      })
    }
    this.#toldFork = fork
    return true
  }

  /** Whether so much has changed that it should be written. */
  get #isFull(): boolean {
    const { coins, txIndex } = this.#deps
    return coins.isFull || txIndex?.isFull === true
  }

  /** Writes the tip, its coins and all entries that changed. */
  async flush(): Promise<void> {
    const { active, coins, pending, txIndex, clock } = this.#deps
    const { tip } = active
    await this.settleUndo()
    if (tip === this.#stored) await pending.flush()
    else {
      await coins.flush((changes, utxoHash) =>
        pending.writeTip({
          hash: tip.hash,
          utxoHash,
          coins: changes,
          transactions: txIndex?.changes,
        }),
      )
      txIndex?.onFlushed()
      this.#stored = tip
    }
    await pending.pack(tip.height - BURIED_BLOCKS)
    this.#flushedMs = clock.monotonic()
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
    const progress = this.#startProgress(fork, target)
    while (active.tip !== fork && !this.#isStopped) {
      await this.#disconnectTip()
      progress()
    }
    for (let height = fork.height + 1; height <= target.height; height++) {
      if (this.#isStopped) return
      const entry = target.getAncestor(height)
      if (entry === undefined) throw new InvariantError('an entry lacks an ancestor')
      if (!(await this.#connect(entry))) return
      progress()
    }
  }

  /** Tells now and then how far a long way is. */
  #startProgress(fork: BlockEntry, target: BlockEntry): () => void {
    const { active, clock, log } = this.#deps
    const total = active.tip.height - fork.height + (target.height - fork.height)
    const startMs = clock.monotonic()
    let toldMs = startMs
    let done = 0
    return () => {
      done += 1
      const now = clock.monotonic()
      if (now - toldMs < PROGRESS_INTERVAL_MS) return
      toldMs = now
      const secondsLeft = Math.ceil(((now - startMs) / done) * (total - done) * SECONDS_PER_MS)
      const { height } = active.tip
      log.info('moving the tip', { height, target: target.height, done, total, secondsLeft })
    }
  }

  async #connect(entry: BlockEntry): Promise<boolean> {
    const { store, coins, active, pending, recent, txIndex, events } = this.#deps
    const block = recent.take(entry) ?? (await requireBlock(store, entry))
    let view: CoinsView
    try {
      // What was connected once passed every rule: its scripts are not verified again.
      const { wasConnected } = entry
      const isKnown = wasConnected || this.#isAssumedValid(entry)
      const verified = await verifyBlock(block, entry.hash, active.tip, this.#deps, isKnown)
      view = verified.view
      await this.settleUndo()
      if (!wasConnected) this.#startUndoWrite(entry, verified.undo)
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error
      if (error.code === 'bad-txns-inputs-missingorspent') await this.#checkCoins()
      this.#onInvalid(entry, error)
      return false
    }
    entry.validity = 'connected'
    entry.wasConnected = true
    pending.add(entry)
    coins.apply(view.changes())
    txIndex?.connect(block, entry)
    active.push(entry)
    if (this.#isFull) await this.flush()
    events.emit('blockConnected', { entry, block })
    return true
  }

  /**
   * Whether an entry leads to the block that the operator vouches for, on the best known chain of headers.
   *
   * @see Bitcoin Core `Chainstate::ConnectBlock`, `fScriptChecks`
   */
  #isAssumedValid(entry: BlockEntry): boolean {
    const { tree, assumedValid } = this.#deps
    const assumed = assumedValid === undefined ? undefined : tree.get(assumedValid)
    if (assumed === undefined || assumed.getAncestor(entry.height) !== entry) return false
    return tree.bestHeader?.getAncestor(assumed.height) === assumed
  }

  /**
   * Makes sure that it is the block that is wrong, and not the disk: LevelDB can lose a record without a word.
   *
   * @throws {@link StoreError} `corrupt` if coins are missing that should be there.
   */
  async #checkCoins(): Promise<void> {
    const { store, clock } = this.#deps
    const now = clock.monotonic()
    if (now - this.#checkedMs < COIN_CHECK_INTERVAL_MS) return
    this.#checkedMs = now
    await this.flush()
    await checkAllCoins(store, clock)
  }

  #startUndoWrite({ hash }: BlockEntry, undo: BlockUndo): void {
    const bytes = encodeUndo(undo)
    const written = this.#deps.store.writeUndo(hash, bytes)
    // Told to whoever waits for it next, which is not at once.
    written.catch(() => undefined)
    this.#undo = { hash, bytes, written }
  }

  #onInvalid(entry: BlockEntry, error: ConsensusError): void {
    const { tree, pending, events } = this.#deps
    pending.addAll(tree.markFailed(entry))
    this.#invalidLog.write('block is invalid', {
      hash: entry.hashHex,
      height: entry.height,
      code: error.code,
      ...error.data,
    })
    events.emit('blockFailed', { entry, error })
  }

  async #disconnectTip(): Promise<void> {
    const { store, coins, active, txIndex, events } = this.#deps
    const { tip } = active
    const parent = tip.prev
    if (parent === undefined) throw new InvariantError('genesis can never be disconnected')
    const block = await requireBlock(store, tip)
    await this.settleUndo()
    const view = await takeBack(block, tip, store, (outPoints) => coins.read(outPoints))
    coins.apply(view.changes())
    txIndex?.disconnect(block, tip)
    active.pop()
    if (this.#isFull) await this.flush()
    events.emit('blockDisconnected', { entry: tip, block })
  }
}
