/** @module Unspent outputs in memory, over those in the store. */

import type { Coin, CoinChange } from '../consensus/index.ts'
import { type OutPoint, outPointKey } from '../primitives/index.ts'
import { type Clock, sleep } from '../util/index.ts'
import type { ChainStore } from './chain-store.ts'
import { encodeCoin } from './coin-codec.ts'
import { MuHash } from './muhash.ts'

/** What a coin in memory takes beside its script: its key, three objects, a big integer, a place in a map. */
const COIN_OVERHEAD_BYTES = 480
/** Changes are written once they take this share of the budget: the rest is for what is read again. */
const MAX_DIRTY_SHARE = 0.5
/** And at the latest once they take so much: all of them are one batch, and hashed in one go. */
const MAX_DIRTY_BYTES = 64 * 1_048_576
/** Coins that are hashed before everybody else gets a turn; some milliseconds. */
const HASHES_PER_TURN = 200

/** A coin in memory: changed in place as blocks come and go. */
interface CachedCoin extends CoinChange {
  coin: Coin | undefined
  /** What the store has. */
  stored: Coin | undefined
}

/** The bytes by which a coin stands in the hash of all coins. @see Bitcoin Core `TxOutSer` */
export function encodeCoinElement({ txid, vout }: OutPoint, coin: Coin): Uint8Array {
  const encoded = encodeCoin(coin)
  const element = new Uint8Array(txid.length + 4 + encoded.length)
  element.set(txid)
  new DataView(element.buffer).setUint32(txid.length, vout, true)
  element.set(encoded, txid.length + 4)
  return element
}

function sizeOf(coin: Coin | undefined): number {
  return COIN_OVERHEAD_BYTES + (coin?.output.scriptPubKey.length ?? 0)
}

/**
 * The coins of the active chain's tip. Those that changed since the last flush are here alone; the others are
 * kept as long as there is room. A coin that is made and spent between two flushes never reaches the store.
 *
 * Changes and flushes must not overlap; reads may.
 */
export class CoinCache {
  readonly #store: ChainStore
  readonly #clock: Clock
  readonly #budgetBytes: number
  readonly #coins = new Map<string, CachedCoin>()
  readonly #dirty = new Map<string, CachedCoin>()
  #hash = MuHash.empty()
  #bytes = 0
  #dirtyBytes = 0
  /** Grows with every change: a read that was under way meanwhile may be out of date. */
  #generation = 0

  /** @param budgetBytes - What the cache may take, roughly. */
  constructor(store: ChainStore, clock: Clock, budgetBytes: number) {
    this.#store = store
    this.#clock = clock
    this.#budgetBytes = budgetBytes
  }

  /** Begins with the coins in the store, and nothing else. @param state - Their hash, of {@link MuHash.toState}. */
  open(state: Uint8Array): void {
    this.#generation += 1
    this.#coins.clear()
    this.#dirty.clear()
    this.#bytes = 0
    this.#dirtyBytes = 0
    this.#hash = MuHash.fromState(state)
  }

  /** Whether so much has changed that it should be written. */
  get isFull(): boolean {
    const limit = Math.min(this.#budgetBytes * MAX_DIRTY_SHARE, MAX_DIRTY_BYTES)
    return this.#dirtyBytes >= limit
  }

  /** The coins at outpoints, in the order asked; undefined where there is none. */
  async read(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    const found: (Coin | undefined)[] = []
    const missing: { readonly outPoint: OutPoint; readonly key: string; readonly at: number }[] = []
    for (const [at, outPoint] of outPoints.entries()) {
      const key = outPointKey(outPoint)
      const cached = this.#coins.get(key)
      found.push(cached?.coin)
      if (cached === undefined) missing.push({ outPoint, key, at })
    }
    if (missing.length === 0) return found
    const generation = this.#generation
    const coins = await this.#store.readCoins(missing.map(({ outPoint }) => outPoint))
    for (const [i, { outPoint, key, at }] of missing.entries()) {
      const coin = coins[i]
      found[at] = coin
      if (coin === undefined || generation !== this.#generation || this.#coins.has(key)) continue
      this.#coins.set(key, { outPoint, coin, stored: coin })
      this.#bytes += sizeOf(coin)
    }
    return found
  }

  /**
   * Takes changes over.
   *
   * @param changes - A coin that goes must have been {@link read} before; one that comes is new to the store, unless
   * it has been read too.
   */
  apply(changes: Iterable<CoinChange>): void {
    this.#generation += 1
    for (const { outPoint, coin } of changes) this.#change(outPointKey(outPoint), outPoint, coin)
  }

  #change(key: string, outPoint: OutPoint, coin: Coin | undefined): void {
    const known = this.#coins.get(key)
    if (known !== undefined) this.#drop(key, known)
    const stored = known?.stored
    if (coin === undefined && stored === undefined) return
    const cached: CachedCoin = { outPoint, coin, stored }
    this.#coins.set(key, cached)
    this.#bytes += sizeOf(coin)
    if (coin === stored) return
    this.#dirty.set(key, cached)
    this.#dirtyBytes += sizeOf(coin)
  }

  #drop(key: string, cached: CachedCoin): void {
    this.#coins.delete(key)
    this.#bytes -= sizeOf(cached.coin)
    if (this.#dirty.delete(key)) this.#dirtyBytes -= sizeOf(cached.coin)
  }

  /**
   * Has everything written that changed since the last time, and makes room.
   *
   * @param write - Writes changes, and the hash of all coins after them, in one step. If it fails, nothing has
   * happened.
   */
  async flush(
    write: (changes: Iterable<CoinChange>, utxoHash: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const hash = MuHash.fromState(this.#hash.toState())
    let count = 0
    for (const { outPoint, coin, stored } of this.#dirty.values()) {
      if (stored !== undefined) hash.remove(encodeCoinElement(outPoint, stored))
      if (coin !== undefined) hash.insert(encodeCoinElement(outPoint, coin))
      if (++count % HASHES_PER_TURN === 0) await sleep(this.#clock, 0)
    }
    await write(this.#dirty.values(), hash.toState())
    this.#hash = hash
    this.#generation += 1
    for (const [key, cached] of this.#dirty) {
      cached.stored = cached.coin
      if (cached.coin === undefined) this.#drop(key, cached)
    }
    this.#dirty.clear()
    this.#dirtyBytes = 0
    this.#makeRoom()
  }

  /** Forgets the coins that were touched longest ago, if there are too many. Nothing must be dirty. */
  #makeRoom(): void {
    if (this.#bytes <= this.#budgetBytes) return
    for (const [key, cached] of this.#coins) {
      if (this.#bytes <= this.#budgetBytes / 2) return
      this.#drop(key, cached)
    }
  }
}
