/** A reorganisation as long as the longest that Bitcoin Core tests, there and back, on LevelDB. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, expect, it } from 'vitest'
import { type Chain, createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool } from '../../../src/mempool/index.ts'
import { openLevelDatabase } from '../../../src/platform/nodejs/databases.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import { createBlock, type PlacedBlock, placeGenesis } from '../../support/chain-generator.ts'
import {
  createFixedClock,
  dumpState,
  openMemoryChain,
  silentLog,
} from '../../support/memory-chain.ts'
import { createBallast, spendOpen } from '../../support/open-spends.ts'

/** @see Bitcoin Core `feature_block.py`, LARGE_REORG_SIZE */
const REORG_BLOCKS = 1_088
/** What one block takes: the blocks of one branch are much more than the memory that may be held. */
const BALLAST_SIZE = 50_000
const MAX_GROWTH_BYTES = 40 * 1_048_576
const BLOCKS_PER_SAMPLE = 128

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const folder = mkdtempSync(join(tmpdir(), 'quarry-reorg-'))
const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 2 }
const clock = createFixedClock(params.genesis.header.time + 100_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Makes the blocks of a branch one by one, each with a large coinbase and a spend. */
function* createBranch(fork: PlacedBlock, count: number, salt: number): Generator<PlacedBlock> {
  let grandparent: PlacedBlock | undefined
  let parent = fork
  for (let i = 0; i < count; i++) {
    const [coinbase] = grandparent?.block.transactions ?? []
    const transactions =
      coinbase === undefined ? [] : [spendOpen([{ tx: coinbase, vout: 0 }], 1_000n, 5)]
    const made = createBlock(parent, params, {
      salt,
      transactions,
      changeCoinbase: (tx) => ({ ...tx, outputs: [...tx.outputs, createBallast(BALLAST_SIZE)] }),
    })
    yield made
    grandparent = parent === fork ? undefined : parent
    parent = made
  }
}

/** Bytes that are reachable, in the heap and outside. */
function measureHeld(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The most memory held while an action moves the tip. */
async function measureMove(chain: Chain, action: () => Promise<unknown>): Promise<number> {
  let most = 0
  let moved = 0
  const sample = (): void => {
    moved += 1
    if (moved % BLOCKS_PER_SAMPLE === 0) most = Math.max(most, measureHeld())
  }
  const stops = [
    chain.events.on('blockConnected', sample),
    chain.events.on('blockDisconnected', sample),
  ]
  await action()
  for (const stop of stops) stop()
  expect(moved).toBeGreaterThanOrEqual(2 * REORG_BLOCKS)
  return most
}

it(`goes ${REORG_BLOCKS} blocks there and back, and holds a few of them at a time`, async () => {
  mkdirSync(join(folder, 'db'))
  const databases = {
    blocks: await openLevelDatabase(join(folder, 'db'), 'blocks'),
    state: await openLevelDatabase(join(folder, 'db'), 'state'),
  }
  const chain = await openMemoryChain(params, clock, databases)
  const mempool = new Mempool({
    chain,
    signatures: nobleSignatureEngine,
    scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
    clock,
    log: silentLog,
  })
  const fork = createBlock(placeGenesis(params), params)
  await chain.acceptBlock(fork.block)
  for (const { block } of createBranch(fork, REORG_BLOCKS, 1)) await chain.acceptBlock(block)
  const left = chain.tip
  expect(left.height).toBe(REORG_BLOCKS + 1)
  const onLeft = await dumpState(chain, databases)

  let root = left
  let last = fork
  for (last of createBranch(fork, REORG_BLOCKS + 1, 2)) {
    // With the last one the branch is the longer, and that is measured.
    if (last.height > left.height) break
    const { entry } = await chain.acceptBlock(last.block)
    if (last.height === fork.height + 1) root = entry
  }
  expect(chain.tip).toBe(left)
  const settled = measureHeld()
  const there = await measureMove(chain, () => chain.acceptBlock(last.block))
  const right = chain.tip
  expect(right.hash).toEqual(last.hash)
  const onRight = await dumpState(chain, databases)
  const back = await measureMove(chain, () => chain.invalidateBlock(root))
  expect(chain.tip).toBe(left)
  expect(await dumpState(chain, databases)).toEqual(onLeft)
  const again = await measureMove(chain, () => chain.reconsiderBlock(root))
  expect(chain.tip).toBe(right)
  expect(await dumpState(chain, databases)).toEqual(onRight)
  const growths = [there, back, again].map((most) => most - settled)
  process.stdout.write(`deep reorganisation, bytes held beyond ${settled}: ${growths}\n`)
  expect(Math.max(...growths)).toBeLessThan(MAX_GROWTH_BYTES)
  expect(mempool.size).toBe(0)
  await chain.close()
})
