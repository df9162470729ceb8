import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import {
  type Block,
  type BlockHash,
  encodeBlock,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import {
  BLOCK_GIVEN_UP_MS,
  BLOCK_LATE_MS,
  MAX_PEERS_PER_BLOCK,
} from '../../../src/sync/block-download.ts'
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
const first = toDisplayHex(blocks[0]?.hash ?? params.genesisHash)
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

  it('drops a peer that goes on announcing blocks and sends none, and no other', async () => {
    node.network.join(createPeer('empty', blocks, { block: async () => undefined }))
    await node.advanceUntil(() => node.network.dropped.size > 0, 60_000)
    expect(node.network.dropped.get('empty')).toBe('announces blocks that it never sends')
    // The next has the first half: whoever sends something is worth asking again.
    const half = blocks.slice(0, 30)
    const having = new Set(half.map(({ hash }) => toDisplayHex(hash)))
    const honest = createPeer('half', blocks)
    node.network.join({
      ...honest,
      block: async (hash) => (having.has(toDisplayHex(hash)) ? honest.block(hash) : undefined),
    })
    await node.advanceUntil(() => node.chain.tip.height === 30, 60_000)
    expect(node.chain.tip.height).toBe(30)
    expect(node.network.dropped.has('half')).toBe(false)
  })

  it('bans a peer that sends another block than the one asked for', async () => {
    const [other] = blocks
    node.network.join(
      createPeer('liar', blocks, {
        block: async () => encodeBlock((blocks.at(-1) ?? other)?.block as Block),
      }),
    )
    await node.advanceUntil(() => node.network.banned.size > 0, 10_000)
    expect([...node.network.banned.keys()]).toEqual(['liar'])
    expect(node.chain.tip.height).toBe(0)
  })

  it('asks a pruned peer for what it still has, and does not wait for the rest', async () => {
    const honest = createPeer('pruned', blocks)
    node.network.join({ ...honest, status: () => ({ ...honest.status(), prunedHeight: 40 }) })
    await node.advanceUntil(() => node.sync.isCaughtUp, 30_000)
    expect(node.sync.isCaughtUp).toBe(true)
    await node.advanceUntil(() => false, 60_000)
    const kept = blocks.slice(40).map(({ hash }) => toDisplayHex(hash))
    expect(node.network.askedBlocks.get('pruned')).toEqual(kept)
    expect(node.network.dropped.size).toBe(0)
    node.network.join(createPeer('whole', blocks))
    await node.advanceUntil(isSynced, 10_000)
    expect(node.chain.tip.height).toBe(blocks.length)
    expect(node.network.askedBlocks.get('whole')).not.toContain(kept[0])
  })

  it('asks few peers for one block', async () => {
    for (let i = 0; i < 20; i++) {
      node.network.join(createPeer(`mute ${i}`, blocks, { block: never }))
    }
    const countAskers = () =>
      [...node.network.askedBlocks.values()].filter((list) => list.includes(first)).length
    await node.advanceUntil(() => countAskers() >= MAX_PEERS_PER_BLOCK, 20_000)
    await node.advanceUntil(
      () => false,
      BLOCK_GIVEN_UP_MS - MAX_PEERS_PER_BLOCK * BLOCK_LATE_MS - 1,
    )
    expect(countAskers()).toBe(MAX_PEERS_PER_BLOCK)
  })

  it('asks others when those that it asked have been silent for long, whoever came first', async () => {
    for (let i = 0; i < 20; i++) {
      node.network.join(createPeer(`mute ${i}`, blocks, { block: never }))
    }
    await node.advanceUntil(() => node.network.askedBlocks.size >= MAX_PEERS_PER_BLOCK, 10_000)
    node.network.join(createPeer('honest', blocks))
    // Within far less than a request may take at all.
    await node.advanceUntil(isSynced, 3 * BLOCK_GIVEN_UP_MS)
    expect(node.chain.tip.height).toBe(blocks.length)
  })
})
