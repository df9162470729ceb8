/** Miners that never move on, ties, and blocks that somebody kept back. */

import { describe, expect, it } from 'vitest'
import { MAX_STALE_SIBLINGS } from '../../../src/chain/index.ts'
import {
  createConsensusParams,
  decodeBits,
  hashToNumber,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import { type Block, computeBlockHash, toDisplayHex } from '../../../src/primitives/index.ts'
import { MAX_LOOSE_HEADERS } from '../../../src/sync/loose-headers.ts'
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
import { startSyncedNode } from '../../support/scripted-network.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
/** What a real miner sent at one height in a quarter of a minute. */
const FLOOD = 6_086

/** Blocks that differ in nothing but the nonce: what comes of a miner that never looks for a new tip. */
function* createSiblings({ block }: PlacedBlock, count: number): Generator<Block> {
  const { target } = decodeBits(block.header.bits)
  let left = count
  for (let nonce = block.header.nonce + 1; left > 0; nonce++) {
    const header = { ...block.header, nonce }
    if (hashToNumber(computeBlockHash(header)) > target) continue
    left -= 1
    yield { ...block, header }
  }
}

describe('thousands of blocks on one parent', () => {
  it('leave no more than a few on the disk, and the node mines on', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    const [first, second] = createBlocks(genesis, params, 2) as [PlacedBlock, PlacedBlock]
    await chain.acceptBlock(first.block)
    for (const block of createSiblings(first, FLOOD)) await chain.acceptBlock(block)
    const keys: string[] = []
    for await (const [key] of databases.blocks.iterator({ keyEncoding: 'utf8' } as object)) {
      keys.push(String(key))
    }
    // Genesis, the tip, and those that came too late.
    expect(keys.filter((key) => key.startsWith('!body!'))).toHaveLength(2 + MAX_STALE_SIBLINGS)
    expect(chain.headerCount).toBe(2 + FLOOD)
    expect(chain.tip.hashHex).toBe(toDisplayHex(first.hash))
    await chain.acceptBlock(second.block)
    expect(chain.tip.height).toBe(2)
    expect(chain.reorgCount).toBe(0)
  })

  it('keep no more headers in memory than there may be', async () => {
    const node = await startSyncedNode(params)
    const [first] = createBlocks(genesis, params, 1) as [PlacedBlock]
    await node.sync.submitBlock(first.block)
    let most = 0
    for (const block of createSiblings(first, MAX_LOOSE_HEADERS + 1_000)) {
      await node.sync.submitBlock(block)
      most = Math.max(most, node.chain.headerCount)
    }
    expect(most).toBeLessThanOrEqual(MAX_LOOSE_HEADERS + MAX_STALE_SIBLINGS + 2)
    expect(most).toBeGreaterThan(MAX_LOOSE_HEADERS)
    expect(node.chain.headerCount).toBeLessThan(2_000)
    await node.stop()
  })

  it('do not keep out a sibling that somebody builds on', async () => {
    const chain = await openMemoryChain(params, clock)
    const [first] = createBlocks(genesis, params, 1) as [PlacedBlock]
    await chain.acceptBlock(first.block)
    for (const block of createSiblings(first, MAX_STALE_SIBLINGS)) await chain.acceptBlock(block)
    const late = createBlock(genesis, params, { salt: 7 })
    const { entry, outcome } = await chain.acceptBlock(late.block)
    expect([entry.hasBody, outcome]).toEqual([false, 'stored'])
    const child = createBlock(late, params, { salt: 7 })
    await chain.acceptBlock(child.block)
    expect(chain.tip.hashHex).toBe(toDisplayHex(first.hash))
    await chain.acceptBlock(late.block)
    expect(chain.tip.hashHex).toBe(toDisplayHex(child.hash))
  })
})

describe('the first seen', () => {
  it('stays the tip whatever comes with as much work, in whatever order', async () => {
    const chain = await openMemoryChain(params, clock)
    const [ours, theirs, others] = [0, 1, 2].map((salt) =>
      createBlocks(genesis, params, 3, { salt }),
    )
    if (ours === undefined || theirs === undefined || others === undefined) throw new RangeError()
    // Headers came before, but a block is seen when its body is.
    chain.acceptHeaders(theirs.map(({ block }) => block.header))
    for (const { block } of ours) await chain.acceptBlock(block)
    for (const { block } of [...others, ...theirs.toReversed()]) await chain.acceptBlock(block)
    expect(chain.tip.hashHex).toBe(toDisplayHex((ours[2] as PlacedBlock).hash))
    expect(chain.reorgCount).toBe(0)
  })

  it('stays although a branch that was kept back is shown to draw level, until it leads', async () => {
    const chain = await openMemoryChain(params, clock)
    const open = createBlocks(genesis, params, 4)
    const hidden = createBlocks(genesis, params, 5, { salt: 1 })
    for (const [i, { block }] of open.entries()) {
      await chain.acceptBlock(block)
      // One hidden block for each open one, at once: a race on a tie.
      await chain.acceptBlock((hidden[i] as PlacedBlock).block)
      expect(chain.tip.hashHex).toBe(toDisplayHex((open[i] as PlacedBlock).hash))
    }
    await chain.acceptBlock((hidden[4] as PlacedBlock).block)
    expect(chain.tip.hashHex).toBe(toDisplayHex((hidden[4] as PlacedBlock).hash))
    expect(chain.reorgCount).toBe(1)
  })
})
