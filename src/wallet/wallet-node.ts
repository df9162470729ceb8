/** @module What the wallet needs of its node. */

import type { Coin, ConsensusParams } from '../consensus/index.ts'
import type { Block, BlockHashHex, OutPoint, Transaction, TxidHex } from '../primitives/index.ts'

/** A block of the active chain. */
export interface BlockPosition {
  readonly hash: BlockHashHex
  readonly height: number
  /** Unix seconds. */
  readonly time: number
}

/** A transaction that waits for a block, as far as wallets care. */
export interface WaitingInfo {
  readonly tx: Transaction
  /** Satoshis. */
  readonly fee: bigint
  /** Virtual bytes. */
  readonly virtualSize: number
  /** Itself with all that it needs, and with all that need it. */
  readonly ancestorCount: number
  readonly ancestorSize: number
  readonly ancestorFees: bigint
  readonly descendantCount: number
}

/** What a node tells. Called synchronously; must not throw. */
export interface WalletNodeListener {
  onBlockConnected(block: Block, position: BlockPosition): void
  onBlockDisconnected(hash: BlockHashHex): void
  onTransactionWaiting(tx: Transaction): void
}

/** The chain and the mempool under a wallet. */
export interface WalletNode {
  readonly params: ConsensusParams
  /** The last block of the active chain. */
  tip(): BlockPosition
  /** The block of the active chain at a height. */
  at(height: number): BlockPosition | undefined
  /** A block, if it is on the active chain. */
  find(hash: BlockHashHex): BlockPosition | undefined
  /** The height at which the active chain and the branch that a block is on part; undefined if it is unknown. */
  findFork(hash: BlockHashHex): number | undefined
  /** Undefined if its body was deleted. */
  readBlock(hash: BlockHashHex): Promise<Block | undefined>
  /** Unspent outputs of the active chain, in the order asked. */
  readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]>
  getWaiting(txid: TxidHex): WaitingInfo | undefined
  /** All that wait, parents before children. */
  waiting(): Iterable<Transaction>
  /** The least fee rate that is taken now, satoshis per 1,000 virtual bytes. */
  minFeeRate(): bigint
  /** The fee rate for being confirmed in so many blocks, satoshis per 1,000 virtual bytes; undefined if not known. */
  estimateFeeRate(blocks: number, isConservative: boolean): bigint | undefined
  /** Takes a transaction as our own. Rejects with a `ConsensusError` or `MempoolError` if it is refused. */
  submit(tx: Transaction): Promise<void>
  listen(listener: WalletNodeListener): () => void
}
