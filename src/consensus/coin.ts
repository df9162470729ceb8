/** @module Unspent outputs and the view that a block is connected on. */

import { type OutPoint, outPointKey, type TxOut } from '../primitives/index.ts'
import { isUnspendable } from '../script/index.ts'

/** An unspent output and where it came from. */
export interface Coin {
  readonly output: TxOut
  /** Height of the block that made it. */
  readonly height: number
  readonly isCoinbase: boolean
}

/** A change to one outpoint: the coin that is there now, or undefined if none is. */
export interface CoinChange {
  readonly outPoint: OutPoint
  readonly coin: Coin | undefined
}

/**
 * Coins held in memory over a base that was read beforehand, with every change remembered. Purely
 * synchronous: whoever connects a block first loads the coins that it may touch.
 */
export class CoinsView {
  readonly #base: ReadonlyMap<string, Coin>
  readonly #changes = new Map<string, CoinChange>()

  /** @param base - Coins by {@link outPointKey}; what is not in it counts as spent. */
  constructor(base: ReadonlyMap<string, Coin>) {
    this.#base = base
  }

  /** The coin at an outpoint, if unspent. */
  get(outPoint: OutPoint): Coin | undefined {
    const key = outPointKey(outPoint)
    const change = this.#changes.get(key)
    return change === undefined ? this.#base.get(key) : change.coin
  }

  /** Removes a coin and returns it; undefined if there was none. */
  spend(outPoint: OutPoint): Coin | undefined {
    const coin = this.get(outPoint)
    if (coin !== undefined) this.#changes.set(outPointKey(outPoint), { outPoint, coin: undefined })
    return coin
  }

  /** Adds a coin, unless nothing could ever spend it. @see Bitcoin Core `CCoinsViewCache::AddCoin` */
  add(outPoint: OutPoint, coin: Coin): void {
    if (isUnspendable(coin.output.scriptPubKey)) return
    this.#changes.set(outPointKey(outPoint), { outPoint, coin })
  }

  /** Makes sure that there is no coin at an outpoint, whether the base has one or not. */
  remove(outPoint: OutPoint): void {
    this.#changes.set(outPointKey(outPoint), { outPoint, coin: undefined })
  }

  /** Everything that differs from the base, in no particular order. */
  changes(): IterableIterator<CoinChange> {
    return this.#changes.values()
  }
}
