import { describe, expect, it } from 'vitest'
import { Chain, createInlineScriptChecker, MIN_BLOCKS_TO_KEEP } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { computeTxid, type Txid, toDisplayHex } from '../../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import { type ChainDatabases, LevelChainStore } from '../../../src/store/index.ts'
import { META_KEYS, SUBLEVELS } from '../../../src/store/key-map.ts'
import type { Logger } from '../../../src/util/index.ts'
import { createBlocks, type PlacedBlock, placeGenesis } from '../../support/chain-generator.ts'
import {
  createFixedClock,
  createMemoryDatabases,
  openMemoryChain,
  silentLog,
} from '../../support/memory-chain.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
const INDEXED = { hasTxIndex: true }
/** Room for three changes of the index, at 320 bytes each in a quarter of it, and for more coins than that. */
const SMALL = { ...INDEXED, coinCacheBytes: 4 * 3 * 320 }

async function accept(chain: Chain, blocks: readonly PlacedBlock[]): Promise<void> {
  for (const { block } of blocks) await chain.acceptBlock(block)
}

function progressOf({ txIndex }: Chain) {
  return { isSynced: txIndex?.isSynced, height: txIndex?.height }
}

/** The index is complete, has these blocks' transactions, and not those of the others. */
async function expectIndexed(
  chain: Chain,
  blocks: readonly PlacedBlock[],
  others: readonly PlacedBlock[] = [],
): Promise<void> {
  expect(progressOf(chain)).toEqual({ isSynced: true, height: chain.tip.height })
  expect(chain.tip.height).toBe(blocks.length)
  const hashOf = async (txid: Txid) => (await chain.txIndex?.find(txid)) ?? 'none'
  for (const { block, hash } of blocks) {
    for (const tx of block.transactions) expect(await hashOf(computeTxid(tx))).toEqual(hash)
  }
  for (const { block } of [genesis, ...others]) {
    for (const tx of block.transactions) expect(await hashOf(computeTxid(tx))).toBe('none')
  }
}

async function openLogged(
  databases: ChainDatabases,
  log: Logger,
  signal?: AbortSignal,
): Promise<Chain> {
  const store = await LevelChainStore.open(databases, params.chainId)
  const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
  const chain = new Chain({ store, scriptChecker, clock, log }, params, INDEXED)
  await chain.open(signal)
  return chain
}

/** The stored index: the block that it reaches, and how many transactions it has. */
async function storedIndex({ state }: ChainDatabases) {
  const meta = state.sublevel<Uint8Array, Uint8Array>(SUBLEVELS.meta, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  })
  const tip = await meta.get(META_KEYS.txindex)
  const records = await state.sublevel(SUBLEVELS.txindex).keys().all()
  return { tip: tip && toDisplayHex(tip.slice(0, 32)), count: records.length }
}

function hexOf(blocks: readonly PlacedBlock[]): string {
  return toDisplayHex(blocks.at(-1)?.hash ?? genesis.hash)
}

describe('the index of transactions', () => {
  it('is not there unless it is wished for', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    await accept(chain, createBlocks(genesis, params, 2))
    await chain.close()
    expect(chain.txIndex).toBeUndefined()
  })

  it('answers from memory before a flush, and from the store after it', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases, INDEXED)
    const blocks = createBlocks(genesis, params, 3)
    await accept(chain, blocks)
    expect(await storedIndex(databases)).toEqual({ tip: hexOf([]), count: 0 })
    await expectIndexed(chain, blocks)
    await chain.flush()
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(blocks), count: 3 })
    await expectIndexed(chain, blocks)
  })

  it('follows a reorganisation, before and after it is written', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases, INDEXED)
    const home = createBlocks(genesis, params, 3, { salt: 1 })
    const away = createBlocks(home[0] as PlacedBlock, params, 3, { salt: 2 })
    await accept(chain, home)
    await chain.flush()
    await accept(chain, away)
    const active = [...home.slice(0, 1), ...away]
    await expectIndexed(chain, active, home.slice(1))
    await chain.flush()
    await expectIndexed(chain, active, home.slice(1))
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(away), count: 4 })
  })

  it('is that of the stored tip after a kill between two flushes, and goes on from there', async () => {
    const databases = createMemoryDatabases()
    const killed = await openMemoryChain(params, clock, databases, INDEXED)
    const home = createBlocks(genesis, params, 3, { salt: 1 })
    const away = createBlocks(genesis, params, 4, { salt: 2 })
    await accept(killed, home)
    await killed.flush()
    await accept(killed, away)
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(home), count: 3 })
    const chain = await openMemoryChain(params, clock, databases, INDEXED)
    await expectIndexed(chain, away, home)
  })

  it('is built from the stored blocks when it is turned on later', async () => {
    const databases = createMemoryDatabases()
    const without = await openMemoryChain(params, clock, databases)
    const blocks = createBlocks(genesis, params, 5)
    await accept(without, blocks)
    await without.flush()
    expect(await storedIndex(databases)).toEqual({ tip: undefined, count: 0 })
    const chain = await openMemoryChain(params, clock, databases, INDEXED)
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(blocks), count: 5 })
    await expectIndexed(chain, blocks)
  })

  it('catches up, over a fork point, after it was off for a while', async () => {
    const databases = createMemoryDatabases()
    const home = createBlocks(genesis, params, 3, { salt: 1 })
    const away = createBlocks(home[0] as PlacedBlock, params, 4, { salt: 2 })
    const first = await openMemoryChain(params, clock, databases, INDEXED)
    await accept(first, home)
    await first.flush()
    const second = await openMemoryChain(params, clock, databases)
    await accept(second, away)
    await second.flush()
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(home), count: 3 })
    const third = await openMemoryChain(params, clock, databases, INDEXED)
    await expectIndexed(third, [...home.slice(0, 1), ...away], home.slice(1))
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(away), count: 5 })
  })

  it('is of no use while its building is cut short, and gone on with at the next start', async () => {
    const databases = createMemoryDatabases()
    const without = await openMemoryChain(params, clock, databases)
    const blocks = createBlocks(genesis, params, 6)
    await accept(without, blocks)
    await without.flush()
    // Aborted at the first line about it, as by somebody who sees how long it takes.
    const stop = new AbortController()
    const log = { ...silentLog, info: () => stop.abort() }
    const cut = await openLogged(databases, log, stop.signal)
    const [{ block }] = blocks as [PlacedBlock]
    const txid = computeTxid(block.transactions[0] as never)
    expect(progressOf(cut)).toEqual({ isSynced: false, height: 0 })
    expect(await cut.txIndex?.find(txid)).toBeUndefined()
    await cut.flush()
    expect(await storedIndex(databases)).toEqual({ tip: hexOf([]), count: 0 })
    const chain = await openMemoryChain(params, clock, databases, INDEXED)
    await expectIndexed(chain, blocks)
  })

  it('does not follow the tip from further behind', async () => {
    const databases = createMemoryDatabases()
    const without = await openMemoryChain(params, clock, databases)
    const blocks = createBlocks(genesis, params, 3, { salt: 1 })
    const away = createBlocks(blocks[0] as PlacedBlock, params, 3, { salt: 2 })
    await accept(without, blocks)
    await without.flush()
    const behind = await openLogged(databases, silentLog, AbortSignal.abort())
    await accept(behind, away)
    await behind.flush()
    expect(behind.tip.height).toBe(4)
    expect(progressOf(behind)).toEqual({ isSynced: false, height: 0 })
    expect(await storedIndex(databases)).toEqual({ tip: hexOf([]), count: 0 })
    const chain = await openMemoryChain(params, clock, databases, INDEXED)
    await expectIndexed(chain, [...blocks.slice(0, 1), ...away], blocks.slice(1))
  })

  it('is built in batches, and goes on from the last of them after a kill', async () => {
    const databases = createMemoryDatabases()
    const without = await openMemoryChain(params, clock, databases)
    const blocks = createBlocks(genesis, params, 8)
    await accept(without, blocks)
    await without.flush()
    const { state } = databases
    let writesLeft = 2
    const write = state.batch.bind(state)
    Object.assign(state, {
      batch: async (...given: Parameters<typeof write>) => {
        if (writesLeft === 0) throw new Error('the power is gone')
        writesLeft -= 1
        return write(...given)
      },
    })
    await expect(openMemoryChain(params, clock, databases, SMALL)).rejects.toThrow('the power')
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(blocks.slice(0, 6)), count: 6 })
    writesLeft = Number.POSITIVE_INFINITY
    const starts: unknown[] = []
    const log = { ...silentLog, info: (_: string, fields?: object) => starts.push(fields) }
    const chain = await openLogged(databases, log)
    expect(starts).toEqual([{ height: 6, target: 8 }])
    await expectIndexed(chain, blocks)
  })

  it('has its changes written with the tip once there are too many', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases, SMALL)
    const blocks = createBlocks(genesis, params, 5)
    await accept(chain, blocks)
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(blocks.slice(0, 3)), count: 3 })
    expect((await chain.readAllCoins()).tip).toBe(chain.tip)
    expect(await storedIndex(databases)).toEqual({ tip: hexOf(blocks), count: 5 })
    await expectIndexed(chain, blocks)
  })

  it('is built along with a state that is made anew', async () => {
    const { blocks: bodies } = createMemoryDatabases()
    const first = { blocks: bodies, state: createMemoryDatabases().state }
    const blocks = createBlocks(genesis, params, 5)
    await accept(await openMemoryChain(params, clock, first), blocks)
    const rebuilt = { blocks: bodies, state: createMemoryDatabases().state }
    const chain = await openMemoryChain(params, clock, rebuilt, INDEXED)
    await expectIndexed(chain, blocks)
    await chain.flush()
    expect(await storedIndex(rebuilt)).toEqual({ tip: hexOf(blocks), count: 5 })
  })

  it('says what to do if its blocks were pruned', async () => {
    const databases = createMemoryDatabases()
    const pruned = await openMemoryChain(params, clock, databases)
    await accept(pruned, createBlocks(genesis, params, MIN_BLOCKS_TO_KEEP + 2))
    expect(await pruned.pruneTo(2)).toBe(2)
    await expect(openMemoryChain(params, clock, databases, INDEXED)).rejects.toThrow(
      /at height 1, which was pruned: start without --txindex, or with --reindex/,
    )
  })

  it('that reaches a block that nobody knows is damage', async () => {
    const databases = createMemoryDatabases()
    await openMemoryChain(params, clock, databases, INDEXED)
    const store = await LevelChainStore.open(databases, params.chainId)
    await store.writeIndex(new Uint8Array(32).fill(7) as never, [])
    await expect(openMemoryChain(params, clock, databases, INDEXED)).rejects.toMatchObject({
      code: 'corrupt',
      part: 'state',
    })
  })

  it('with a flipped bit is not believed', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases, INDEXED)
    const [placed] = createBlocks(genesis, params, 1) as [PlacedBlock]
    await accept(chain, [placed])
    await chain.flush()
    const txid = computeTxid(placed.block.transactions[0] as never)
    const level = databases.state.sublevel<Uint8Array, Uint8Array>(SUBLEVELS.txindex, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    const value = Uint8Array.from((await level.get(txid)) as Uint8Array)
    value[3] = (value[3] ?? 0) ^ 1
    await level.put(txid, value)
    await expect(chain.txIndex?.find(txid)).rejects.toMatchObject({
      code: 'corrupt',
      part: 'state',
    })
  })
})
