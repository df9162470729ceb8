/** RPC on a node whose clock is behind its chain. */

import { expect, it } from 'vitest'
import { encodeBlock } from '../../../src/primitives/index.ts'
import { encodeHex } from '../../../src/util/index.ts'
import { createBlock, OP_TRUE_SCRIPT, placeGenesis } from '../../support/chain-generator.ts'
import { createRegtestNode, REGTEST_NOW, type RegtestNode } from '../../support/regtest-node.ts'

const DAY_SECONDS = 86_400
const LATER = REGTEST_NOW + 30 * DAY_SECONDS
const TOO_NEW = 'time-too-new, block timestamp too far in the future'

/** A node with a few blocks from a month ahead of its clock. */
async function createNodeBehind(blockCount: number): Promise<RegtestNode> {
  const node = await createRegtestNode()
  await node.mine(12, OP_TRUE_SCRIPT)
  await node.call('setmocktime', LATER)
  await node.call('generatetodescriptor', blockCount, 'raw(51)')
  await node.call('setmocktime', 0)
  return node
}

async function readWarnings(node: RegtestNode): Promise<readonly string[][]> {
  const methods = ['getblockchaininfo', 'getnetworkinfo', 'getmininginfo']
  const answers = await Promise.all(methods.map((method) => node.call(method)))
  return answers.map(({ warnings }) => warnings)
}

it('a node that cannot accept a next block says so and hands out no work', async () => {
  const node = await createNodeBehind(12)
  const [warnings] = await readWarnings(node)
  expect(warnings).toEqual([expect.stringContaining('no block can be accepted (time-too-new)')])
  expect(await readWarnings(node)).toEqual([warnings, warnings, warnings])
  const refusal = `-1 TestBlockValidity failed: ${TOO_NEW}`
  expect(await node.refusal('generatetodescriptor', 1, 'raw(51)')).toBe(refusal)
  expect(await node.refusal('getblocktemplate', { rules: ['segwit'] })).toBe(refusal)
  expect(await node.refusal('generateblock', 'raw(51)', [])).toBe(
    '-25 TestBlockValidity failed: time-too-new',
  )
  expect(await node.call('getblockcount')).toBe(24)
  // At the first second at which the rule allows it.
  const { mediantime } = await node.call('getblockchaininfo')
  const first = mediantime + 1 - node.chain.params.maxFutureSeconds
  await node.call('setmocktime', first - 1)
  expect(await node.refusal('getblocktemplate', { rules: ['segwit'] })).toBe(refusal)
  await node.call('setmocktime', first)
  expect(await node.call('generatetodescriptor', 1, 'raw(51)')).toHaveLength(1)
})

it('a node whose tip is too new alone warns, and mines on', async () => {
  const node = await createNodeBehind(1)
  const [warnings] = await readWarnings(node)
  expect(warnings).toEqual([expect.stringContaining('new blocks of other nodes are refused')])
  expect(await node.call('generatetodescriptor', 1, 'raw(51)')).toHaveLength(1)
  await node.call('setmocktime', LATER)
  expect(await readWarnings(node)).toEqual([[], [], []])
})

it('submitblock names the rule that a block of the future breaks', async () => {
  const node = await createRegtestNode()
  const { params } = node.chain
  const { block } = createBlock(placeGenesis(params), params, { time: LATER })
  expect(await node.call('submitblock', encodeHex(encodeBlock(block)))).toBe('time-too-new')
})
