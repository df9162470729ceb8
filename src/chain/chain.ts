/** @module The chain: which blocks are known, which are active, and what is unspent. */

import {
  type BlockUndo,
  type Coin,
  CoinsView,
  ConsensusError,
  type ConsensusParams,
  checkBlock,
  checkProofOfWork,
  connectBlock,
  contextualCheckBlock,
  contextualCheckHeader,
  disconnectBlock,
  isBip30Enforced,
  isBodyMutation,
} from '../consensus/index.ts'
import {
  type Block,
  type BlockHash,
  type BlockHashHex,
  type BlockHeader,
  computeBlockHash,
  computeTxid,
  decodeBlock,
  encodeBlock,
  type OutPoint,
  outPointKey,
  toDisplayHex,
} from '../primitives/index.ts'
import { type Clock, EventEmitter, InvariantError, type Logger, Mutex } from '../util/index.ts'
import { type BlockEntry, findForkPoint, toUnixSeconds } from './block-entry.ts'
import { BlockTree, type ChainTipStatus, chainTipStatus } from './block-tree.ts'
import { type ChainStore, type StoredEntry, StoreError } from './chain-store.ts'
import { decodeUndo, encodeUndo } from './coin-codec.ts'
import type { ScriptChecker } from './script-checker.ts'

/** What the chain works with. */
export interface ChainDeps {
  readonly store: ChainStore
  readonly scriptChecker: ScriptChecker
  readonly clock: Clock
  readonly log: Logger
}

/** A block that has joined or left the active chain. */
export interface BlockEvent {
  readonly entry: BlockEntry
  readonly block: Block
}

/** The tip has moved, and everything between has been told. */
export interface TipEvent {
  readonly tip: BlockEntry
  readonly previous: BlockEntry
  readonly forkPoint: BlockEntry
  /** How many blocks were disconnected; above 0 it is a reorg. */
  readonly depth: number
}

/** What the chain tells. Listeners run synchronously and must not throw. */
export interface ChainEvents extends Record<string, unknown> {
  /** A new header is in the tree. */
  headerAccepted: BlockEntry
  blockConnected: BlockEvent
  blockDisconnected: BlockEvent
  /** A block broke a rule when it was connected. */
  blockFailed: { readonly entry: BlockEntry; readonly error: ConsensusError }
  tipChanged: TipEvent
}

/** The end of one branch, as `getchaintips` shows it. */
export interface ChainTip {
  readonly entry: BlockEntry
  /** Blocks since the branch left the active chain; 0 for the active tip. */
  readonly branchLength: number
  readonly status: ChainTipStatus
}

function toStored(entry: BlockEntry): StoredEntry {
  const { hash, header, height, validity, hasBody, transactionCount, sequence, firstSeenMs } = entry
  return { hash, header, height, validity, hasBody, transactionCount, sequence, firstSeenMs }
}

/**
 * The chain of one node.
 *
 * Headers are accepted at once and in memory; blocks are stored, then connected one after another. All
 * changes of the tip are made by one task at a time, each block in one atomic write of the store.
 */
export class Chain {
  readonly params: ConsensusParams
  readonly events = new EventEmitter<ChainEvents>()
  readonly #deps: ChainDeps
  readonly #tree = new BlockTree()
  readonly #activation = new Mutex()
  /** The active chain by height. */
  readonly #active: BlockEntry[] = []
  /** Entries that the store does not know yet. */
  readonly #dirty = new Set<BlockEntry>()
  /** Blocks whose bodies are being stored, so that the same block is not stored twice at once. */
  readonly #storing = new Map<BlockHashHex, Promise<void>>()
  #reorgCount = 0

  constructor(deps: ChainDeps, params: ConsensusParams) {
    this.#deps = deps
    this.params = params
  }

  /**
   * Loads the tree and the tip from the store, or begins with genesis, and connects what is better
   * than the tip.
   *
   * @throws {@link StoreError} `wrong-chain` if the store belongs to another genesis, `corrupt` if its
   * records contradict each other.
   */
  async open(): Promise<void> {
    const tipHash = await this.#deps.store.readTip()
    if (tipHash === undefined) await this.#writeGenesis()
    else await this.#load(tipHash)
    await this.#activateBest()
  }

  /** Waits for what is in progress, stores what is not stored yet, and closes the store. */
  async close(): Promise<void> {
    await this.#activation.run(() => this.#flushEntries())
    await this.#deps.store.close()
  }

  /** The last block of the active chain. */
  get tip(): BlockEntry {
    const tip = this.#active.at(-1)
    if (tip === undefined) throw new InvariantError('the chain is used before it is open')
    return tip
  }

  get genesis(): BlockEntry {
    return this.#active[0] ?? this.tip
  }

  /** The known header with the most work. */
  get bestHeader(): BlockEntry {
    return this.#tree.bestHeader ?? this.tip
  }

  /** How often the tip has moved to another branch since the start. */
  get reorgCount(): number {
    return this.#reorgCount
  }

  /** How many headers are known, on all branches. */
  get headerCount(): number {
    return this.#tree.size
  }

  getEntry(hashHex: BlockHashHex): BlockEntry | undefined {
    return this.#tree.get(hashHex)
  }

  /** The block of the active chain at a height. */
  getActiveEntry(height: number): BlockEntry | undefined {
    return this.#active[height]
  }

  /** Whether an entry is on the active chain. */
  isActive(entry: BlockEntry): boolean {
    return this.#active[entry.height] === entry
  }

  /** Ends of all branches, the active one first, then by height. */
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
  async readBlockBytes(hash: BlockHash): Promise<Uint8Array | undefined> {
    return this.#deps.store.readBody(hash)
  }

  /** The block, or undefined if its body is not stored. */
  async readBlock(hash: BlockHash): Promise<Block | undefined> {
    const bytes = await this.readBlockBytes(hash)
    return bytes === undefined ? undefined : decodeBlock(bytes)
  }

  /** The coins that a connected block spent, or undefined if it was never connected. */
  async readUndo(hash: BlockHash): Promise<BlockUndo | undefined> {
    const bytes = await this.#deps.store.readUndo(hash)
    return bytes === undefined ? undefined : decodeUndo(bytes)
  }

  /** Coins of the active chain's tip, in the order asked; undefined where spent or unknown. */
  readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    return this.#deps.store.readCoins(outPoints)
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
    this.#dirty.add(entry)
    this.events.emit('headerAccepted', entry)
    return entry
  }

  /**
   * Takes headers, parents first, and stores them.
   *
   * @returns The entry of the last one.
   * @throws {@link ConsensusError} as {@link acceptHeader}; the headers before the bad one stay.
   */
  async acceptHeaders(headers: readonly BlockHeader[]): Promise<BlockEntry | undefined> {
    let last: BlockEntry | undefined
    try {
      for (const header of headers) last = this.acceptHeader(header)
    } finally {
      await this.#flushEntries()
    }
    return last
  }

  /**
   * Takes a block: stores it, and moves the tip if that makes its branch the best.
   *
   * @returns Its entry. Whether it is active is for {@link isActive} to say.
   * @throws {@link ConsensusError} of {@link acceptHeader}, `checkBlock` and `contextualCheckBlock`. What
   * is found only when the block is connected is remembered in its entry (`isFailed`), and told by
   * `blockFailed`.
   * @throws {@link StoreError} if it cannot be stored.
   * @see Bitcoin Core `ProcessNewBlock`
   */
  async acceptBlock(block: Block): Promise<BlockEntry> {
    const entry = this.acceptHeader(block.header)
    if (entry.isFailed) throw new ConsensusError('bad-prevblk', { hash: entry.hashHex })
    if (!entry.hasBody) await this.#storeOnce(entry, block)
    await this.#activateBest()
    return entry
  }

  /**
   * Judges a block on top of the tip as if it had proof of work, without keeping anything.
   *
   * @returns False if the block does not build on the tip, so that nothing can be said of it.
   * @throws {@link ConsensusError} for the first rule that it breaks.
   * @see Bitcoin Core `TestBlockValidity`
   */
  checkCandidate(block: Block): Promise<boolean> {
    return this.#activation.run(async () => {
      const { tip } = this
      if (toDisplayHex(block.header.prevBlockHash) !== tip.hashHex) return false
      const now = toUnixSeconds(this.#deps.clock.now())
      contextualCheckHeader(block.header, tip, now, this.params)
      checkBlock(block)
      contextualCheckBlock(block, tip.height + 1, tip.medianTimePast, this.params)
      const hash = computeBlockHash(block.header)
      const coins = await this.#loadCoins(block, tip.height + 1, hash)
      const { scriptChecks } = connectBlock(block, new CoinsView(coins), {
        height: tip.height + 1,
        hash,
        parentMedianTimePast: tip.medianTimePast,
        medianTimePastAt: (height) => tip.getAncestor(height)?.medianTimePast ?? 0,
        params: this.params,
      })
      await this.#deps.scriptChecker.verify(scriptChecks)
      return true
    })
  }

  async #storeOnce(entry: BlockEntry, block: Block): Promise<void> {
    const inProgress = this.#storing.get(entry.hashHex)
    if (inProgress !== undefined) return inProgress
    const storing = this.#storeBlock(entry, block)
    this.#storing.set(entry.hashHex, storing)
    try {
      await storing
    } finally {
      this.#storing.delete(entry.hashHex)
    }
  }

  async #storeBlock(entry: BlockEntry, block: Block): Promise<void> {
    this.#checkNewBlock(entry, block)
    await this.#deps.store.writeBody(entry.hash, encodeBlock(block))
    for (const completed of this.#tree.markBody(entry, block.transactions.length)) {
      this.#dirty.add(completed)
    }
    this.#dirty.add(entry)
  }

  #checkNewBlock(entry: BlockEntry, block: Block): void {
    try {
      checkBlock(block)
      contextualCheckBlock(block, entry.height, entry.prev?.medianTimePast ?? 0, this.params)
    } catch (error) {
      // Another body may fit the same header: only what is wrong with every body is remembered.
      if (error instanceof ConsensusError && !isBodyMutation(error)) this.#markFailed(entry)
      throw error
    }
  }

  #markFailed(entry: BlockEntry): void {
    for (const failed of this.#tree.markFailed(entry)) this.#dirty.add(failed)
  }

  #activateBest(): Promise<void> {
    return this.#activation.run(async () => {
      const previous = this.tip
      let best = this.#tree.findBestCandidate(this.tip)
      while (best !== this.tip) {
        await this.#switchTo(best)
        best = this.#tree.findBestCandidate(this.tip)
      }
      this.#tree.pruneCandidates(this.tip)
      await this.#flushEntries()
      this.#tellTip(previous)
    })
  }

  #tellTip(previous: BlockEntry): void {
    const { tip } = this
    if (tip === previous) return
    const forkPoint = findForkPoint(previous, tip) ?? this.genesis
    const depth = previous.height - forkPoint.height
    if (depth > 0) {
      this.#reorgCount += 1
      this.#deps.log.info('reorganised', {
        depth,
        from: previous.hashHex,
        to: tip.hashHex,
        height: tip.height,
      })
    }
    this.events.emit('tipChanged', { tip, previous, forkPoint, depth })
  }

  /** Walks from the tip to `target`: down to the fork point, then up, until a block proves invalid. */
  async #switchTo(target: BlockEntry): Promise<void> {
    const fork = findForkPoint(this.tip, target)
    if (fork === undefined) throw new InvariantError('two entries of one tree have no common root')
    while (this.tip !== fork) await this.#disconnectTip()
    for (let height = fork.height + 1; height <= target.height; height++) {
      const entry = target.getAncestor(height)
      if (entry === undefined) throw new InvariantError('an entry lacks an ancestor')
      if (!(await this.#connectTip(entry))) return
    }
  }

  async #connectTip(entry: BlockEntry): Promise<boolean> {
    const block = await this.#requireBlock(entry)
    const view = new CoinsView(await this.#loadCoins(block, entry.height, entry.hash))
    try {
      const { undo, scriptChecks } = connectBlock(block, view, {
        height: entry.height,
        hash: entry.hash,
        parentMedianTimePast: entry.prev?.medianTimePast ?? 0,
        medianTimePastAt: (height) => entry.getAncestor(height)?.medianTimePast ?? 0,
        params: this.params,
      })
      await this.#deps.scriptChecker.verify(scriptChecks)
      await this.#deps.store.writeUndo(entry.hash, encodeUndo(undo))
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error
      this.#markFailed(entry)
      this.#deps.log.warn('block is invalid', {
        hash: entry.hashHex,
        height: entry.height,
        code: error.code,
        ...error.data,
      })
      this.events.emit('blockFailed', { entry, error })
      return false
    }
    entry.validity = 'connected'
    this.#dirty.add(entry)
    await this.#writeTip(entry, view)
    this.#active.push(entry)
    this.events.emit('blockConnected', { entry, block })
    return true
  }

  async #disconnectTip(): Promise<void> {
    const { tip } = this
    const parent = tip.prev
    if (parent === undefined) throw new InvariantError('genesis can never be disconnected')
    const block = await this.#requireBlock(tip)
    const undo = await this.readUndo(tip.hash)
    if (undo === undefined) {
      throw new StoreError('corrupt', `the undo data of block ${tip.hashHex} are missing`)
    }
    const view = new CoinsView(new Map())
    disconnectBlock(block, undo, view)
    await this.#writeTip(parent, view)
    this.#active.pop()
    this.events.emit('blockDisconnected', { entry: tip, block })
  }

  async #writeTip(tip: BlockEntry, view: CoinsView): Promise<void> {
    const entries = [...this.#dirty]
    await this.#deps.store.writeTip({
      tip: tip.hash,
      tipHeight: tip.height,
      coins: view.changes(),
      entries: entries.map(toStored),
    })
    for (const entry of entries) this.#dirty.delete(entry)
  }

  async #flushEntries(): Promise<void> {
    const entries = [...this.#dirty]
    if (entries.length === 0) return
    for (const entry of entries) this.#dirty.delete(entry)
    await this.#deps.store.writeEntries(entries.map(toStored))
  }

  /** The coins in the store that a block's inputs name, and with BIP-0030 those it would overwrite. */
  async #loadCoins(block: Block, height: number, hash: BlockHash): Promise<Map<string, Coin>> {
    const wanted: OutPoint[] = []
    const overwrites = isBip30Enforced(height, hash, this.params)
    for (const [index, tx] of block.transactions.entries()) {
      if (index > 0) for (const input of tx.inputs) wanted.push(input.prevout)
      if (!overwrites) continue
      const txid = computeTxid(tx)
      for (const vout of tx.outputs.keys()) wanted.push({ txid, vout })
    }
    const coins = await this.#deps.store.readCoins(wanted)
    const found = new Map<string, Coin>()
    for (const [i, outPoint] of wanted.entries()) {
      const coin = coins[i]
      if (coin !== undefined) found.set(outPointKey(outPoint), coin)
    }
    return found
  }

  async #requireBlock(entry: BlockEntry): Promise<Block> {
    const block = await this.readBlock(entry.hash)
    if (block === undefined) {
      throw new StoreError('corrupt', `the body of block ${entry.hashHex} is missing`)
    }
    return block
  }

  async #writeGenesis(): Promise<void> {
    const { genesis, genesisHash } = this.params
    const entry = this.#tree.add({
      header: genesis.header,
      hash: genesisHash,
      prev: undefined,
      firstSeenMs: this.#deps.clock.now(),
    })
    this.#tree.markBody(entry, genesis.transactions.length)
    entry.validity = 'connected'
    await this.#deps.store.writeBody(entry.hash, encodeBlock(genesis))
    // Consensus: genesis' coinbase enters no set of coins, so nobody can ever spend it.
    await this.#deps.store.writeTip({
      tip: entry.hash,
      tipHeight: 0,
      coins: [],
      entries: [toStored(entry)],
    })
    this.#active.push(entry)
  }

  async #load(tipHash: BlockHash): Promise<void> {
    for await (const stored of this.#deps.store.readEntries()) this.#restore(stored)
    const tip = this.#tree.get(toDisplayHex(tipHash))
    if (tip === undefined) {
      throw new StoreError('corrupt', 'the stored tip is not among the stored headers')
    }
    for (let entry: BlockEntry | undefined = tip; entry !== undefined; entry = entry.prev) {
      this.#active.push(entry)
    }
    this.#active.reverse()
  }

  #restore(stored: StoredEntry): void {
    const prev = this.#tree.get(toDisplayHex(stored.header.prevBlockHash))
    if (prev === undefined && toDisplayHex(stored.hash) !== toDisplayHex(this.params.genesisHash)) {
      const code = stored.height === 0 ? 'wrong-chain' : 'corrupt'
      throw new StoreError(code, `block ${toDisplayHex(stored.hash)} has no parent in the store`)
    }
    const { header, hash, firstSeenMs } = stored
    const entry = this.#tree.add({ header, hash, prev, firstSeenMs })
    entry.hasBody = stored.hasBody
    entry.validity = stored.validity
    entry.transactionCount = stored.transactionCount
    this.#tree.restore(entry, stored.sequence)
  }
}
