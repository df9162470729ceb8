/** @module What a wallet has: depths, trust, balances. */

import {
  isCoinbase,
  type OutPoint,
  type Transaction,
  type TxidHex,
  type TxOut,
  toDisplayHex,
} from '../primitives/index.ts'
import type { TransactionLog, WalletCoin } from './transaction-log.ts'
import type { WaitingInfo, WalletNode } from './wallet-node.ts'
import type { WalletTransaction } from './wallet-records.ts'

/** A wallet's coins by how sure they are, in satoshis. */
export interface Balances {
  /** Confirmed, or our own change on its way. */
  readonly trusted: bigint
  /** On its way from others. */
  readonly untrustedPending: bigint
  /** Mined, and not to be spent yet. */
  readonly immature: bigint
}

/** A coin with what decides whether it may be spent. */
export interface CoinStatus {
  readonly coin: WalletCoin
  /** Confirmations. */
  readonly depth: number
  readonly isMature: boolean
  /** Whether it can be relied upon: nobody but us could make it go away. */
  readonly isSafe: boolean
}

/** Reads a wallet's transactions against the chain as it is now. */
export class WalletView {
  readonly #log: TransactionLog
  readonly #node: WalletNode

  constructor(log: TransactionLog, node: WalletNode) {
    this.#log = log
    this.#node = node
  }

  /** Confirmations; 0 if there are none; below 0 if a block has another transaction that spends the same. */
  depthOf({ place, conflict }: WalletTransaction): number {
    const { height } = this.#node.tip()
    if (place !== undefined) return Math.max(1, height - place.height + 1)
    return conflict === undefined ? 0 : -Math.max(1, height - conflict.height + 1)
  }

  /** The transaction in the mempool; undefined if it does not wait there. */
  waiting({ txid }: WalletTransaction): WaitingInfo | undefined {
    return this.#node.getWaiting(txid)
  }

  /** Whether a coinbase may not be spent yet. @see Bitcoin Core `GetTxBlocksToMaturity` */
  isImmature(record: WalletTransaction): boolean {
    const { coinbaseMaturityBlocks } = this.#node.params
    return isCoinbase(record.tx) && this.depthOf(record) <= coinbaseMaturityBlocks
  }

  /** @see Bitcoin Core `CachedTxIsTrusted` */
  isTrusted(record: WalletTransaction, trusted = new Map<TxidHex, boolean>()): boolean {
    const known = trusted.get(record.txid)
    if (known !== undefined) return known
    const depth = this.depthOf(record)
    const isTrusted =
      depth > 0 || (depth === 0 && this.#isWaitingOfOurs(record, trusted) && !isCoinbase(record.tx))
    trusted.set(record.txid, isTrusted)
    return isTrusted
  }

  #isWaitingOfOurs(record: WalletTransaction, trusted: Map<TxidHex, boolean>): boolean {
    if (this.waiting(record) === undefined) return false
    return record.tx.inputs.every(({ prevout }) => {
      const parent = this.#log.get(toDisplayHex(prevout.txid))
      return (
        parent !== undefined &&
        this.#log.findOwnOutput(prevout) !== undefined &&
        this.isTrusted(parent, trusted)
      )
    })
  }

  /** Every coin that is worth something now, or will be when it has matured. */
  *coins(): IterableIterator<CoinStatus> {
    const trusted = new Map<TxidHex, boolean>()
    for (const coin of this.#log.coins()) {
      const { record } = coin
      const depth = this.depthOf(record)
      if (depth < 0 || (depth === 0 && (isCoinbase(record.tx) || !this.waiting(record)))) continue
      const isSafe = this.isTrusted(record, trusted)
      yield { coin, depth, isMature: !this.isImmature(record), isSafe }
    }
  }

  /** @param minDepth - Confirmations that trusted coins need. @see Bitcoin Core `GetBalance` */
  balances(minDepth = 0): Balances {
    let [trusted, untrustedPending, immature] = [0n, 0n, 0n]
    for (const { coin, depth, isMature, isSafe } of this.coins()) {
      const { value } = coin.output
      if (!isMature) immature += value
      else if (!isSafe) untrustedPending += value
      else if (depth >= minDepth) trusted += value
    }
    return { trusted, untrustedPending, immature }
  }

  /** The status of one coin; undefined if it is none. */
  findCoin(outPoint: OutPoint): CoinStatus | undefined {
    const wanted = this.#log.getCoin(outPoint)
    if (wanted === undefined) return undefined
    const { record } = wanted
    const isSafe = this.isTrusted(record)
    return {
      coin: wanted,
      depth: this.depthOf(record),
      isMature: !this.isImmature(record),
      isSafe,
    }
  }

  /** An output of a transaction of ours, whether it is unspent or not. */
  findOutput({ txid, vout }: OutPoint): TxOut | undefined {
    return this.findSource({ txid, vout })?.outputs[vout]
  }

  /** The transaction of ours that an output is of. */
  findSource({ txid }: OutPoint): Transaction | undefined {
    return this.#log.get(toDisplayHex(txid))?.tx
  }
}
