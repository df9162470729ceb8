/** A clock that went back, on a real node that mines. */

import { afterAll, expect, it } from 'vitest'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'

const MONTH_SECONDS = 30 * 86_400
const net = new TestNetwork()
afterAll(() => net.close())

async function readReadiness(node: NodeProcess) {
  const response = await fetch(`${node.ready.rpcUrl}/readyz`)
  const { reasons } = (await response.json()) as { reasons: string[] }
  return { status: response.status, reasons }
}

function countLines(node: NodeProcess, text: string): number {
  return node.log.split('\n').filter((line) => line.includes(text)).length
}

async function waitForBlocks(node: NodeProcess, count: number): Promise<void> {
  const start = await node.call('getblockcount')
  const isThere = async () => (await node.call('getblockcount')) >= start + count
  await waitFor(`${count} more blocks`, isThere)
}

it('a miner waits while its blocks would be refused, says so once, and goes on by itself', async () => {
  const chain = net.writeSpec('clock', {
    genesis: { bits: '1f00ffff' },
    retarget: { windowBlocks: 1_000 },
  })
  const later = Math.floor(Date.now() / 1_000) + MONTH_SECONDS
  let node = await net.start('node', { chain, isMining: true })
  await node.call('setmocktime', later)
  await waitForBlocks(node, 12)
  await node.call('setmocktime', 0)
  const warning = 'no block can be accepted (time-too-new)'
  await waitFor('the log warns', async () => countLines(node, warning) === 1)
  expect(await readReadiness(node)).toEqual({
    status: 503,
    reasons: [expect.stringContaining(warning)],
  })
  // What was found at the moment at which the clock was set may still be refused.
  const refusals = countLines(node, 'own block not accepted')
  expect(refusals).toBeLessThanOrEqual(1)
  // At the next start the clock is behind from the beginning.
  expect(await node.stop()).toBe(0)
  node = await net.restart(node)
  await waitFor('the log warns', async () => countLines(node, warning) === 1)
  const height = await node.call('getblockcount')
  // The miner has looked for work twice since, at least.
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  expect(await node.call('getblockcount')).toBe(height)
  expect(countLines(node, 'own block not accepted')).toBe(0)
  expect(countLines(node, warning)).toBe(1)
  await node.call('setmocktime', later + MONTH_SECONDS)
  await waitForBlocks(node, 1)
  await waitFor('the log says so', async () => countLines(node, 'has caught up with') === 1)
  expect((await readReadiness(node)).status).toBe(200)
})
