import { afterEach, describe, expect, it } from 'vitest'
import { type Chain, createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool } from '../../../src/mempool/index.ts'
import {
  computeBlockSize,
  computeTxid,
  decodeTransaction,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import { type PeerNetwork, Synchronizer } from '../../../src/sync/index.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import type { PlacedBlock } from '../../support/chain-generator.ts'
import { openMemoryChain, silentLog } from '../../support/memory-chain.ts'
import { spendOpen } from '../../support/open-spends.ts'
import { createFullBlock, createRelayScene } from '../../support/relay-scene.ts'
import {
  createTestNetwork,
  pause,
  systemClock,
  systemRandom,
  until,
} from '../p2p/libp2p-support.ts'

const params = createConsensusParams(REGTEST_SPEC)
const scene = createRelayScene(params, 200)
const { transactions } = scene
const next = createFullBlock(scene, params, transactions)
const wholeSize = computeBlockSize(next.block).totalSize
/** Announcements and STATUS, until the block has come to rest. */
const CHATTER_BYTES = 3_000
const GOSSIP_SETTLE_MS = 1_500
const FEE = 1_000n

interface TestNode {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly network: PeerNetwork
  readonly sync: Synchronizer
}

const started: TestNode[] = []

/** A node with the scene's chain, and these transactions in its mempool. */
async function startNode(known: readonly Transaction[]): Promise<TestNode> {
  const chain = await openMemoryChain(params, systemClock)
  for (const { block } of scene.blocks) await chain.acceptBlock(block)
  const mempool = new Mempool(
    {
      chain,
      scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
      signatures: nobleSignatureEngine,
      clock: systemClock,
      log: silentLog,
    },
    { requiresStandard: false },
  )
  // Decoded again, as if they had come from a peer.
  for (const tx of known) await mempool.accept(decodeTransaction(encodeTransaction(tx)))
  const network = await createTestNetwork({ chainId: params.chainId })
  const sync = new Synchronizer(
    {
      chain,
      mempool,
      network,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      fatal: (error) => {
        throw error
      },
      onCaughtUp: () => undefined,
    },
    { userAgent: '/t/', expectsPeers: true },
  )
  await sync.start()
  const node = { chain, mempool, network, sync }
  started.push(node)
  return node
}

/** A miner, a node in the middle and one at the end, who know these transactions of the next block. */
async function startLine(
  middleKnows: readonly Transaction[],
  endKnows: readonly Transaction[],
): Promise<[miner: TestNode, middle: TestNode, end: TestNode]> {
  const miner = await startNode(transactions)
  const middle = await startNode(middleKnows)
  const end = await startNode(endKnows)
  await miner.network.dialOnce(addressOf(middle.network))
  await end.network.dialOnce(addressOf(middle.network))
  const isReady = () => started.every(({ sync }) => sync.isCaughtUp)
  await until(() => isReady() && middle.network.peers().length === 2, 'the line stands', 30_000)
  await pause(GOSSIP_SETTLE_MS)
  return [miner, middle, end]
}

function countReceived({ network }: TestNode): number {
  return network.peers().reduce((sum, { bytesReceived }) => sum + bytesReceived, 0)
}

/** Mines the block and waits until a node has it. Returns the bytes that it has received for it. */
async function relay(
  miner: TestNode,
  end: TestNode,
  { block, hash }: PlacedBlock,
): Promise<number> {
  const before = countReceived(end)
  await miner.sync.submitBlock(block)
  await until(() => end.chain.tip.hashHex === toDisplayHex(hash), 'the end has the block', 30_000)
  return countReceived(end) - before
}

afterEach(async () => {
  for (const { sync, chain } of started.splice(0)) {
    await sync.stop()
    await chain.close()
  }
})

describe('blocks between real networks', { timeout: 90_000 }, () => {
  it('cost little where their transactions are known, over two hops', async () => {
    const [miner, , end] = await startLine(transactions, transactions)
    const bytes = await relay(miner, end, next)
    expect(wholeSize).toBeGreaterThan(90_000)
    expect(bytes).toBeLessThan(6 * transactions.length + CHATTER_BYTES)
  })

  it('cost as much as what is missing, which the middle serves before it may have stored it', async () => {
    const missing = transactions.slice(20, 60)
    const missingSize = missing.reduce((sum, tx) => sum + encodeTransaction(tx).length, 0)
    const known = transactions.filter((tx) => !missing.includes(tx))
    const [miner, , end] = await startLine(known, known)
    const bytes = await relay(miner, end, next)
    expect(bytes).toBeGreaterThan(missingSize)
    expect(bytes).toBeLessThan(missingSize + 6 * transactions.length + 2 * CHATTER_BYTES)
  })

  it('arrive where nothing of them is known', async () => {
    const [miner, , end] = await startLine([], [])
    const bytes = await relay(miner, end, next)
    expect(bytes).toBeGreaterThan(wholeSize)
    expect(bytes).toBeLessThan(1.2 * wholeSize)
  })
})

describe('orphans between real networks', { timeout: 90_000 }, () => {
  it('come in with all their parents, which their sender is asked for', async () => {
    const [parent] = transactions
    if (parent === undefined) throw new RangeError('no transactions')
    const child = spendOpen([{ tx: parent, vout: 0 }], FEE)
    const grandchild = spendOpen([{ tx: child, vout: 0 }], FEE)
    // What a node knows from its start it has never announced.
    const sender = await startNode([parent, child])
    const receiver = await startNode([])
    await receiver.network.dialOnce(addressOf(sender.network))
    await until(() => started.every(({ sync }) => sync.isCaughtUp), 'both are level', 30_000)
    await pause(GOSSIP_SETTLE_MS)
    await sender.sync.submitTransaction(grandchild)
    await until(() => receiver.mempool.size === 3, 'all three have come', 30_000)
    expect([...receiver.mempool.entries()].map(({ txid }) => txid)).toEqual(
      [parent, child, grandchild].map((tx) => toDisplayHex(computeTxid(tx))),
    )
  })
})
