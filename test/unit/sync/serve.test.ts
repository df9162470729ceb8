import { expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { encodeBlock, toDisplayHex } from '../../../src/primitives/index.ts'
import { SUBLEVELS } from '../../../src/store/key-map.ts'
import type { LogFields } from '../../../src/util/index.ts'
import { createBlocks, type PlacedBlock, placeGenesis } from '../../support/chain-generator.ts'
import { createMemoryDatabases, silentLog } from '../../support/memory-chain.ts'
import { createPeer, startSyncedNode } from '../../support/scripted-network.ts'

const params = createConsensusParams(REGTEST_SPEC)

it('a damaged block is told of once, and the others are served', async () => {
  const databases = createMemoryDatabases()
  const told: LogFields[] = []
  const log = {
    ...silentLog,
    error: (_: string, fields: LogFields = {}) => {
      told.push(fields)
    },
  }
  const node = await startSyncedNode(params, databases, log)
  const blocks = createBlocks(placeGenesis(params), params, 3) as [
    PlacedBlock,
    PlacedBlock,
    PlacedBlock,
  ]
  for (const { block } of blocks) await node.chain.acceptBlock(block)
  const [first, second] = blocks
  await databases.blocks
    .sublevel<Uint8Array, Uint8Array>(SUBLEVELS.body, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    .put(second.hash, encodeBlock(second.block))
  const ask = ({ hash }: PlacedBlock) => node.sync.serveData({ kind: 'block', hash })
  expect(await ask(second)).toBeUndefined()
  expect(await ask(second)).toBeUndefined()
  expect(await ask(first)).toEqual(encodeBlock(first.block))
  expect(told).toMatchObject([{ hash: toDisplayHex(second.hash) }])
  expect(node.failures).toEqual([])
  await node.stop()
})

it('a pruned node says so in its STATUS', async () => {
  const node = await startSyncedNode(params)
  for (const { block } of createBlocks(placeGenesis(params), params, 300)) {
    await node.chain.acceptBlock(block)
  }
  expect(node.sync.status().prunedHeight).toBeUndefined()
  await node.chain.pruneTo(10)
  expect(node.sync.status().prunedHeight).toBe(10)
  await node.stop()
})

it('a node whose peers lack the old blocks is far behind, and says so', async () => {
  const warned: string[] = []
  const log = { ...silentLog, warn: (message: string) => warned.push(message) }
  const node = await startSyncedNode(params, createMemoryDatabases(), log)
  const blocks = createBlocks(placeGenesis(params), params, 60)
  // It began with a snapshot: headers, and no old bodies.
  node.network.join(createPeer('young', blocks, { block: async () => undefined }))
  await node.advanceUntil(() => node.sync.isCaughtUp, 120_000)
  expect(node.chain.bestHeader.height).toBe(60)
  expect(node.chain.tip.height).toBe(0)
  expect(node.sync.isFarBehind).toBe(true)
  expect(warned).toContain('no peer has the blocks that the best headers lead to')
  await node.stop()
})
