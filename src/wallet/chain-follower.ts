/** @module Keeping a wallet's transactions level with the chain and the mempool. */

import {
  type Block,
  computeTxid,
  isCoinbase,
  type Transaction,
  toDisplayHex,
} from '../primitives/index.ts'
import { type CancelSignal, type Clock, type Logger, Mutex } from '../util/index.ts'
import type { KeyRing } from './key-ring.ts'
import type { TransactionLog } from './transaction-log.ts'
import { WalletError } from './wallet-error.ts'
import type { BlockPosition, WalletNode, WalletNodeListener } from './wallet-node.ts'
import type { ScanProgress, WalletRecords, WalletTransaction } from './wallet-records.ts'

/** Transactions of others that wait are not taken beyond so many; those in blocks always are. */
export const MAX_WALLET_TRANSACTIONS = 1_000_000
/** Blocks without anything for us are written down so often; after a kill they are looked through again. */
const PROGRESS_INTERVAL_BLOCKS = 100

/** What following works with. */
export interface ChainFollowerDeps {
  readonly node: WalletNode
  readonly ring: KeyRing
  readonly log: TransactionLog
  readonly records: WalletRecords
  readonly clock: Clock
  readonly logger: Logger
}

/** A look through blocks that are there already. */
export interface RunningScan {
  readonly startedMs: number
  readonly from: number
  readonly to: number
  height: number
}

/** What is known of a transaction that is new. */
export function createRecord(
  tx: Transaction,
  receivedTime: number,
  { nextOrder }: TransactionLog,
): WalletTransaction {
  const txid = toDisplayHex(computeTxid(tx))
  return { tx, txid, order: nextOrder, receivedTime, isAbandoned: false }
}

/**
 * Hears of every block, and of every transaction that waits. Changes are made at once in memory, and written one after
 * another; what a kill leaves unwritten is in blocks, which are looked through again.
 */
export class ChainFollower implements WalletNodeListener {
  readonly #deps: ChainFollowerDeps
  readonly #writing = new Mutex()
  /** Up to where the chain was looked through. */
  #progress: ScanProgress
  #writtenHeight = 0
  /** Whether every block up to the tip was looked through, so that new ones can be taken as they come. */
  #isLevel = false
  #scan: RunningScan | undefined
  #isStopped = false

  constructor(deps: ChainFollowerDeps, start: ScanProgress) {
    this.#deps = deps
    this.#progress = start
  }

  get progress(): ScanProgress {
    return this.#progress
  }

  /** The look through old blocks that is under way. */
  get scan(): RunningScan | undefined {
    return this.#scan
  }

  onBlockConnected(block: Block, position: BlockPosition): void {
    if (!this.#isLevel) return
    const before = this.#deps.log.size
    this.#takeBlock(block, position)
    this.#progress = position
    const isDue = position.height - this.#writtenHeight >= PROGRESS_INTERVAL_BLOCKS
    if (isDue || this.#deps.log.size !== before) this.#writeSoon()
    else this.#writeSoonIfChanged()
  }

  onBlockDisconnected(hash: string): void {
    const { node, log } = this.#deps
    log.disconnect(hash)
    if (this.#isLevel) this.#progress = node.tip()
    this.#writeSoonIfChanged()
  }

  onTransactionWaiting(tx: Transaction): void {
    this.takeWaiting(tx)
    this.#writeSoonIfChanged()
  }

  /** Takes a transaction that is in no block. */
  takeWaiting(tx: Transaction): void {
    const { log, clock } = this.#deps
    if (!log.isRelevant(tx) || log.size >= MAX_WALLET_TRANSACTIONS) return
    this.#markUsed(tx)
    const record = createRecord(tx, Math.floor(clock.now() / 1_000), log)
    const known = log.get(record.txid)
    if (known === undefined) log.put(record)
    // Whoever sent it again wants it after all.
    else if (known.isAbandoned) log.put({ ...known, isAbandoned: false })
  }

  #markUsed(tx: Transaction): void {
    const { log } = this.#deps
    let isMore = false
    while (log.markUsed(tx)) isMore = true
    if (isMore) log.refreshAll()
  }

  #takeBlock(block: Block, position: BlockPosition): void {
    const { ring } = this.#deps
    for (;;) {
      const before = ring.size
      for (const [index, tx] of block.transactions.entries()) {
        this.#takeConfirmed(tx, index, position)
      }
      // More is watched since, and may be in this very block.
      if (ring.size === before) return
    }
  }

  #takeConfirmed(tx: Transaction, index: number, position: BlockPosition): void {
    const { log } = this.#deps
    const { hash, height, time } = position
    if (!isCoinbase(tx)) log.markConflicts(tx, toDisplayHex(computeTxid(tx)), position)
    if (!log.isRelevant(tx)) return
    this.#markUsed(tx)
    const record = createRecord(tx, time, log)
    log.confirm(log.get(record.txid) ?? record, { hash, height, index, time })
  }

  /**
   * Looks through what the chain has beyond the progress that was kept, and follows from then on.
   *
   * @throws {@link WalletError} `pruned`
   */
  async catchUp(signal: CancelSignal): Promise<void> {
    const { node, log } = this.#deps
    // What was in blocks that have left since.
    for (const { place, conflict } of [...log.records()]) {
      for (const hash of [place?.hash, conflict?.hash]) {
        if (hash !== undefined && node.find(hash) === undefined) log.disconnect(hash)
      }
    }
    await this.#scanBlocks(this.#findStart(), undefined, signal)
    for (const tx of node.waiting()) this.takeWaiting(tx)
    await this.write()
  }

  #findStart(): number {
    const { node } = this.#deps
    const { hash, height } = this.#progress
    if (node.find(hash)?.height === height) return height + 1
    return (node.findFork(hash) ?? -1) + 1
  }

  /**
   * Looks through blocks again.
   *
   * @param to - The last one; undefined for all up to the tip.
   * @returns The height of the last one.
   * @throws {@link WalletError} `pruned`, or `refused` if one is under way.
   */
  async rescan(from: number, to: number | undefined, signal: CancelSignal): Promise<number> {
    if (this.#scan !== undefined) {
      throw new WalletError(
        'refused',
        'Wallet is currently rescanning. Abort existing rescan or wait.',
      )
    }
    const last = await this.#scanBlocks(from, to, signal)
    await this.write()
    return last
  }

  async #scanBlocks(from: number, to: number | undefined, signal: CancelSignal): Promise<number> {
    const { node, clock, logger } = this.#deps
    const end = to ?? node.tip().height
    const scan = { startedMs: clock.monotonic(), from, to: end, height: from }
    this.#scan = scan
    try {
      for (let height = from; ; height++) {
        if (to !== undefined && height > to) return to
        const position = node.at(height)
        if (position === undefined) {
          if (to === undefined) this.#isLevel = true
          return node.tip().height
        }
        const block = await node.readBlock(position.hash)
        if (this.#isStopped || signal.aborted) throw new WalletError('refused', 'Rescan aborted.')
        if (node.find(position.hash) === undefined) {
          // A reorganisation went past: on from where the branches part.
          height = Math.min(height, node.findFork(position.hash) ?? 0)
          continue
        }
        if (block === undefined) {
          throw new WalletError(
            'pruned',
            `Block ${height} was deleted by pruning, so the wallet cannot look through it. Start the node with --reindex to fetch all blocks again.`,
          )
        }
        this.#takeBlock(block, position)
        if (!this.#isLevel) this.#progress = position
        scan.height = height
        if ((height - from) % PROGRESS_INTERVAL_BLOCKS === 0) await this.write()
      }
    } finally {
      this.#scan = undefined
      const tookMs = Math.round(clock.monotonic() - scan.startedMs)
      logger.debug('looked through blocks', { from, to: scan.height, tookMs })
    }
  }

  #writeSoonIfChanged(): void {
    if (this.#deps.log.hasChanges) this.#writeSoon()
  }

  #writeSoon(): void {
    this.write().catch((error: unknown) => {
      this.#deps.logger.error('the wallet could not be written', { error })
    })
  }

  /** Writes all that has changed. */
  write(): Promise<void> {
    return this.#writing.run(async () => {
      const { log, records } = this.#deps
      const { hash, height } = this.#progress
      const changed = log.takeChanged()
      const progress = { hash, height, count: log.size }
      this.#writtenHeight = height
      try {
        await records.write({ ...changed, progress })
      } catch (error) {
        log.restoreChanged(changed)
        throw error
      }
    })
  }

  /** Ends what is under way, and waits until everything is written. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#isLevel = false
    await this.write()
  }
}
