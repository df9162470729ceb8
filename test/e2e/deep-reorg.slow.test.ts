/** A reorganisation as long as the longest that Bitcoin Core tests, there and back. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { createConsensusParams, parseChainSpec } from '../../src/consensus/index.ts'
import { encodeBlock, toDisplayHex } from '../../src/primitives/index.ts'
import { encodeHex } from '../../src/util/index.ts'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { createFastSpec } from '../crash/block-maker.mjs'
import { createBlock, type PlacedBlock, placeGenesis } from '../support/chain-generator.ts'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { createBallast, spendOpen } from '../support/open-spends.ts'
import { readPosition } from '../support/stored-chain.ts'

/** @see Bitcoin Core `feature_block.py`, LARGE_REORG_SIZE */
const REORG_BLOCKS = 1_088
/** What one block takes: the blocks of one branch are much more than the memory that may be used. */
const BALLAST_SIZE = 100_000
const MAX_GROWTH_MB = 64
const SETTLED_BLOCKS = 200
const SAMPLE_MS = 50
const KILOBYTES_PER_MB = 1_024
const MOVE_TIMEOUT_MS = 300_000

const network = new TestNetwork()
const spec = createFastSpec()
const params = createConsensusParams(parseChainSpec(spec))

afterAll(() => network.close())

/** Memory of a process that is its own and no file's, in megabytes. */
function readMemory({ child }: NodeProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) / KILOBYTES_PER_MB
}

/** Makes the blocks of a branch one by one, each with a large coinbase and a spend. */
function* createBranch(fork: PlacedBlock, count: number, salt: number): Generator<PlacedBlock> {
  let before: PlacedBlock | undefined
  let parent = fork
  for (let i = 0; i < count; i++) {
    const [coinbase] = before?.block.transactions ?? []
    const transactions =
      coinbase === undefined ? [] : [spendOpen([{ tx: coinbase, vout: 0 }], 1_000n, 5)]
    const made = createBlock(parent, params, {
      salt,
      transactions,
      changeCoinbase: (tx) => ({ ...tx, outputs: [...tx.outputs, createBallast(BALLAST_SIZE)] }),
    })
    yield made
    before = parent === fork ? undefined : parent
    parent = made
  }
}

function submit(node: NodeProcess, { block }: PlacedBlock): Promise<unknown> {
  return node.call('submitblock', encodeHex(encodeBlock(block)))
}

/** Starts a call that moves the tip far, and waits until it is there. Returns the most memory meanwhile. */
async function moveTo(node: NodeProcess, tip: PlacedBlock, call: () => Promise<unknown>) {
  let most = readMemory(node)
  const timer = setInterval(() => {
    most = Math.max(most, readMemory(node))
  }, SAMPLE_MS)
  // The client may well give up before the node has gone all the way.
  call().catch(() => undefined)
  const wanted = toDisplayHex(tip.hash)
  await waitFor(
    `the tip is ${wanted}`,
    async () => (await node.call('getbestblockhash').catch(() => '')) === wanted,
    MOVE_TIMEOUT_MS,
  )
  clearInterval(timer)
  return most
}

it(`goes ${REORG_BLOCKS} blocks there and back in little memory`, async () => {
  const specPath = join(network.directory, 'deep.json')
  writeFileSync(specPath, JSON.stringify(spec))
  const node = await network.start('deep', { chain: specPath, flags: ['--log-level', 'info'] })
  const fork = createBlock(placeGenesis(params), params)
  await submit(node, fork)
  let left = fork
  for (left of createBranch(fork, REORG_BLOCKS, 1)) expect(await submit(node, left)).toBe(null)
  const onLeft = await readPosition(node)
  expect(onLeft.height).toBe(REORG_BLOCKS + 1)

  let settledMb = 0
  let first: PlacedBlock | undefined
  let right = fork
  for (right of createBranch(fork, REORG_BLOCKS + 1, 2)) {
    first ??= right
    if (right.height === REORG_BLOCKS + 2) break
    expect(await submit(node, right)).toBe('inconclusive')
    if (right.height > REORG_BLOCKS - SETTLED_BLOCKS) {
      settledMb = Math.max(settledMb, readMemory(node))
    }
  }
  const root = toDisplayHex(first?.hash ?? fork.hash)
  const thereMb = await moveTo(node, right, () => submit(node, right))
  const onRight = await readPosition(node)
  expect(onRight).toMatchObject({ height: REORG_BLOCKS + 2, bestblock: toDisplayHex(right.hash) })
  const backMb = await moveTo(node, left, () => node.call('invalidateblock', root))
  expect(await readPosition(node)).toEqual(onLeft)
  const againMb = await moveTo(node, right, () => node.call('reconsiderblock', root))
  expect(await readPosition(node)).toEqual(onRight)

  const report = { settledMb, thereMb, backMb, againMb }
  process.stdout.write(`deep reorganisation, megabytes: ${JSON.stringify(report)}\n`)
  expect(Math.max(thereMb, backMb, againMb), JSON.stringify(report)).toBeLessThan(
    settledMb + MAX_GROWTH_MB,
  )
  expect(await node.stop()).toBe(0)
}, 1_200_000)
