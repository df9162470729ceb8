import { sha256 } from '@noble/hashes/sha2.js'
import { afterEach, describe, expect, it } from 'vitest'
import {
  computeWorkMerkleRoot,
  Miner,
  payAllTo,
  TemplateCache,
  TemplateKeeper,
} from '../../../src/mining/index.ts'
import { createChainSource, createTxSource } from '../../../src/node/sources.ts'
import { systemClock } from '../../../src/platform/system.ts'
import type { Logger } from '../../../src/util/index.ts'
import { createLoopSpawner } from '../../support/loop-worker.ts'
import { silentLog } from '../../support/memory-chain.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'
import { createRecordingLog } from '../p2p/libp2p-support.ts'

/** What anyone can spend, and so what no wallet of a test needs keys for. */
const PAYOUT = Uint8Array.of(0x51)

let miner: Miner | undefined

afterEach(async () => {
  await miner?.stop()
  miner = undefined
})

/** A node whose miner mines for real, on a target that it does not meet. */
async function createMiningNode(
  noRetargeting = false,
  log: Logger = silentLog,
): Promise<RegtestNode> {
  const node: RegtestNode = await createRegtestNode({
    params: { noRetargeting },
    miner: () => miner,
  })
  const { params } = node.chain
  const source = createChainSource(node.chain, node.clock)
  const templates = new TemplateCache(
    {
      chain: { nextBlock: () => ({ ...source.nextBlock(), bits: 0x1a00ffff }) },
      transactions: createTxSource(node.mempool),
      clock: systemClock,
      log: silentLog,
    },
    params,
  )
  const keeper = new TemplateKeeper({ templates, isReady: () => true, log }, params)
  miner = new Miner(
    {
      nextTemplate: () => keeper.next(),
      pacedUntil: () => keeper.pacedUntil,
      submit: async () => undefined,
      spawnHashWorker: createLoopSpawner(),
      clock: systemClock,
      log: silentLog,
    },
    {
      payouts: () => payAllTo(PAYOUT),
      tag: '/test/',
      isVersionRolled: false,
      threads: 1,
      throttle: 0.5,
      nodeExtraNonce: Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd),
    },
  )
  miner.start()
  return node
}

function doubleHash(bytes: Uint8Array): Uint8Array {
  return sha256(sha256(bytes))
}

describe('setminers', () => {
  it('changes threads, throttle and rest, each for itself', async () => {
    const node = await createMiningNode()
    expect(await node.call('setminers')).toEqual({ threads: 1, throttle: 0.5, paused: false })
    expect(await node.call('setminers', 3)).toMatchObject({ threads: 3, throttle: 0.5 })
    expect(await node.call('setminers', null, 0.25)).toMatchObject({ threads: 3, throttle: 0.25 })
    expect(await node.call('setminers', 'auto', null, true)).toEqual({
      threads: 1,
      throttle: 0.25,
      paused: true,
    })
    expect(await node.call('setminers', 0, 1, false)).toEqual({
      threads: 0,
      throttle: 1,
      paused: false,
    })
  })

  it.each([[-1], [9], [257], [1e9], [1.5], ['some']])('refuses %j threads', async (threads) => {
    const node = await createMiningNode()
    // On this machine, which has cores for eight.
    expect(await node.refusal('setminers', threads)).toMatch(/^-[138] /)
    expect(await node.call('setminers')).toMatchObject({ threads: 1 })
  })

  it.each([[0], [1.1], ['half']])('refuses a throttle of %j', async (throttle) => {
    const node = await createMiningNode()
    expect(await node.refusal('setminers', 1, throttle)).toMatch(/^-[38] /)
  })

  it('says how to mine where nobody does', async () => {
    const node = await createRegtestNode()
    expect(await node.refusal('setminers', 1)).toContain('--mine')
    expect(await node.refusal('getminerinfo')).toContain('--mine')
  })
})

describe('getminerinfo', () => {
  it('shows enough to recompute the merkle root of what is being mined', async () => {
    const node = await createMiningNode()
    const { work, threads, workers } = await node.call('getminerinfo')
    expect(threads).toBe(1)
    expect(workers).toHaveLength(1)
    expect(work).toMatchObject({
      height: 1,
      previousblockhash: node.chain.tip.hashHex,
      bits: '1a00ffff',
      extranonce1: 'aabbccdd00000000',
      extranonce2_size: 4,
      transactions: 0,
    })
    expect(work.coinbase.vin[0].coinbase).toContain(`${work.extranonce1}00000000`)
    expect(work.coinbase.vout[0].scriptPubKey.hex).toBe('51')
    const txid = Buffer.from(work.coinbase.txid, 'hex').reverse()
    const root = work.merklebranch.reduce(
      (hash: Uint8Array, sibling: string) =>
        doubleHash(Buffer.concat([hash, Buffer.from(sibling, 'hex')])),
      txid,
    )
    const unit = miner?.currentWork?.unit
    if (unit === undefined) throw new RangeError('it mines')
    expect(Buffer.from(root)).toEqual(Buffer.from(computeWorkMerkleRoot(unit, new Uint8Array(4))))
  })

  it('has no work while the miner rests', async () => {
    const node = await createMiningNode()
    await node.call('setminers', null, null, true)
    const info = await node.call('getminerinfo')
    expect(info.paused).toBe(true)
    expect(info).not.toHaveProperty('work')
  })
})

describe('a miner where the difficulty never changes', () => {
  it('says until when it waits, why and what to do: in getminerinfo, and once in the log', async () => {
    const log = createRecordingLog()
    const node = await createMiningNode(true, log)
    const [hash] = await node.call('generatetodescriptor', 1, 'raw(51)')
    const { time } = await node.call('getblockheader', hash)
    miner?.onNewTip()
    const { waiting, work } = await node.call('getminerinfo')
    expect(waiting).toEqual({
      until: time + 600,
      reason: expect.stringContaining('generatetoaddress'),
    })
    expect(work).toBeUndefined()
    miner?.refresh()
    expect(log.lines.filter(({ message }) => message.startsWith('the miner waits'))).toHaveLength(1)
  })
})
