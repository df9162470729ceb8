/** @module The chain: which blocks are known, which are active, and what is unspent. */

import {
  type BlockUndo,
  type Coin,
  ConsensusError,
  type ConsensusParams,
  checkBlock,
  checkProofOfWork,
  contextualCheckBlock,
  contextualCheckHeader,
} from '../consensus/index.ts'
import {
  type Block,
  type BlockHash,
  type BlockHashHex,
  type BlockHeader,
  computeBlockHash,
  type OutPoint,
  toDisplayHex,
} from '../primitives/index.ts'
import {
  type CancelSignal,
  type Clock,
  EventEmitter,
  InvariantError,
  type Logger,
  Mutex,
} from '../util/index.ts'
import { ActiveChain } from './active-chain.ts'
import { adoptBlocks } from './adopt-blocks.ts'
import { type BlockEntry, findForkPoint, toUnixSeconds } from './block-entry.ts'
import { BlockHistory } from './block-history.ts'
import { BlockIntake } from './block-intake.ts'
import { type AcceptedBlock, BlockOutcomes } from './block-outcome.ts'
import { BlockTree, chainTipStatus } from './block-tree.ts'
import type { ChainEvents, ChainTip } from './chain-events.ts'
import { type ChainStore, type StoredCoin, StoreError } from './chain-store.ts'
import { checkNewestBlocks } from './check-newest.ts'
import { CoinCache } from './coin-cache.ts'
import { openChain } from './open-chain.ts'
import { PendingEntries } from './pending-entries.ts'
import { RecentBlocks } from './recent-blocks.ts'
import type { ScriptChecker } from './script-checker.ts'
import { readStoredBlock, readStoredUndo } from './stored-block.ts'
import { TipMover } from './tip-mover.ts'
import { TxIndex } from './tx-index.ts'
import { verifyBlock } from './verify-block.ts'
import { writeSnapshot } from './write-snapshot.ts'

/** Memory for coins unless the chain is told otherwise. */
const DEFAULT_COIN_CACHE_BYTES = 64 * 1_048_576

/** How a chain behaves. */
export interface ChainOptions {
  /** Memory for coins, changed ones and such that are likely to be read again. */
  readonly coinCacheBytes?: number
  /** A block whose scripts, and those of its ancestors, need not be verified: somebody vouches for them. */
  readonly assumedValid?: BlockHashHex | undefined
  /** Whether a rebuild goes on without stored blocks that are damaged or lack an ancestor. */
  readonly keepsWhatItCan?: boolean
  /** Whether to keep an index of all transactions. */
  readonly hasTxIndex?: boolean
}

/** What the chain works with. */
export interface ChainDeps {
  readonly store: ChainStore
  readonly scriptChecker: ScriptChecker
  readonly clock: Clock
  readonly log: Logger
}

/** All coins of a tip. */
export interface CoinSet {
  readonly tip: BlockEntry
  /** The running hash of them: what `MuHash.toState` gave. */
  readonly utxoHash: Uint8Array
  readonly coins: AsyncIterable<StoredCoin>
}

/**
 * The chain of one node.
 *
 * Headers are accepted at once and in memory; blocks are stored, then connected one after another. All
 * changes of the tip are made by one task at a time. Tip and coins are written every few seconds, always together;
 * what a kill leaves behind is connected again from the stored blocks.
 */
export class Chain {
  readonly params: ConsensusParams
  readonly events = new EventEmitter<ChainEvents>()
  /** Where each transaction is; undefined if that is not wished for. Only the chain changes it. */
  readonly txIndex: TxIndex | undefined
  readonly #deps: ChainDeps
  readonly #options: ChainOptions
  readonly #tree = new BlockTree()
  readonly #active = new ActiveChain()
  readonly #coins: CoinCache
  readonly #pending: PendingEntries
  readonly #mover: TipMover
  readonly #intake: BlockIntake
  readonly #history: BlockHistory
  readonly #outcomes: BlockOutcomes
  readonly #activation = new Mutex()
  /** How many accepted blocks wait for their turn to be connected. */
  #waiting = 0

  constructor(deps: ChainDeps, params: ConsensusParams, options: ChainOptions = {}) {
    this.#deps = deps
    this.#options = options
    this.params = params
    this.#outcomes = new BlockOutcomes(this.events)
    const { coinCacheBytes = DEFAULT_COIN_CACHE_BYTES, hasTxIndex = false } = options
    const parts = { ...deps, tree: this.#tree, active: this.#active }
    this.txIndex = hasTxIndex ? new TxIndex(parts, coinCacheBytes) : undefined
    this.#coins = new CoinCache(deps.store, deps.clock, coinCacheBytes)
    this.#pending = new PendingEntries(deps.store, this.#tree)
    const recent = new RecentBlocks()
    const pending = this.#pending
    this.#mover = new TipMover({
      ...parts,
      params,
      coins: this.#coins,
      assumedValid: options.assumedValid,
      pending,
      recent,
      txIndex: this.txIndex,
      events: this.events,
    })
    this.#intake = new BlockIntake({ ...parts, params, pending, recent })
    this.#history = new BlockHistory({ ...parts, pending, mover: this.#mover })
  }

  /**
   * Loads the tree and the tip from the store, or begins with genesis, holds the newest blocks against the coins,
   * and connects what is better than the tip: after a kill, what had not been written yet.
   *
   * @param signal - Ends the connecting early, here and later: what is left is for the next start.
   * @throws {@link StoreError} `wrong-chain` if the store belongs to another genesis, `corrupt` if its
   * records contradict each other or are damaged.
   */
  async open(signal?: CancelSignal): Promise<void> {
    signal?.addEventListener('abort', () => this.#mover.stop())
    const { params } = this
    const parts = {
      ...this.#deps,
      coins: this.#coins,
      params,
      tree: this.#tree,
      active: this.#active,
    }
    await openChain(parts, this.#options.keepsWhatItCan === true)
    await adoptBlocks({ ...parts, pending: this.#pending })
    this.#mover.open()
    this.#tellAssumedValid()
    this.#history.measure()
    await checkNewestBlocks(this.#deps.store, this.#active)
    await this.txIndex?.open(signal)
    await this.#activateBest()
  }

  #tellAssumedValid(): void {
    const { assumedValid } = this.#options
    if (assumedValid === undefined || this.#tree.get(assumedValid) !== undefined) return
    this.#deps.log.info('the block whose scripts are assumed valid is not known yet', {
      hash: assumedValid,
    })
  }

  /** Waits for the block in progress, stores what is not stored yet, and closes the store. */
  async close(): Promise<void> {
    this.#mover.stop()
    try {
      await this.flush()
    } finally {
      await this.#deps.store.close()
    }
  }

  /** Writes the tip and its coins. Happens by itself, every few seconds while the tip moves, and at the end. */
  flush(): Promise<void> {
    return this.#exclusively(() => this.#mover.flush())
  }

  /** The last block of the active chain. */
  get tip(): BlockEntry {
    return this.#active.tip
  }

  get genesis(): BlockEntry {
    return this.#active.genesis
  }

  /** The known header with the most work. */
  get bestHeader(): BlockEntry {
    return this.#tree.bestHeader ?? this.tip
  }

  /** How often the tip has moved to another branch since the start. */
  get reorgCount(): number {
    return this.#mover.reorgCount
  }

  /** How many headers are known, on all branches. */
  get headerCount(): number {
    return this.#tree.size
  }

  /** How many of them lead to no stored block: they are in memory alone. */
  get looseHeaderCount(): number {
    return this.#tree.looseCount
  }

  getEntry(hashHex: BlockHashHex): BlockEntry | undefined {
    return this.#tree.get(hashHex)
  }

  /** The block of the active chain at a height. */
  getActiveEntry(height: number): BlockEntry | undefined {
    return this.#active.at(height)
  }

  /** Whether an entry is on the active chain. */
  isActive(entry: BlockEntry): boolean {
    return this.#active.has(entry)
  }

  /** Ends of all branches, the highest first. */
  getChainTips(): readonly ChainTip[] {
    const ends = new Set([this.tip, ...this.#tree.leaves()])
    return [...ends]
      .map((entry) => ({
        entry,
        branchLength: entry.height - (findForkPoint(entry, this.tip)?.height ?? 0),
        status: chainTipStatus(entry, entry === this.tip),
      }))
      .filter(({ entry }) => entry === this.tip || !this.isActive(entry))
      .sort((a, b) => b.entry.height - a.entry.height)
  }

  /** The encoded block, or undefined if its body is not stored. */
  readBlockBytes(hash: BlockHash): Promise<Uint8Array | undefined> {
    return this.#deps.store.readBody(hash)
  }

  /** The block, or undefined if its body is not stored. */
  readBlock(hash: BlockHash): Promise<Block | undefined> {
    return readStoredBlock(this.#deps.store, hash)
  }

  /** The coins that a connected block spent, or undefined if it was never connected. */
  async readUndo(hash: BlockHash): Promise<BlockUndo | undefined> {
    await this.#mover.settleUndo()
    return readStoredUndo(this.#deps.store, hash)
  }

  /** Coins of the active chain's tip, in the order asked; undefined where spent or unknown. */
  readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    return this.#coins.read(outPoints)
  }

  /** The active tip, written, with all its coins: they stay those of this tip where the store has snapshots. */
  readAllCoins(): Promise<CoinSet> {
    return this.#exclusively(async () => {
      await this.#mover.flush()
      const { store } = this.#deps
      const stored = await store.readTip()
      if (stored === undefined) throw new InvariantError('an open chain has no stored tip')
      return { tip: this.tip, utxoHash: stored.utxoHash, coins: store.readAllCoins() }
    })
  }

  /**
   * Takes a header into the tree, if its parent is there and it keeps the rules for headers.
   *
   * @returns Its entry, new or already known.
   * @throws {@link ConsensusError} of `checkProofOfWork` and `contextualCheckHeader`;
   * `prev-blk-not-found` (defer); `bad-prevblk` (reject) if the parent is known to be invalid.
   * @see Bitcoin Core `AcceptBlockHeader`
   */
  acceptHeader(header: BlockHeader): BlockEntry {
    const hash = computeBlockHash(header)
    const known = this.#tree.get(toDisplayHex(hash))
    if (known !== undefined) return known
    checkProofOfWork(header, hash, this.params)
    const prev = this.#tree.get(toDisplayHex(header.prevBlockHash))
    if (prev === undefined) {
      throw new ConsensusError('prev-blk-not-found', { prev: toDisplayHex(header.prevBlockHash) })
    }
    if (prev.isFailed) throw new ConsensusError('bad-prevblk', { prev: prev.hashHex })
    const nowMs = this.#deps.clock.now()
    contextualCheckHeader(header, prev, toUnixSeconds(nowMs), this.params)
    const entry = this.#tree.add({ header, hash, prev, firstSeenMs: nowMs })
    this.events.emit('headerAccepted', entry)
    return entry
  }

  /**
   * Takes headers, parents first.
   *
   * @returns The entry of the last one.
   * @throws {@link ConsensusError} as {@link acceptHeader}; the headers before the bad one stay.
   */
  acceptHeaders(headers: readonly BlockHeader[]): BlockEntry | undefined {
    let last: BlockEntry | undefined
    for (const header of headers) last = this.acceptHeader(header)
    return last
  }

  /**
   * Forgets headers that lead to no stored block, but for the branches to some of them. Entries that are
   * forgotten must not be used any more.
   *
   * @param ends - Of the branches that stay.
   */
  forgetLooseHeaders(ends: Iterable<BlockEntry>): void {
    this.#tree.forgetLoose(ends)
  }

  /**
   * Takes a block: stores it, and moves the tip if that makes its branch the best. Several calls may be under
   * way at a time, parents first: while one block is verified the next are checked and stored.
   *
   * Of a block that comes too late, with `MAX_STALE_SIBLINGS` on the same parent before it, only the header
   * is kept, in memory: should anybody build on it, its body is taken when it comes again.
   *
   * @param encoded - The block's bytes, if they are at hand.
   * @param onChecked - Called when the body has passed all checks that need no coins, and waited for before it is stored.
   * @returns Its entry, and whether it was connected; an error in place of that for what only connecting finds. Such
   * blocks are remembered as invalid (`isFailed`).
   * @throws {@link ConsensusError} of {@link acceptHeader}, `checkBlock` and `contextualCheckBlock`.
   * @throws {@link StoreError} if it cannot be stored.
   * @see Bitcoin Core `ProcessNewBlock`
   */
  async acceptBlock(
    block: Block,
    encoded?: Uint8Array,
    onChecked?: (entry: BlockEntry) => Promise<void>,
  ): Promise<AcceptedBlock> {
    const entry = this.acceptHeader(block.header)
    this.#intake.check(entry, block)
    if (onChecked !== undefined) await onChecked(entry)
    await this.#intake.store(entry, block, encoded)
    await this.#activateBest(entry)
    return { entry, outcome: this.#outcomes.outcomeOf(entry) }
  }

  /**
   * Judges a block on top of the tip as if it had proof of work, without keeping anything.
   *
   * @returns False if the block does not build on the tip, so that nothing can be said of it.
   * @throws {@link ConsensusError} for the first rule that it breaks.
   * @see Bitcoin Core `TestBlockValidity`
   */
  checkCandidate(block: Block): Promise<boolean> {
    return this.#exclusively(async () => {
      const { tip } = this
      if (toDisplayHex(block.header.prevBlockHash) !== tip.hashHex) return false
      const now = toUnixSeconds(this.#deps.clock.now())
      contextualCheckHeader(block.header, tip, now, this.params)
      checkBlock(block)
      contextualCheckBlock(block, tip.height + 1, tip.medianTimePast, this.params)
      const hash = computeBlockHash(block.header)
      const deps = { ...this.#deps, coins: this.#coins, params: this.params }
      await verifyBlock(block, hash, tip, deps)
      return true
    })
  }

  /**
   * Treats a block and all that builds on it as invalid, from now on and after a restart, and moves the
   * tip to the best branch without it. Genesis stays as it is.
   *
   * Transactions that leave the chain are told by `blockDisconnected` like those of any reorganisation.
   *
   * @throws {@link StoreError} if that cannot be stored.
   * @see Bitcoin Core `Chainstate::InvalidateBlock`
   */
  invalidateBlock(entry: BlockEntry): Promise<void> {
    return this.#exclusively(async () => {
      if (entry === this.genesis) return
      this.#pending.addAll(this.#tree.markFailed(entry))
      // Branches that the tip had overtaken may now be the best again.
      this.#tree.refillCandidates()
      await this.#mover.moveToBest()
      await this.#mover.flush()
    })
  }

  /**
   * Forgets that a block, its ancestors and its descendants were found or declared invalid, and moves
   * the tip there if that is now the best branch. What really breaks a rule is found again.
   *
   * @throws {@link StoreError} if that cannot be stored.
   * @see Bitcoin Core `Chainstate::ResetBlockFailureFlags`
   */
  reconsiderBlock(entry: BlockEntry): Promise<void> {
    return this.#exclusively(async () => {
      this.#pending.addAll(this.#tree.clearFailures(entry))
      await this.#mover.moveToBest()
      await this.#mover.flush()
    })
  }

  /**
   * Treats a block as if it had been seen before all others with the same work. A later call wins over an
   * earlier one. The preference is not stored, but the tip that it leads to is, and stays the tip.
   *
   * @see Bitcoin Core `Chainstate::PreciousBlock`
   */
  preciousBlock(entry: BlockEntry): Promise<void> {
    return this.#exclusively(async () => {
      if (entry.chainWork < this.tip.chainWork) return
      this.#tree.prefer(entry, this.tip)
      await this.#mover.moveToBest()
      // Only as the stored tip does it stay before others with the same work.
      await this.#mover.flush()
    })
  }

  /** The height up to which the active chain's bodies are deleted; 0 if all are there. */
  get prunedHeight(): number {
    return this.#history.prunedHeight
  }

  /**
   * Deletes bodies and undo data up to a height, on all branches; but for genesis and what a reorganisation may need,
   * the last `MIN_BLOCKS_TO_KEEP` blocks.
   *
   * @returns The height up to which they are deleted now.
   * @see Bitcoin Core `BlockManager::FindFilesToPruneManual`
   */
  pruneTo(height: number): Promise<number> {
    return this.#exclusively(() => this.#history.pruneTo(height))
  }

  /**
   * Goes on from a block whose coins somebody vouches for, without the blocks before it: they count as pruned.
   *
   * @param base - A descendant of the tip.
   * @param coins - All coins that are unspent after it, in the order of their outpoints.
   * @param hash - Of them, as `hash_serialized_3` of `gettxoutsetinfo`, in internal order.
   * @throws {@link StoreError} `corrupt` if they are others. By then the old ones are gone: the state is rebuilt from
   * stored blocks at the next start.
   * @see Bitcoin Core `ChainstateManager::ActivateSnapshot`
   */
  loadCoins(base: BlockEntry, coins: AsyncIterable<StoredCoin>, hash: Uint8Array): Promise<void> {
    return this.#exclusively(async () => {
      const { tip } = this
      if (base.isFailed || base === tip || base.getAncestor(tip.height) !== tip) {
        throw new InvariantError('a snapshot is of no descendant of the tip')
      }
      await this.#mover.flush()
      const { store, clock } = this.#deps
      const utxoHash = await writeSnapshot(store, clock, { base, coins, hash, tree: this.#tree })
      this.#coins.open(utxoHash)
      await this.#mover.jumpTo(base)
      this.#history.measure()
    })
  }

  /** Runs a task that may move the tip, while no other does. */
  #exclusively<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#activation.run(async () => {
      try {
        return await task()
      } catch (error) {
        const isDamage = error instanceof StoreError && error.code === 'corrupt'
        if (isDamage && error.part === 'state') await this.#deps.store.condemnState()
        throw error
      }
    })
  }

  /** @param accepted - A block that was just stored: what is behind it may be left to those who wait. */
  #activateBest(accepted?: BlockEntry): Promise<void> {
    this.#waiting += 1
    return this.#exclusively(() => {
      this.#waiting -= 1
      return this.#mover.moveToBest(accepted, () => this.#waiting > 0)
    })
  }
}
