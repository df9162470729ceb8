/** Old blocks that are deleted, and blocks that somebody vouches for. */

import { describe, expect, it } from 'vitest'
import { type Chain, MIN_BLOCKS_TO_KEEP } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { BlockPruner } from '../../../src/node/block-pruner.ts'
import {
  computeTxid,
  SEQUENCE_FINAL,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { LevelChainStore } from '../../../src/store/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import {
  createFixedClock,
  createMemoryDatabases,
  dumpState,
  openMemoryChain,
} from '../../support/memory-chain.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
const LENGTH = 320
const blocks = createBlocks(genesis, params, LENGTH, { payoutScript: Uint8Array.of(0x51) })

function blockAt(height: number): PlacedBlock {
  return blocks[height - 1] as PlacedBlock
}

async function accept(chain: Chain, ...placed: readonly PlacedBlock[]): Promise<void> {
  for (const { block } of placed) await chain.acceptBlock(block)
}

describe('pruning', () => {
  it('deletes old blocks, and keeps genesis and what a reorganisation may need', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    await accept(chain, ...blocks)
    expect(await chain.pruneTo(LENGTH)).toBe(LENGTH - MIN_BLOCKS_TO_KEEP)
    expect(chain.prunedHeight).toBe(32)
    expect(await chain.readBlock(blockAt(32).hash)).toBeUndefined()
    expect(await chain.readUndo(blockAt(32).hash)).toBeUndefined()
    expect(await chain.readBlock(blockAt(33).hash)).toEqual(blockAt(33).block)
    expect(await chain.readBlock(chain.genesis.hash)).toEqual(params.genesis)
    // Nobody can make it store them again.
    await accept(chain, blockAt(5))
    expect(await chain.readBlock(blockAt(5).hash)).toBeUndefined()
    expect(await chain.pruneTo(10)).toBe(32)
  })

  it('is remembered, and the chain goes on', async () => {
    const databases = createMemoryDatabases()
    const first = await openMemoryChain(params, clock, databases)
    await accept(first, ...blocks)
    await first.pruneTo(20)
    const before = await dumpState(first, databases)
    const chain = await openMemoryChain(params, clock, databases)
    expect(chain.prunedHeight).toBe(20)
    expect(chain.tip.height).toBe(LENGTH)
    expect(await dumpState(chain, databases)).toEqual(before)
    await accept(chain, ...createBlocks(blockAt(LENGTH), params, 2))
    expect(chain.tip.height).toBe(LENGTH + 2)
  })

  it('does not stand in the way of a reorganisation of 288 blocks', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    await accept(chain, ...blocks)
    const height = await chain.pruneTo(LENGTH)
    const away = createBlocks(blockAt(height), params, MIN_BLOCKS_TO_KEEP + 1, { salt: 3 })
    await accept(chain, ...away)
    expect(chain.tip.hash).toEqual((away.at(-1) as PlacedBlock).hash)
    expect(chain.tip.height).toBe(LENGTH + 1)
  })

  it('goes no further where a longer branch leaves below what was pruned', async () => {
    const chain = await openMemoryChain(params, clock)
    await accept(chain, ...blocks)
    await chain.pruneTo(LENGTH)
    const away = createBlocks(blockAt(10), params, LENGTH, { salt: 4 })
    chain.acceptHeaders(away.map(({ block }) => block.header))
    await Promise.all(away.map(({ block }) => chain.acceptBlock(block)))
    expect(chain.bestHeader.hash).toEqual(away.at(-1)?.hash)
    expect(chain.tip.hash).toEqual(blockAt(LENGTH).hash)
    // The chain that it has goes on.
    await accept(chain, ...createBlocks(blockAt(LENGTH), params, 2))
    expect(chain.tip.height).toBe(LENGTH + 2)
  })

  it('says so when it is killed in the middle, and finishes at the next start', async () => {
    const databases = createMemoryDatabases()
    const first = await openMemoryChain(params, clock, databases)
    await accept(first, ...blocks)
    await first.flush()
    const bodies = await Promise.all(
      [7, 8].map(async (height) => first.readBlockBytes(blockAt(height).hash)),
    )
    await first.pruneTo(20)
    const store = await LevelChainStore.open(databases, params.chainId)
    // Two of the bodies had not been deleted yet.
    for (const [i, bytes] of bodies.entries()) {
      await store.writeBody(blockAt(7 + i).hash, bytes as Uint8Array)
    }
    const chain = await openMemoryChain(params, clock, databases)
    expect(chain.prunedHeight).toBe(20)
    expect(await store.readBody(blockAt(7).hash)).toBeUndefined()
    expect(await store.readBody(blockAt(8).hash)).toBeUndefined()
    expect(await store.readBody(blockAt(21).hash)).toBeDefined()
  })

  it('refuses to take back what was pruned', async () => {
    const node = await createRegtestNode()
    for (const { block } of blocks) await node.chain.acceptBlock(block)
    await node.chain.pruneTo(20)
    const at = (height: number): string => toDisplayHex(blockAt(height).hash)
    expect(await node.refusal('invalidateblock', at(20))).toBe(
      `-1 Block ${at(20)} cannot be taken back: blocks up to height 20 were pruned.`,
    )
    await node.call('invalidateblock', at(21))
    expect(node.chain.tip.height).toBe(20)
  })

  it('deletes branches that were left behind', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    await accept(chain, ...blocks.slice(0, 10))
    const side = createBlocks(blockAt(8), params, 2, { salt: 5 })
    await accept(chain, ...side)
    await accept(chain, ...blocks.slice(10))
    await chain.pruneTo(LENGTH)
    const entry = chain.getEntry(toDisplayHex((side[1] as PlacedBlock).hash))
    expect(entry).toMatchObject({ hasBody: false, hasChainOfBodies: false, isPruned: false })
    const again = await openMemoryChain(params, clock, databases)
    expect(again.prunedHeight).toBe(32)
  })

  it('happens by itself beyond a limit', async () => {
    const fake = new FakeClock((genesis.block.header.time + 100_000) * 1_000)
    const chain = await openMemoryChain(params, fake)
    const sizes = [900, 1_001, 800]
    const pruner = new BlockPruner(
      {
        chain,
        clock: fake,
        measureBlocksSize: async () => sizes.shift() ?? 0,
        fatal: (error) => {
          throw error
        },
      },
      1_000,
    )
    pruner.start()
    await accept(chain, ...blocks)
    await settle()
    expect(chain.prunedHeight).toBe(0)
    let last = blockAt(LENGTH)
    for (const pruned of [33, 33]) {
      await fake.advance(10_000)
      last = createBlock(last, params)
      await accept(chain, last)
      await pruner.stop()
      pruner.start()
      // A tenth of the blocks is a tenth of the room, or so.
      expect(chain.prunedHeight).toBe(pruned)
    }
    await pruner.stop()
    expect(sizes).toEqual([])
  })
})

describe('pruneblockchain', () => {
  it('needs prune mode, and heights that there are', async () => {
    const whole = await createRegtestNode()
    const refusal = {
      code: -1,
      message: 'Cannot prune blocks because node is not in prune mode.',
    }
    await expect(whole.call('pruneblockchain', 1)).rejects.toMatchObject(refusal)
    const node = await createRegtestNode({ context: { pruneBytes: 0 } })
    await accept(node.chain, ...blocks)
    await expect(node.call('pruneblockchain', -1)).rejects.toMatchObject({
      code: -8,
      message: 'Negative block height.',
    })
    await expect(node.call('pruneblockchain', LENGTH + 1)).rejects.toMatchObject({ code: -8 })
    expect(await node.call('pruneblockchain', 7)).toBe(7)
    const time = blockAt(20).block.header.time + 7_200
    expect(await node.call('pruneblockchain', time)).toBe(20)
    expect(await node.call('getblockchaininfo')).toMatchObject({
      pruned: true,
      pruneheight: 21,
      automatic_pruning: false,
    })
    const hash = toDisplayHex(blockAt(6).hash)
    await expect(node.call('getblock', hash)).rejects.toMatchObject({
      code: -1,
      message: 'Block not available (pruned data)',
    })
    expect(await node.call('getnetworkinfo')).toMatchObject({
      localservicesnames: ['WITNESS', 'NETWORK_LIMITED'],
    })
  })
})

describe('a block that somebody vouches for', () => {
  /** Spends a coin of 51 (OP_TRUE) with a script that fails. */
  function spendWrongly({ block }: PlacedBlock): Transaction {
    const [coinbase] = block.transactions as [Transaction]
    return {
      version: 2,
      inputs: [
        {
          prevout: { txid: computeTxid(coinbase), vout: 0 },
          scriptSig: Uint8Array.of(0x6a),
          sequence: SEQUENCE_FINAL,
          witness: [],
        },
      ],
      outputs: [{ value: 4_999_000_000n, scriptPubKey: Uint8Array.of(0x51) }],
      lockTime: 0,
    }
  }
  const base = blocks.slice(0, 110)
  const wrong = createBlock(blockAt(110), params, {
    transactions: [spendWrongly(blockAt(1))],
    fees: 1_000_000n,
  })
  const after = createBlock(wrong, params)

  it.each([
    ['nobody', undefined, false],
    ['it', wrong, true],
    ['its child', after, true],
    ['another', blockAt(111), false],
  ])('is connected without its scripts if %s is named', async (_, named, isTaken) => {
    const assumedValid = named === undefined ? undefined : toDisplayHex(named.hash)
    const chain = await openMemoryChain(params, clock, undefined, { assumedValid })
    await accept(chain, ...base)
    chain.acceptHeaders([blockAt(111).block.header, wrong.block.header, after.block.header])
    await chain.acceptBlock(wrong.block)
    expect(chain.tip.height).toBe(isTaken ? 111 : 110)
  })
})
