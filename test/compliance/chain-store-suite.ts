/**
 * What every `ChainStore` has to do, whatever engine keeps its records.
 *
 * Knows no test runner, so that a page in a browser can run it too. Each case throws if it fails.
 *
 * @module
 */

import {
  Chain,
  type ChainStore,
  createInlineScriptChecker,
  MUHASH_STATE_SIZE,
  type StoredEntry,
} from '../../src/chain/index.ts'
import { type Coin, createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import {
  type BlockHash,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  type OutPoint,
  sha256d,
  type Txid,
} from '../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../src/script/index.ts'
import { type ByteDatabase, type ChainDatabases, LevelChainStore } from '../../src/store/index.ts'
import { concatBytes, encodeHex } from '../../src/util/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../support/chain-generator.ts'
import { createFixedClock, silentLog } from '../support/fixed-clock.ts'
import { spendOpen } from '../support/open-spends.ts'
import { POWER_CUT_CASE } from './power-cut-case.ts'

/** Where a case keeps its records. */
export interface StoreHarness {
  /** Opens the two databases, empty at first; after the store has closed them, with what it left. */
  open(): Promise<ChainDatabases>
}

/** One thing that a store must do. May return what all engines must agree on. */
export interface StoreCase {
  readonly name: string
  readonly run: (harness: StoreHarness) => Promise<string | undefined>
}

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
const MAX_MONEY = 21_000_000n * 100_000_000n
const LARGE_BODY = 500_000
const MANY_COINS = 2_000
const MANY_ENTRIES = 3_000

async function openStore(harness: StoreHarness, chainId = params.chainId): Promise<ChainStore> {
  return LevelChainStore.open(await harness.open(), chainId)
}

/** Something to compare: bytes as hex, amounts as text. */
function show(value: unknown): string {
  return JSON.stringify(toPlain(value ?? null))
}

function toPlain(value: unknown): unknown {
  if (value instanceof Uint8Array) return encodeHex(value)
  if (typeof value === 'bigint') return `${value}`
  if (Array.isArray(value)) return value.map(toPlain)
  if (typeof value !== 'object' || value === null) return value ?? null
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, toPlain(part)]))
}

function expectEqual(actual: unknown, wanted: unknown, what: string): void {
  const [left, right] = [show(actual), show(wanted)]
  if (left === right) return
  throw new Error(`${what}: ${left.slice(0, 500)} is not ${right.slice(0, 500)}`)
}

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
    return 'no error'
  } catch (error) {
    const { name, code } = error as { name: string; code: string }
    return `${name} ${code}`
  }
}

function outPointOf(index: number): OutPoint {
  const txid = new Uint8Array(32).fill(7) as Txid
  new DataView(txid.buffer).setUint32(0, index)
  return { txid, vout: index % 3 }
}

function coinOf(value: bigint, scriptSize = 25): Coin {
  return {
    output: { value, scriptPubKey: new Uint8Array(scriptSize).fill(0x51) },
    height: 3,
    isCoinbase: false,
  }
}

function entryOf(placed: PlacedBlock, changes: Partial<StoredEntry> = {}): StoredEntry {
  return {
    hash: placed.hash,
    header: placed.block.header,
    height: placed.height,
    validity: 'header',
    wasConnected: false,
    hasBody: true,
    transactionCount: placed.block.transactions.length,
    sequence: placed.height,
    firstSeenMs: 1_700_000_000_000,
    ...changes,
  }
}

/** An entry of a chain that has no blocks. @param branch - Sets it apart from others at its height. */
function lineEntryOf(height: number, branch = 0): StoredEntry {
  const hash = new Uint8Array(32).fill(branch) as BlockHash
  new DataView(hash.buffer).setUint32(4, height)
  return { ...entryOf(first), hash, height }
}

function createLine(): readonly StoredEntry[] {
  return Array.from({ length: MANY_ENTRIES }, (_, height) => lineEntryOf(height))
}

async function readAllEntries(store: ChainStore): Promise<readonly StoredEntry[]> {
  const entries: StoredEntry[] = []
  for await (const several of store.readEntries()) {
    // A header may be one that reads itself out of its bytes.
    for (const entry of several) {
      entries.push({ ...entry, header: decodeHeader(encodeHeader(entry.header)) })
    }
  }
  return entries
}

type Coins = readonly (readonly [OutPoint, Coin | undefined])[]

/** A running hash that stands for a block; the store does not look into it. */
function utxoHashOf(tip: BlockHash): Uint8Array {
  return Uint8Array.from({ length: MUHASH_STATE_SIZE }, (_, i) => tip[i % tip.length] ?? 0)
}

function writeTip(
  store: ChainStore,
  hash: BlockHash,
  coins: Coins,
  entries: readonly StoredEntry[] = [],
): Promise<void> {
  const changes = coins.map(([outPoint, coin]) => ({ outPoint, coin }))
  return store.writeTip({ hash, utxoHash: utxoHashOf(hash), coins: changes, entries })
}

async function expectTip(store: ChainStore, hash: BlockHash, what: string): Promise<void> {
  expectEqual(await store.readTip(), { hash, utxoHash: utxoHashOf(hash) }, what)
}

const blocks = createBlocks(genesis, params, 3)
const [first, second, third] = blocks as [PlacedBlock, PlacedBlock, PlacedBlock]

const RECORD_CASES: readonly StoreCase[] = [
  {
    name: 'is empty at first',
    async run(harness) {
      const store = await openStore(harness)
      expectEqual(await store.readTip(), undefined, 'the tip')
      expectEqual(await readAllEntries(store), [], 'the entries')
      expectEqual(await store.readBody(first.hash), undefined, 'a body')
      expectEqual(await store.readUndo(first.hash), undefined, 'undo data')
      expectEqual(await store.readCoins([outPointOf(1)]), [undefined], 'a coin')
      expectEqual(await store.readCoins([]), [], 'no coins')
      await store.close()
      return undefined
    },
  },
  {
    name: 'tells entries parents first, with every field',
    async run(harness) {
      const store = await openStore(harness)
      const entries = [
        entryOf(third, { validity: 'failed-child', hasBody: false, transactionCount: 0 }),
        entryOf(first, { validity: 'connected', wasConnected: true, sequence: 2 ** 40 }),
        entryOf(second, { validity: 'failed', wasConnected: true, firstSeenMs: 2 ** 41 }),
      ]
      await store.writeEntries(entries)
      await store.writeEntries([])
      const sorted = entries.toSorted((a, b) => a.height - b.height)
      expectEqual(await readAllEntries(store), sorted, 'the entries')
      const changed = { ...entryOf(second), validity: 'connected', wasConnected: true } as const
      await store.writeEntries([changed])
      expectEqual((await readAllEntries(store))[1], changed, 'the changed entry')
      await store.close()
      return undefined
    },
  },
  {
    name: 'tells entries that were packed, and those that changed since',
    async run(harness) {
      const store = await openStore(harness)
      const line = createLine()
      await store.writeEntries(line)
      await store.packEntries(MANY_ENTRIES - 500)
      expectEqual(await readAllEntries(store), line, 'the packed entries')
      const pruned = line.slice(0, 700).map((entry) => ({ ...entry, hasBody: false }))
      const sibling = lineEntryOf(5, 9)
      await store.writeEntries([...pruned, sibling])
      const changed = [...pruned.slice(0, 6), sibling, ...pruned.slice(6), ...line.slice(700)]
      expectEqual(await readAllEntries(store), changed, 'the changed entries')
      await store.packEntries(MANY_ENTRIES - 500)
      expectEqual(await readAllEntries(store), changed, 'the entries after packing them again')
      await store.packEntries(-1)
      await store.close()
      const again = await openStore(harness)
      expectEqual(await readAllEntries(again), changed, 'the entries after a restart')
      await again.close()
      return undefined
    },
  },
  {
    name: 'knows whether it was closed',
    async run(harness) {
      const fresh = await openStore(harness)
      expectEqual(fresh.wasClosed, true, 'of a new store')
      await fresh.close()
      const databases = await harness.open()
      const used = await LevelChainStore.open(databases, params.chainId)
      expectEqual(used.wasClosed, true, 'after it was closed')
      const again = await LevelChainStore.open(databases, params.chainId)
      expectEqual(again.wasClosed, false, 'after a use without an end')
      await again.close()
      const closed = await openStore(harness)
      expectEqual(closed.wasClosed, true, 'after it was closed again')
      await closed.close()
      return undefined
    },
  },
  {
    name: 'keeps bodies and undo data, whatever their size, as they were when written',
    async run(harness) {
      const store = await openStore(harness)
      const large = Uint8Array.from({ length: LARGE_BODY }, (_, i) => (i * i) >>> 3)
      const small = Uint8Array.of(1, 2, 3)
      const kept = Uint8Array.from(small)
      await store.writeBody(first.hash, large)
      await store.writeBody(second.hash, small)
      await store.writeUndo(second.hash, new Uint8Array(0))
      small.fill(9)
      expectEqual(await store.readBody(first.hash), large, 'the large body')
      expectEqual(await store.readBody(second.hash), kept, 'the small body')
      expectEqual(await store.readUndo(second.hash), new Uint8Array(0), 'the undo data')
      expectEqual(await store.readUndo(first.hash), undefined, 'undo data of another block')
      const hashes: string[] = []
      for await (const hash of store.readBodyHashes()) hashes.push(show(hash))
      expectEqual(
        hashes.toSorted(),
        [first, second].map(({ hash }) => show(hash)).toSorted(),
        'hashes',
      )
      const bodies = new Map<string, unknown>()
      for await (const { hash, bytes } of store.readBodies()) bodies.set(show(hash), bytes)
      expectEqual(bodies.size, 2, 'the number of bodies')
      expectEqual(bodies.get(show(first.hash)), large, 'the large body among all')
      expectEqual(bodies.get(show(second.hash)), kept, 'the small body among all')
      await store.close()
      return undefined
    },
  },
  {
    name: 'tells coins in the order asked, and as often',
    async run(harness) {
      const store = await openStore(harness)
      const coins = [coinOf(0n, 0), coinOf(MAX_MONEY, 10_000), { ...coinOf(1n), isCoinbase: true }]
      await writeTip(
        store,
        first.hash,
        coins.map((coin, i) => [outPointOf(i), coin]),
      )
      const asked = [2, 0, 3, 1, 2].map(outPointOf)
      const wanted = [coins[2], coins[0], undefined, coins[1], coins[2]]
      expectEqual(await store.readCoins(asked), wanted, 'the coins')
      const all: unknown[] = []
      for await (const { outPoint, coin } of store.readAllCoins()) all.push([outPoint, coin])
      expectEqual(
        all,
        coins.map((coin, i) => [outPointOf(i), coin]),
        'all coins',
      )
      await store.close()
      return undefined
    },
  },
  {
    name: 'moves the tip with its coins and entries',
    async run(harness) {
      const store = await openStore(harness)
      const [a, b, c] = [1, 2, 3].map(outPointOf) as [OutPoint, OutPoint, OutPoint]
      await writeTip(
        store,
        first.hash,
        [
          [a, coinOf(1n)],
          [b, coinOf(2n)],
        ],
        [entryOf(first)],
      )
      // What was never there can go, and of two changes of one coin the later counts.
      const changes: Coins = [
        [a, undefined],
        [c, undefined],
        [b, coinOf(4n)],
        [b, coinOf(5n)],
      ]
      await writeTip(store, second.hash, changes, [entryOf(second)])
      await expectTip(store, second.hash, 'the tip')
      expectEqual(await store.readCoins([a, b, c]), [undefined, coinOf(5n), undefined], 'the coins')
      expectEqual(
        await readAllEntries(store),
        [first, second].map((x) => entryOf(x)),
        'the entries',
      )
      await writeTip(store, first.hash, [
        [a, coinOf(1n)],
        [b, coinOf(2n)],
      ])
      await expectTip(store, first.hash, 'the tip after a step back')
      expectEqual(await store.readCoins([a, b]), [coinOf(1n), coinOf(2n)], 'the coins after it')
      await store.close()
      return undefined
    },
  },
]

/** Flips a bit in the middle of the first value under a sublevel's name. */
async function damage(database: ByteDatabase, sublevel: string, key = ''): Promise<void> {
  const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
  const records = database.sublevel<Uint8Array, Uint8Array>(sublevel, encodings)
  for await (const [at, value] of records.iterator()) {
    if (key !== '' && String.fromCharCode(...at) !== key) continue
    const changed = Uint8Array.from(value)
    const middle = changed.length >> 1
    changed[middle] = (changed[middle] ?? 0) ^ 1
    await records.put(at, changed)
    return
  }
  throw new Error(`no record ${sublevel} ${key}`)
}

/** @param buried - Entries beside those of the blocks, to be packed. */
async function fill(harness: StoreHarness, buried: readonly StoredEntry[] = []): Promise<void> {
  const store = await openStore(harness)
  for (const { hash, block } of blocks) {
    await store.writeBody(hash, encodeBlock(block))
    await store.writeUndo(hash, Uint8Array.of(1, 2, 3))
  }
  const coins = Array.from({ length: MANY_COINS }, (_, i) => [outPointOf(i), coinOf(BigInt(i))])
  await writeTip(
    store,
    third.hash,
    coins as unknown as Coins,
    blocks.map((x) => entryOf(x)),
  )
  await store.writeEntries(buried)
  await store.packEntries(MANY_ENTRIES - 500)
  await store.close()
}

/** Each way to read a record. */
async function readEverything(harness: StoreHarness): Promise<void> {
  const store = await openStore(harness)
  try {
    await store.readTip()
    await readAllEntries(store)
    for (const { hash } of blocks) {
      await store.readBody(hash)
      await store.readUndo(hash)
    }
    await store.readCoins(Array.from({ length: MANY_COINS }, (_, i) => outPointOf(i)))
  } finally {
    await store.close().catch(() => undefined)
  }
}

const SWAPPED_CASE: StoreCase = {
  name: 'does not use a coin that stands where another was',
  async run(harness) {
    await fill(harness)
    const databases = await harness.open()
    const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
    const coins = databases.state.sublevel<Uint8Array, Uint8Array>('coin', encodings)
    const [one, other] = await coins.iterator({ limit: 2 }).all()
    if (one === undefined || other === undefined) throw new Error('no two coins')
    await coins.put(one[0], other[1])
    await databases.state.close()
    await databases.blocks.close()
    expectEqual(await codeOf(() => readEverything(harness)), 'StoreError corrupt', 'the error')
    return undefined
  },
}

function damageCase(what: keyof ChainDatabases, sublevel: string, key?: string): StoreCase {
  return {
    name: `does not use a damaged record: ${sublevel} ${key ?? ''}`,
    async run(harness) {
      await fill(harness, sublevel === 'page' ? createLine() : [])
      await readEverything(harness)
      const databases = await harness.open()
      await damage(databases[what], sublevel, key)
      await databases.state.close()
      await databases.blocks.close()
      expectEqual(await codeOf(() => readEverything(harness)), 'StoreError corrupt', 'the error')
      return undefined
    },
  }
}

const WHOLE_CASES: readonly StoreCase[] = [
  {
    name: 'has everything after it was closed and opened',
    async run(harness) {
      await fill(harness)
      const store = await openStore(harness)
      await expectTip(store, third.hash, 'the tip')
      expectEqual(
        await readAllEntries(store),
        blocks.map((x) => entryOf(x)),
        'the entries',
      )
      expectEqual(await store.readBody(second.hash), encodeBlock(second.block), 'a body')
      expectEqual(await store.readUndo(third.hash), Uint8Array.of(1, 2, 3), 'undo data')
      const asked = Array.from({ length: MANY_COINS + 1 }, (_, i) => outPointOf(i))
      const wanted = asked.map((_, i) => (i < MANY_COINS ? coinOf(BigInt(i)) : undefined))
      expectEqual(await store.readCoins(asked), wanted, 'the coins')
      await store.close()
      return undefined
    },
  },
  {
    name: 'reads while it writes: each read sees one side of a change',
    async run(harness) {
      const store = await openStore(harness)
      const all = Array.from({ length: 200 }, (_, i) => outPointOf(i))
      await writeTip(
        store,
        first.hash,
        all.map((at) => [at, coinOf(1n)]),
      )
      const writing = writeTip(
        store,
        second.hash,
        all.map((at) => [at, coinOf(2n)]),
      )
      const reads = await Promise.all(Array.from({ length: 20 }, () => store.readCoins(all)))
      await writing
      for (const coins of reads) {
        const values = new Set(coins.map((coin) => coin?.output.value))
        expectEqual(values.size, 1, 'different sides of the change in one read')
      }
      expectEqual((await store.readCoins(all))[199], coinOf(2n), 'the last coin')
      await store.close()
      return undefined
    },
  },
  {
    name: 'belongs to one chain',
    async run(harness) {
      await fill(harness)
      const databases = await harness.open()
      const opening = () => LevelChainStore.open(databases, '0badc0de')
      expectEqual(await codeOf(opening), 'StoreError wrong-chain', 'the error')
      await databases.state.close().catch(() => undefined)
      await databases.blocks.close().catch(() => undefined)
      const store = await openStore(harness)
      await expectTip(store, third.hash, 'the tip')
      await store.close()
      return undefined
    },
  },
]

async function openChain(harness: StoreHarness): Promise<Chain> {
  const store = await openStore(harness)
  const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
  const chain = new Chain({ store, scriptChecker, clock, log: silentLog }, params)
  await chain.open()
  return chain
}

/** A count and a hash of all records, in the engine's order. */
async function dump(harness: StoreHarness): Promise<string> {
  const databases = await harness.open()
  let hash: Uint8Array = new Uint8Array(0)
  let count = 0
  for (const name of ['state', 'blocks'] as const) {
    for await (const [key, value] of databases[name].iterator({ keyEncoding: 'view' } as object)) {
      hash = sha256d(concatBytes(hash, key as Uint8Array, value))
      count += 1
    }
    await databases[name].close()
  }
  return `${count} records, ${encodeHex(hash)}`
}

const CHAIN_CASES: readonly StoreCase[] = [
  {
    name: 'carries a chain through a reorganisation and a restart, with the same records as any other',
    async run(harness) {
      const trunk = createBlocks(genesis, params, 6)
      const [coinbase] = trunk[0]?.block.transactions ?? []
      const [, fork, end] = [0, 3, 5].map((i) => trunk[i]) as [unknown, PlacedBlock, PlacedBlock]
      if (coinbase === undefined) throw new Error('a block without a coinbase')
      const transactions = [spendOpen([{ tx: coinbase, vout: 0 }], 1_000n, 5)]
      const left = createBlock(end, params, { transactions })
      const branch = createBlocks(fork, params, 4, { salt: 1 })
      let chain = await openChain(harness)
      for (const { block } of [...trunk, left]) await chain.acceptBlock(block)
      expectEqual(chain.tip.hash, left.hash, 'the first tip')
      await chain.close()
      chain = await openChain(harness)
      expectEqual(chain.tip.hash, left.hash, 'the tip after a restart')
      for (const { block } of branch) await chain.acceptBlock(block)
      expectEqual(chain.tip.hash, branch.at(-1)?.hash, 'the tip after the reorganisation')
      await chain.close()
      chain = await openChain(harness)
      expectEqual(chain.tip.hash, branch.at(-1)?.hash, 'the tip after both')
      await chain.close()
      return dump(harness)
    },
  },
]

/** Every case. */
export const CHAIN_STORE_CASES: readonly StoreCase[] = [
  ...RECORD_CASES,
  ...WHOLE_CASES,
  damageCase('state', 'header'),
  damageCase('state', 'page'),
  damageCase('state', 'coin'),
  damageCase('state', 'meta', 'tip'),
  SWAPPED_CASE,
  damageCase('blocks', 'body'),
  damageCase('blocks', 'undo'),
  POWER_CUT_CASE,
  ...CHAIN_CASES,
]

/** What came of one case: `ok`, or the error; and what engines must agree on. */
export interface StoreCaseResult {
  readonly name: string
  readonly outcome: string
  readonly records: string | undefined
}

/** Runs one case; never throws. */
export async function runStoreCase(
  { name, run }: StoreCase,
  harness: StoreHarness,
): Promise<StoreCaseResult> {
  try {
    return { name, outcome: 'ok', records: await run(harness) }
  } catch (error) {
    return { name, outcome: `${error}`, records: undefined }
  }
}
