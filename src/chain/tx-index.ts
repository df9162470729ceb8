/** @module The index of transactions: which block of the active chain each one is in. */

import type { Block, BlockHash, Txid } from '../primitives/index.ts'
import { computeTxid, toDisplayHex } from '../primitives/index.ts'
import { type CancelSignal, type Clock, InvariantError, type Logger } from '../util/index.ts'
import type { ActiveChain } from './active-chain.ts'
import type { BlockEntry } from './block-entry.ts'
import type { BlockTree } from './block-tree.ts'
import { type ChainStore, StoreError, type TransactionPlace } from './chain-store.ts'
import { requireBlock } from './stored-block.ts'

/** What a change in memory takes: its key, the id, an object, a place in a map. */
const CHANGE_BYTES = 320
/** Changes are written once they take this share of the memory for coins. */
const MAX_CHANGES_SHARE = 0.25
/** And at the latest when there are so many: all of them are one batch. */
const MAX_INDEX_CHANGES = 65_536
const PROGRESS_INTERVAL_MS = 5_000

/** What the index works with. */
export interface TxIndexDeps {
  readonly store: ChainStore
  readonly clock: Clock
  readonly log: Logger
  readonly tree: BlockTree
  readonly active: ActiveChain
}

/**
 * Follows the tip. What has changed since the last flush is in memory alone, and goes to the disk in one step with
 * the tip. The stored index names the block that it reaches: if that is not the tip, because the index was off or
 * its building was cut short, it is brought there before anybody may use it.
 *
 * Genesis' coinbase is left out, as it is of the coins. Of two equal transactions on one chain, which only chains
 * older than BIP-0034 can have, the later one counts, and with its block both are forgotten.
 *
 * Changes and flushes must not overlap; reads may.
 *
 * @see Bitcoin Core `TxIndex`
 */
export class TxIndex {
  readonly #deps: TxIndexDeps
  readonly #maxChanges: number
  readonly #changes = new Map<string, TransactionPlace>()
  /** The block that it reaches. */
  #tip: BlockEntry | undefined

  /** @param budgetBytes - The memory for coins, of which the index takes its share. */
  constructor(deps: TxIndexDeps, budgetBytes: number) {
    this.#deps = deps
    const affordable = (budgetBytes * MAX_CHANGES_SHARE) / CHANGE_BYTES
    this.#maxChanges = Math.min(affordable, MAX_INDEX_CHANGES)
  }

  /** Whether it reaches the tip. If not, it neither answers nor follows. */
  get isSynced(): boolean {
    return this.#tip === this.#deps.active.tip
  }

  /** The height that it reaches. */
  get height(): number {
    return this.#tip?.height ?? 0
  }

  /** Whether so much has changed that it should be written. */
  get isFull(): boolean {
    return this.#changes.size >= this.#maxChanges
  }

  /** What the next flush of the tip has to write. Undefined if the stored index has to stay where it is. */
  get changes(): Iterable<TransactionPlace> | undefined {
    return this.isSynced ? this.#changes.values() : undefined
  }

  /**
   * Brings the stored index to the stored tip, from genesis if there is none yet.
   *
   * @param signal - Ends that early: the index is of no use then, and gone on with at the next start.
   * @throws {@link StoreError} `corrupt` if a block is missing or pruned, or the index reaches one that nobody knows.
   */
  async open(signal?: CancelSignal): Promise<void> {
    const { tree, active, store } = this.#deps
    const hash = await store.readIndexTip()
    this.#tip = hash === undefined ? active.genesis : tree.get(toDisplayHex(hash))
    if (this.#tip === undefined) {
      throw new StoreError('corrupt', 'the index of transactions reaches an unknown block', {
        part: 'state',
      })
    }
    const progress = this.#startProgress()
    while (this.#tip !== active.tip && signal?.aborted !== true) {
      await this.#step(this.#tip)
      if (this.isFull) await this.#write()
      progress()
    }
    if (hash === undefined || toDisplayHex(hash) !== this.#tip?.hashHex) await this.#write()
  }

  /** Takes a block in that follows the tip, and is not active yet. */
  connect(block: Block, entry: BlockEntry): void {
    if (this.isSynced) this.#add(block, entry)
  }

  /** Takes the tip's block back out, while it is still active. */
  disconnect(block: Block, entry: BlockEntry): void {
    if (this.isSynced) this.#remove(block, entry)
  }

  /** Forgets what has been written with the tip. */
  onFlushed(): void {
    this.#changes.clear()
  }

  /** The block of the active chain that a transaction is in; undefined if none is known. */
  async find(txid: Txid): Promise<BlockHash | undefined> {
    if (!this.isSynced) return undefined
    const change = this.#changes.get(toDisplayHex(txid))
    return change === undefined ? this.#deps.store.readTransaction(txid) : change.blockHash
  }

  /** One block closer to the tip: back while off the active chain, then forward. */
  async #step(at: BlockEntry): Promise<void> {
    const { active } = this.#deps
    if (!active.has(at)) {
      this.#remove(await this.#read(at), at)
      return
    }
    const next = active.at(at.height + 1)
    if (next === undefined) throw new InvariantError('the active chain ends before its tip')
    this.#add(await this.#read(next), next)
  }

  #read(entry: BlockEntry): Promise<Block> {
    if (entry.hasBody) return requireBlock(this.#deps.store, entry)
    throw new StoreError(
      'corrupt',
      `the index of transactions needs block ${entry.hashHex} at height ${entry.height}, which was pruned: start ` +
        'without --txindex, or with --reindex to fetch everything again',
      { part: 'blocks' },
    )
  }

  #add(block: Block, entry: BlockEntry): void {
    this.#change(block, entry.hash)
    this.#tip = entry
  }

  #remove(block: Block, entry: BlockEntry): void {
    this.#change(block, undefined)
    this.#tip = entry.prev
  }

  #change(block: Block, blockHash: BlockHash | undefined): void {
    for (const tx of block.transactions) {
      const txid = computeTxid(tx)
      this.#changes.set(toDisplayHex(txid), { txid, blockHash })
    }
  }

  async #write(): Promise<void> {
    if (this.#tip === undefined) return
    await this.#deps.store.writeIndex(this.#tip.hash, this.#changes.values())
    this.#changes.clear()
  }

  /** Tells that there is a way to go, and now and then how far it is done. */
  #startProgress(): () => void {
    const { active, clock, log } = this.#deps
    const target = active.tip.height
    const tell = (): void =>
      log.info('building the index of transactions', { height: this.height, target })
    if (this.#tip !== active.tip) tell()
    let toldMs = clock.monotonic()
    return () => {
      if (clock.monotonic() - toldMs < PROGRESS_INTERVAL_MS) return
      toldMs = clock.monotonic()
      tell()
    }
  }
}
