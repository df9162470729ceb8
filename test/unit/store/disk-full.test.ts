/** A disk that is full at any one write: nothing is half done, and with room again all goes on. */

import { describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import { createFailingLevel, FakeDisk } from '../../support/failing-level.ts'
import { createFixedClock, dumpState, openMemoryChain } from '../../support/memory-chain.ts'
import { spendOpen } from '../../support/open-spends.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)

function createTree(): readonly PlacedBlock[] {
  const trunk = createBlocks(genesis, params, 3)
  const [first, , third] = trunk as [PlacedBlock, PlacedBlock, PlacedBlock]
  const [coinbase] = first.block.transactions
  if (coinbase === undefined) throw new Error('a block without a coinbase')
  const transactions = [spendOpen([{ tx: coinbase, vout: 0 }], 1_000n, 3)]
  const end = createBlock(third, params, { transactions })
  // A branch that wins, and leaves the spend behind.
  const branch = createBlocks(first, params, 5, { salt: 1 })
  return [...trunk, end, ...branch]
}

const blocks = createTree()

/** Takes block after block, each to the disk; stops where the disk fails. Says how many it took. */
async function feed(chain: Chain): Promise<number> {
  for (const [i, { block }] of blocks.entries()) {
    try {
      await chain.acceptBlock(block)
      await chain.flush()
    } catch (error) {
      expect(error).toMatchObject({ name: 'StoreError', code: 'io' })
      expect((error as Error).message).toContain('No space left')
      return i
    }
  }
  return blocks.length
}

function createDatabases(disk: FakeDisk) {
  return { blocks: createFailingLevel(disk), state: createFailingLevel(disk) }
}

async function countWrites(): Promise<{ writes: number; state: ReadonlyMap<string, string> }> {
  const disk = new FakeDisk()
  const databases = createDatabases(disk)
  const chain = await openMemoryChain(params, clock, databases)
  disk.writes = 0
  expect(await feed(chain)).toBe(blocks.length)
  const { writes } = disk
  return { writes, state: await dumpState(chain, databases) }
}

describe('a full disk', () => {
  it('at any one write leaves a chain that goes on', async () => {
    const { writes, state } = await countWrites()
    expect(writes).toBeGreaterThan(blocks.length)
    for (let count = 0; count < writes; count++) {
      const disk = new FakeDisk()
      const databases = createDatabases(disk)
      const chain = await openMemoryChain(params, clock, databases)
      disk.fillAfter(count)
      const taken = await feed(chain)
      expect(taken).toBeLessThan(blocks.length)
      disk.free()
      // The process is gone with what it knew; the disk is not.
      const again = await openMemoryChain(params, clock, databases)
      const known = [genesis, ...blocks].find(
        ({ hash }) => Buffer.compare(hash, again.tip.hash) === 0,
      )
      expect(known).toBeDefined()
      expect(again.tip.height).toBeGreaterThanOrEqual(Math.min(taken, 4))
      expect(await feed(again)).toBe(blocks.length)
      expect(await dumpState(again, databases)).toEqual(state)
    }
  })

  it('may get room again while the process lives', async () => {
    const { writes, state } = await countWrites()
    for (let count = 0; count < writes; count++) {
      const disk = new FakeDisk()
      const databases = createDatabases(disk)
      const chain = await openMemoryChain(params, clock, databases)
      disk.fillAfter(count)
      await feed(chain)
      disk.free()
      expect(await feed(chain)).toBe(blocks.length)
      expect(await dumpState(chain, databases)).toEqual(state)
    }
  })
})
