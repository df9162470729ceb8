import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { type BlockHash, toDisplayHex } from '../../../src/primitives/index.ts'
import { MAX_PEERS_PER_BLOCK } from '../../../src/sync/block-download.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import {
  createPeer,
  never,
  type ScriptedPeer,
  type SyncedNode,
  startSyncedNode,
} from '../../support/scripted-network.ts'

const params = createConsensusParams(REGTEST_SPEC)
const blocks = createBlocks(placeGenesis(params), params, 60)
const tip = toDisplayHex(blocks.at(-1)?.hash ?? params.genesisHash)

let node: SyncedNode

/** An honest peer but for the time that it takes for each block. */
function createSlowPeer(id: string, delayMs: number): ScriptedPeer {
  const honest = createPeer(id, blocks)
  return {
    ...honest,
    block: async (hash: BlockHash) => {
      await new Promise<void>((resolve) => node.clock.schedule(delayMs, resolve))
      return honest.block(hash)
    },
  }
}

const isSynced = () => node.chain.tip.hashHex === tip

beforeEach(async () => {
  node = await startSyncedNode(params)
})
afterEach(async () => {
  expect(node.failures).toEqual([])
  await node.stop()
})

describe('BlockDownload', () => {
  it('asks another peer for what one keeps back, and drops the one', async () => {
    node.network.join(createSlowPeer('dripping', 28_000))
    node.network.join(createPeer('honest', blocks))
    await node.advanceUntil(isSynced, 5_000)
    expect(node.chain.tip.height).toBe(blocks.length)
    expect(node.network.dropped.size).toBe(0)
    await node.advanceUntil(() => node.network.dropped.size > 0, 10_000)
    expect([...node.network.dropped.keys()]).toEqual(['dripping'])
  })

  it('is not held up by a peer that sends a block every 1.9 seconds', async () => {
    node.network.join(createSlowPeer('dripping', 1_900))
    node.network.join(createPeer('honest', blocks))
    await node.advanceUntil(isSynced, 15_000)
    expect(node.chain.tip.height).toBe(blocks.length)
  })

  it('finds the honest peer among as many stalling ones as there are pieces', async () => {
    for (let i = 0; i < 8; i++) {
      node.network.join(createPeer(`mute ${i}`, blocks, { block: never }))
    }
    node.network.join(createPeer('honest', blocks))
    await node.advanceUntil(isSynced, 30_000)
    expect(node.chain.tip.height).toBe(blocks.length)
    expect(node.network.dropped.has('honest')).toBe(false)
  })

  it('keeps slow peers while nobody is faster', async () => {
    node.network.join(createSlowPeer('slow', 20_000))
    await node.advanceUntil(isSynced, 60 * 20_000)
    expect(node.chain.tip.height).toBe(blocks.length)
    expect(node.network.dropped.size).toBe(0)
  })

  it('asks nobody else for what comes in time', async () => {
    node.network.join(createSlowPeer('steady', 300))
    node.network.join(createPeer('honest', blocks))
    await node.advanceUntil(isSynced, 10_000)
    const asked = [...node.network.askedBlocks.values()].flat()
    expect(asked.length).toBe(blocks.length)
  })

  it('asks few peers for one block', async () => {
    for (let i = 0; i < 20; i++) {
      node.network.join(createPeer(`mute ${i}`, blocks, { block: never }))
    }
    await node.advanceUntil(() => false, 20_000)
    const first = toDisplayHex(blocks[0]?.hash ?? params.genesisHash)
    const askers = [...node.network.askedBlocks.values()].filter((list) => list.includes(first))
    expect(askers.length).toBe(MAX_PEERS_PER_BLOCK)
  })
})
