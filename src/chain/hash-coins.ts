/** @module Coins on their way to a hash over all of them. */

import { type Clock, sleep } from '../util/index.ts'
import type { StoredCoin } from './chain-store.ts'
import { encodeCoinElement } from './coin-cache.ts'

/** Coins that are hashed before everybody else gets a turn: with MuHash some 5 ms. */
const HASHES_PER_TURN = 200

/** A coin, and what it adds to a hash. */
export interface CoinElement extends StoredCoin {
  /** @see Bitcoin Core `TxOutSer` */
  readonly element: Uint8Array
}

/** Passes coins on, in their order, for somebody to hash. */
export async function* toElements(
  coins: AsyncIterable<StoredCoin>,
  clock: Clock,
): AsyncGenerator<CoinElement> {
  let count = 0
  for await (const { outPoint, coin } of coins) {
    yield { outPoint, coin, element: encodeCoinElement(outPoint, coin) }
    if (++count % HASHES_PER_TURN === 0) await sleep(clock, 0)
  }
}
