import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CoinCache, encodeCoinElement } from '../../../src/chain/coin-cache.ts'
import type { ChainStore } from '../../../src/chain/index.ts'
import { MuHash } from '../../../src/chain/index.ts'
import type { Coin, CoinChange } from '../../../src/consensus/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { type OutPoint, outPointKey, type Txid } from '../../../src/primitives/index.ts'
import { LevelChainStore } from '../../../src/store/index.ts'
import { encodeHex } from '../../../src/util/index.ts'
import { createFixedClock, createMemoryDatabases } from '../../support/memory-chain.ts'

const params = createConsensusParams(REGTEST_SPEC)
const clock = createFixedClock(1_700_000_000)
const TIP = params.genesisHash

function outPointAt(index: number): OutPoint {
  return { txid: new Uint8Array(32).fill(index) as Txid, vout: index }
}

function coinOf(height: number, size = 22): Coin {
  const output = { value: BigInt(height), scriptPubKey: new Uint8Array(size).fill(0x51) }
  return { output, height, isCoinbase: false }
}

async function openStore(): Promise<ChainStore> {
  return LevelChainStore.open(createMemoryDatabases(), params.chainId)
}

/** Writes as a chain does. */
function flush(cache: CoinCache, store: ChainStore): Promise<void> {
  return cache.flush((coins, utxoHash) =>
    store.writeTip({ hash: TIP, utxoHash, coins, entries: [] }),
  )
}

async function storedCoins(store: ChainStore): Promise<ReadonlyMap<string, Coin>> {
  const coins = new Map<string, Coin>()
  for await (const { outPoint, coin } of store.readAllCoins())
    coins.set(outPointKey(outPoint), coin)
  return coins
}

describe('CoinCache', () => {
  it('shows changes at once and writes them at a flush', async () => {
    const store = await openStore()
    const cache = new CoinCache(store, clock, 1_000_000)
    cache.apply([{ outPoint: outPointAt(1), coin: coinOf(1) }])
    expect(await cache.read([outPointAt(1), outPointAt(2)])).toEqual([coinOf(1), undefined])
    expect((await storedCoins(store)).size).toBe(0)
    await flush(cache, store)
    expect([...(await storedCoins(store)).values()]).toEqual([coinOf(1)])
  })

  it('never writes what comes and goes between two flushes', async () => {
    const store = await openStore()
    const cache = new CoinCache(store, clock, 1_000_000)
    cache.apply([{ outPoint: outPointAt(1), coin: coinOf(1) }])
    cache.apply([{ outPoint: outPointAt(1), coin: undefined }])
    const written: CoinChange[] = []
    await cache.flush(async (changes) => void written.push(...changes))
    expect(written).toEqual([])
  })

  it('keeps what could not be written, and its hash', async () => {
    const store = await openStore()
    const cache = new CoinCache(store, clock, 1_000_000)
    cache.apply([{ outPoint: outPointAt(1), coin: coinOf(1) }])
    await expect(cache.flush(() => Promise.reject(new Error('disk full')))).rejects.toThrow('full')
    await flush(cache, store)
    const hash = MuHash.empty()
    hash.insert(encodeCoinElement(outPointAt(1), coinOf(1)))
    const tip = await store.readTip()
    expect(encodeHex(tip?.utxoHash ?? new Uint8Array(0))).toBe(encodeHex(hash.toState()))
  })

  it('does not remember what it read while the coin was being spent', async () => {
    const store = await openStore()
    await store.writeTip({
      hash: TIP,
      utxoHash: MuHash.empty().toState(),
      coins: [{ outPoint: outPointAt(1), coin: coinOf(1) }],
      entries: [],
    })
    const cache = new CoinCache(store, clock, 1_000_000)
    const early = cache.read([outPointAt(1)])
    await cache.read([outPointAt(1)])
    cache.apply([{ outPoint: outPointAt(1), coin: undefined }])
    await flush(cache, store)
    expect(await early).toEqual([coinOf(1)])
    expect(await cache.read([outPointAt(1)])).toEqual([undefined])
  })

  it('says when so much has changed that it should be written', async () => {
    const store = await openStore()
    const cache = new CoinCache(store, clock, 10_000)
    expect(cache.isFull).toBe(false)
    cache.apply([{ outPoint: outPointAt(1), coin: coinOf(1, 6_000) }])
    expect(cache.isFull).toBe(true)
    await flush(cache, store)
    expect(cache.isFull).toBe(false)
  })

  it('is the store with a delay, whatever happens, however little room there is', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('toggle' as const), index: fc.nat(12), size: fc.nat(300) }),
      fc.record({ kind: fc.constant('read' as const), index: fc.nat(12) }),
      fc.record({ kind: fc.constant('flush' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(4_000), async (steps, budget) => {
        const store = await openStore()
        const cache = new CoinCache(store, clock, budget)
        const model = new Map<string, { readonly outPoint: OutPoint; readonly coin: Coin }>()
        for (const [height, wish] of steps.entries()) {
          if (wish.kind === 'flush') await flush(cache, store)
          else {
            const outPoint = outPointAt(wish.index)
            const key = outPointKey(outPoint)
            expect(await cache.read([outPoint])).toEqual([model.get(key)?.coin])
            if (wish.kind === 'read') continue
            const coin = model.has(key) ? undefined : coinOf(height, wish.size)
            cache.apply([{ outPoint, coin }])
            if (coin === undefined) model.delete(key)
            else model.set(key, { outPoint, coin })
          }
        }
        await flush(cache, store)
        const expected = new Map([...model].map(([key, { coin }]) => [key, coin]))
        expect(await storedCoins(store)).toEqual(expected)
        const hash = MuHash.empty()
        for (const { outPoint, coin } of model.values())
          hash.insert(encodeCoinElement(outPoint, coin))
        const tip = await store.readTip()
        expect(encodeHex(tip?.utxoHash ?? new Uint8Array(0))).toBe(encodeHex(hash.toState()))
      }),
      { numRuns: 60 },
    )
  })
})
