/** What a store and a chain notice of damage, and what they make of it. */

import { describe, expect, it } from 'vitest'
import { encodeCoinElement } from '../../../src/chain/coin-cache.ts'
import { MuHash, type StoreError } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import {
  computeTxid,
  SEQUENCE_FINAL,
  type Transaction,
  type TxIn,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { sealValue } from '../../../src/store/checksum.ts'
import {
  type ByteDatabase,
  type ChainDatabases,
  LevelChainStore,
} from '../../../src/store/index.ts'
import { coinKey, META_KEYS, SUBLEVELS } from '../../../src/store/key-map.ts'
import { encodeHex } from '../../../src/util/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import {
  createFixedClock,
  createMemoryDatabases,
  openMemoryChain,
} from '../../support/memory-chain.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
const payoutScript = Uint8Array.of(0x51)

/** Spends the output that anybody may spend. */
function spendCoinbase({ block }: PlacedBlock): Transaction {
  const [coinbase] = block.transactions as [Transaction]
  return {
    version: 2,
    inputs: [
      {
        prevout: { txid: computeTxid(coinbase), vout: 0 },
        scriptSig: new Uint8Array(0),
        sequence: SEQUENCE_FINAL,
        witness: [],
      },
    ],
    outputs: [{ value: 4_999_000_000n, scriptPubKey: payoutScript }],
    lockTime: 0,
  }
}

interface Record {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

function levelOf(database: ByteDatabase, name: keyof typeof SUBLEVELS) {
  return database.sublevel<Uint8Array, Uint8Array>(SUBLEVELS[name], {
    keyEncoding: 'view',
    valueEncoding: 'view',
  })
}

async function recordsOf(database: ByteDatabase, name: keyof typeof SUBLEVELS): Promise<Record[]> {
  const records: Record[] = []
  for await (const [key, value] of levelOf(database, name).iterator()) {
    records.push({ key: key as Uint8Array, value: value as Uint8Array })
  }
  return records
}

/** A store with some blocks, as it lies on a disk. */
async function createStored(
  count = 8,
): Promise<{ databases: ChainDatabases; blocks: readonly PlacedBlock[] }> {
  const databases = createMemoryDatabases()
  const chain = await openMemoryChain(params, clock, databases)
  const blocks = createBlocks(genesis, params, count, { payoutScript })
  for (const { block } of blocks) {
    await chain.acceptBlock(block)
    await chain.flush()
  }
  return { databases, blocks }
}

/** The error of opening a chain. */
async function failureOf(databases: ChainDatabases): Promise<Partial<StoreError>> {
  try {
    await openMemoryChain(params, clock, databases)
    return {}
  } catch (error) {
    return error as StoreError
  }
}

/** The stored hash of all coins is the one of the stored coins. */
async function expectHashOfCoins(databases: ChainDatabases): Promise<void> {
  const store = await LevelChainStore.open(databases, params.chainId)
  const hash = MuHash.empty()
  for await (const { outPoint, coin } of store.readAllCoins()) {
    hash.insert(encodeCoinElement(outPoint, coin))
  }
  const tip = await store.readTip()
  expect(encodeHex(tip?.utxoHash ?? new Uint8Array(0))).toBe(encodeHex(hash.toState()))
}

describe('a state database', () => {
  it('with a hole in its log is not used', async () => {
    const { databases } = await createStored()
    const journal = await recordsOf(databases.state, 'journal')
    // LevelDB drops whole batches: a coin, the tip of that time, and the number of the batch.
    const [lost] = journal.slice(-4)
    await levelOf(databases.state, 'journal').del((lost as Record).key)
    const failure = await failureOf(databases)
    expect(failure).toMatchObject({ code: 'corrupt', part: 'state' })
    expect(failure.message).toContain('lacks what was written between its batches')
  })

  it('whose log lost its end goes on with the bodies that are there', async () => {
    const { databases, blocks } = await createStored(8)
    const older = await createStored(5)
    // The state of three blocks ago, with all bodies: what a cut log leaves.
    const both = { blocks: databases.blocks, state: older.databases.state }
    const chain = await openMemoryChain(params, clock, both)
    expect(chain.tip.hash).toEqual(blocks.at(-1)?.hash)
    await chain.flush()
    await expectHashOfCoins(both)
  })

  it.each(['coin', 'header', 'journal', 'meta'] as const)(
    'with a flipped bit in a %s is not used',
    async (name) => {
      const { databases } = await createStored()
      const record = (await recordsOf(databases.state, name)).at(-1) as Record
      const value = Uint8Array.from(record.value)
      value[2] = (value[2] ?? 0) ^ 8
      await levelOf(databases.state, name).put(record.key, value)
      expect(await failureOf(databases)).toMatchObject({ code: 'corrupt', part: 'state' })
    },
  )

  it('with a flipped bit in the key of a coin is not used', async () => {
    const { databases } = await createStored()
    const { key, value } = (await recordsOf(databases.state, 'coin')).at(-1) as Record
    const other = Uint8Array.from(key)
    other[5] = (other[5] ?? 0) ^ 1
    await levelOf(databases.state, 'coin').batch([
      { type: 'del', key },
      { type: 'put', key: other, value },
    ])
    expect(await failureOf(databases)).toMatchObject({ code: 'corrupt', part: 'state' })
  })

  it('that lacks a coin of a new block, or has one too many, is not used', async () => {
    const { databases } = await createStored()
    const { key } = (await recordsOf(databases.state, 'coin')).at(-1) as Record
    await levelOf(databases.state, 'coin').del(key)
    const failure = await failureOf(databases)
    expect(failure).toMatchObject({ code: 'corrupt', part: 'state' })
    expect(failure.message).toContain('the coins do not fit block')
  })

  it('of the schema without pages is taken as it is, and of the present one from then on', async () => {
    const { databases, blocks } = await createStored()
    const key = META_KEYS.schema
    await levelOf(databases.state, 'meta').put(key, sealValue(Uint8Array.of(3, 0, 0, 0), key))
    const chain = await openMemoryChain(params, clock, databases)
    expect(chain.tip.hash).toEqual((blocks.at(-1) as PlacedBlock).hash)
    const stored = await levelOf(databases.state, 'meta').get(key)
    expect(stored?.[0]).toBe(4)
  })

  it('of an older schema is told from a damaged one', async () => {
    const { databases } = await createStored()
    const old = sealValue(Uint8Array.of(2, 0, 0, 0))
    await levelOf(databases.state, 'meta').put(META_KEYS.schema, old)
    expect(await failureOf(databases)).toMatchObject({ code: 'old-schema', part: 'state' })
  })

  it('is made anew from the blocks', async () => {
    const { databases, blocks } = await createStored()
    const { state } = createMemoryDatabases()
    const rebuilt = { blocks: databases.blocks, state }
    const chain = await openMemoryChain(params, clock, rebuilt)
    expect(chain.tip.hash).toEqual((blocks.at(-1) as PlacedBlock).hash)
    await chain.flush()
    await expectHashOfCoins(rebuilt)
    expect((await recordsOf(state, 'coin')).map(({ key }) => encodeHex(key))).toEqual(
      (await recordsOf(databases.state, 'coin')).map(({ key }) => encodeHex(key)),
    )
  })

  it('found damaged at work is not used again, until it is made anew', async () => {
    const { databases } = await createStored()
    const store = await LevelChainStore.open(databases, params.chainId)
    const { key, value } = (await recordsOf(databases.state, 'coin'))[0] as Record
    await levelOf(databases.state, 'coin').put(key, value.subarray(1))
    const txid = key.slice(0, 32)
    await expect(store.readCoins([{ txid: txid as never, vout: 0 }])).rejects.toMatchObject({
      code: 'corrupt',
      part: 'state',
    })
    await levelOf(databases.state, 'coin').put(key, value)
    expect((await failureOf(databases)).message).toContain('found damaged before')
    const { state } = createMemoryDatabases()
    expect(await failureOf({ blocks: databases.blocks, state })).toEqual({})
    expect(await failureOf({ blocks: databases.blocks, state })).toEqual({})
  })
})

describe('a coin that the disk has lost', () => {
  it('does not make a valid block invalid', async () => {
    const { databases, blocks } = await createStored(105)
    const chain = await openMemoryChain(params, clock, databases)
    const spend = spendCoinbase(blocks[0] as PlacedBlock)
    const tip = blocks.at(-1) as PlacedBlock
    const next = createBlock(tip, params, { transactions: [spend], fees: 1_000_000n })
    const { txid, vout } = (spend.inputs[0] as TxIn).prevout
    await levelOf(databases.state, 'coin').del(coinKey({ txid, vout }))
    await expect(chain.acceptBlock(next.block)).rejects.toMatchObject({
      code: 'corrupt',
      part: 'state',
    })
    expect(chain.getEntry(toDisplayHex(next.hash))?.isFailed).toBe(false)
    // At the next start the state is made anew, and the block connected.
    expect(await failureOf(databases)).toMatchObject({ code: 'corrupt', part: 'state' })
    const { state } = createMemoryDatabases()
    const rebuilt = await openMemoryChain(params, clock, { blocks: databases.blocks, state })
    expect(rebuilt.tip.hash).toEqual(next.hash)
  })

  it('does not excuse a block that spends what never was', async () => {
    const { databases, blocks } = await createStored(105)
    const chain = await openMemoryChain(params, clock, databases)
    const spend = spendCoinbase(blocks[0] as PlacedBlock)
    const [input] = spend.inputs as [TxIn]
    const prevout = { ...input.prevout, vout: 7 }
    const wrong = { ...spend, inputs: [{ ...input, prevout }] }
    const tip = blocks.at(-1) as PlacedBlock
    const next = createBlock(tip, params, { transactions: [wrong], fees: 1_000_000n })
    expect((await chain.acceptBlock(next.block)).entry.isFailed).toBe(true)
    expect(chain.tip.height).toBe(105)
  })
})

describe('a blocks database', () => {
  it.each([
    ['body', 'is missing'],
    ['undo', 'are missing'],
  ] as const)('without a new %s is not used', async (name, message) => {
    const { databases, blocks } = await createStored()
    await levelOf(databases.blocks, name).del((blocks.at(-2) as PlacedBlock).hash)
    const failure = await failureOf(databases)
    expect(failure).toMatchObject({ code: 'corrupt', part: 'blocks' })
    expect(failure.message).toContain(message)
  })

  it('with the body of another block is not used', async () => {
    const { databases, blocks } = await createStored()
    const bodies = levelOf(databases.blocks, 'body')
    const [a, b] = blocks.slice(-2) as [PlacedBlock, PlacedBlock]
    await bodies.put(b.hash, (await bodies.get(a.hash)) as Uint8Array)
    expect(await failureOf(databases)).toMatchObject({ code: 'corrupt', part: 'blocks' })
  })

  it('with a damaged body gives a new state only if that is asked for, up to that body', async () => {
    const { databases, blocks } = await createStored()
    const bodies = levelOf(databases.blocks, 'body')
    const { hash } = blocks[4] as PlacedBlock
    const body = Uint8Array.from((await bodies.get(hash)) as Uint8Array)
    body[100] = (body[100] ?? 0) ^ 1
    await bodies.put(hash, body)
    const { state } = createMemoryDatabases()
    const failure = await failureOf({ blocks: databases.blocks, state })
    expect(failure).toMatchObject({ code: 'corrupt', part: 'blocks' })
    expect(failure.message).toMatch(/1 are damaged .* and 3 lack an ancestor: start with --reindex/)
    const chain = await openMemoryChain(
      params,
      clock,
      { blocks: databases.blocks, state },
      { keepsWhatItCan: true },
    )
    expect(chain.tip.height).toBe(4)
    for (const { block } of blocks.slice(4)) await chain.acceptBlock(block)
    expect(chain.tip.height).toBe(8)
  })
})
