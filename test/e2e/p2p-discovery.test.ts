import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Json, type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'

const COUNT = 5
/** As in `Synchronizer`: how long a node that remembers peers waits for one. */
const SOLO_GRACE_MS = 3_000

let network: TestNetwork

beforeEach(() => {
  network = new TestNetwork()
})
afterEach(() => network.close())

/** The first line of a log with a message. The engine is chosen before the network starts. */
function findLine(log: string, message: string): Json {
  const line = log.split('\n').find((text) => text.includes(`"msg":"${message}"`))
  return JSON.parse(line ?? '{}')
}

async function knowAll(nodes: readonly NodeProcess[]): Promise<boolean> {
  const counts = await Promise.all(nodes.map((node) => node.call('getconnectioncount')))
  return counts.every((count) => count === nodes.length - 1)
}

describe('nodes that know only one', () => {
  it('find each other, and find each other again when all have been restarted', async () => {
    const chain = network.writeSpec('discovery')
    const nodes: NodeProcess[] = []
    for (let index = 0; index < COUNT; index++) {
      const [first] = nodes
      const peers = first === undefined ? [] : [first.ready.multiaddr]
      nodes.push(await network.start(`node-${index}`, { chain, peers, isDiscovering: true }))
    }
    await waitFor('everybody knows everybody', () => knowAll(nodes))
    for (const node of nodes) {
      await waitFor('all have told their addresses', async () => {
        const known: Json[] = await node.call('getnodeaddresses', 0)
        const peers: Json[] = await node.call('getpeerinfo')
        const areAsked = peers.every(({ addr_relay_enabled }) => addr_relay_enabled)
        return areAsked && known.length === COUNT - 1
      })
    }
    const [, second] = nodes
    const peersOfSecond: Json[] = await second?.call('getpeerinfo')
    expect(peersOfSecond.map(({ connection_type }) => connection_type)).toContain('manual')

    // At the same ports, but nobody is told of anybody any more.
    const again: NodeProcess[] = []
    for (const node of nodes) {
      const listen = node.ready.multiaddr.replace(/\/p2p\/\w+$/, '')
      await node.stop()
      again.push(await network.restart(node, { peers: [], listen }))
    }
    await waitFor('everybody knows everybody again', () => knowAll(again))
    for (const node of again) expect(await node.call('getaddednodeinfo')).toEqual([])
    for (const { log } of again) {
      // A node that is alone for too long counts as caught up: a busy machine may make it wait in vain, but it waits.
      const { peers, time } = findLine(log, 'caught up')
      const waitedMs = Date.parse(time) - Date.parse(findLine(log, 'signature engine chosen').time)
      expect(peers > 0 || waitedMs >= SOLO_GRACE_MS, `peers ${peers}, ${waitedMs} ms`).toBe(true)
    }
  })

  it('keep bans over a restart, and a damaged memory does not keep them from starting', async () => {
    const chain = network.writeSpec('bans')
    const a = await network.start('a', { chain })
    await a.call('setban', '198.51.100.0/24', 'add', 3_600)
    await a.kill()
    const again = await network.restart(a)
    expect(await again.call('listbanned')).toMatchObject([{ address: '198.51.100.0/24' }])
    expect(await again.stop()).toBe(0)
    const database = join(a.wishes.dataDir, 'regtest', 'db', 'node')
    for (const name of readdirSync(database)) {
      if (name.startsWith('MANIFEST')) writeFileSync(join(database, name), 'damaged')
    }
    const last = await network.restart(again)
    expect(await last.call('listbanned')).toEqual([])
    expect(await last.call('getblockcount')).toBe(0)
  })
})
