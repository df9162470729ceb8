/** What `quarry mine` works on, against a real node, on a clock that stands still: only a long poll brings news. */

import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RemoteNode } from '../../src/platform/nodejs/remote-node.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type Json, type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const ADDRESS = new TestWallet('remote-node').address('p2wpkh')

const network = new TestNetwork()
let node: NodeProcess

beforeAll(async () => {
  node = await network.start('node', { chain: 'regtest' })
})

afterAll(() => network.close())

/** How many calls of getblocktemplate the node works on. */
async function countWaiting(): Promise<number> {
  const { active_commands: commands } = await node.call('getrpcinfo')
  return commands.filter(({ method }: Json) => method === 'getblocktemplate').length
}

async function follow() {
  const problems: (string | undefined)[] = []
  const remote = new RemoteNode(
    { directory: dirname(node.ready.cookiePath), minSpacingSeconds: 0 },
    { onTemplate: () => undefined, onConnection: (problem) => problems.push(problem) },
    new FakeClock(),
  )
  await remote.open()
  const stop = new AbortController()
  const following = remote.follow(stop.signal)
  const end = async (): Promise<void> => {
    stop.abort()
    await following
  }
  return { remote, problems, end }
}

it('hears of each new tip by a long poll, and asks again', async () => {
  const { remote, problems, end } = await follow()
  for (const height of [1, 2, 3]) {
    expect(remote.template?.height).toBe(height)
    await waitFor('a long poll', async () => (await countWaiting()) === 1)
    await node.call('generatetoaddress', 1, ADDRESS)
    await waitFor('the new tip', async () => remote.template?.height === height + 1)
  }
  expect(problems).toEqual([])
  await end()
})

it('gives its long poll up when it is told to end', async () => {
  const { end } = await follow()
  await waitFor('a long poll', async () => (await countWaiting()) === 1)
  await end()
  await waitFor('nobody to wait', async () => (await countWaiting()) === 0)
})

it('goes on without long polls where too many wait already', async () => {
  const others = await Promise.all(Array.from({ length: 32 }, follow))
  await waitFor('all to wait', async () => (await countWaiting()) === 32)
  const { remote, problems, end } = await follow()
  const height = remote.template?.height
  expect(height).toBeDefined()
  await waitFor('no more than the most', async () => (await countWaiting()) === 32)
  expect(remote.template?.height).toBe(height)
  expect(problems).toEqual([])
  await Promise.all([end(), ...others.map((other) => other.end())])
})
