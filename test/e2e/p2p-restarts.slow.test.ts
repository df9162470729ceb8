import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  type NodeProcess,
  TestNetwork,
  waitFor,
  waitForAgreement,
} from '../support/node-process.ts'

const RESTARTS = 20

let network: TestNetwork
beforeEach(() => {
  network = new TestNetwork()
})
afterEach(() => network.close())

async function readChain(node: NodeProcess): Promise<readonly string[]> {
  const count = await node.call('getblockcount')
  return Promise.all(
    Array.from(
      { length: count + 1 },
      (_, height): Promise<string> => node.call('getblockhash', height),
    ),
  )
}

it('a node that is killed or stopped twenty times while it and its peer mine comes back each time', async () => {
  const chain = network.writeSpec('restarts')
  const steady = await network.start('steady', { chain, isMining: true, throttle: 0.1 })
  const wishes = { chain, isMining: true, throttle: 0.1, peers: [steady.ready.multiaddr] }
  let restless = await network.start('restless', wishes)
  let known: readonly string[] = []
  for (let restart = 0; restart < RESTARTS; restart++) {
    const [count, goal] = [known.length, await steady.call('getblockcount')]
    await waitFor(`it follows, and the chain grows, for restart ${restart}`, async () => {
      const height = await restless.call('getblockcount')
      return height >= goal && height >= count
    })
    known = await readChain(restless)
    if (restart % 2 === 0) await restless.kill()
    else expect(await restless.stop()).toBe(0)
    restless = await network.restart(restless)
    // All that it had, it has; on the active chain or beside it.
    const headers = known.map((hash) => restless.call('getblock', hash, 0))
    expect((await Promise.all(headers)).every((hex) => hex.length > 160)).toBe(true)
  }
  const height = await steady.call('getblockcount')
  expect(height).toBeGreaterThan(RESTARTS)
  for (const node of [steady, restless]) await node.call('setminers', null, null, true)
  const tip = await waitForAgreement([steady, restless], height)
  expect(await readChain(restless)).toEqual(await readChain(steady))
  process.stdout.write(`${RESTARTS} restarts, one tip at the end: ${tip}\n`)
})
