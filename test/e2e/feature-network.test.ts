import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Json,
  type NodeProcess,
  TestNetwork,
  waitFor,
  waitForAgreement,
} from '../support/node-process.ts'

let network: TestNetwork

beforeEach(() => {
  network = new TestNetwork()
})
afterEach(() => network.close())

async function workOf(node: NodeProcess): Promise<bigint> {
  return BigInt(`0x${(await node.call('getblockchaininfo')).chainwork}`)
}

async function heightOf(node: NodeProcess): Promise<number> {
  return node.call('getblockcount')
}

/** Bitcoin's retarget rule, written out again from its description. */
function expectedBits(
  headers: readonly Json[],
  height: number,
  window: number,
  spacing: number,
): string {
  const first = headers[height - window]
  const last = headers[height - 1]
  const target = (bits: string): bigint => {
    const value = Number.parseInt(bits, 16)
    return BigInt(value & 0x7fffff) << BigInt(8 * ((value >>> 24) - 3))
  }
  const span = Math.min(
    Math.max(last.time - first.time, Math.trunc((window * spacing) / 4)),
    window * spacing * 4,
  )
  // BIP-0094: the window's first bits, not its last.
  let next = (target(first.bits) * BigInt(span)) / BigInt(window * spacing)
  const limit = BigInt(`0x7f${'ff'.repeat(31)}`)
  if (next > limit) next = limit
  let size = Math.ceil(next.toString(16).length / 2)
  let mantissa = Number(next >> BigInt(8 * (size - 3)))
  if ((mantissa & 0x800000) !== 0) {
    mantissa >>= 8
    size += 1
  }
  return ((size << 24) | mantissa).toString(16).padStart(8, '0')
}

describe('a network of real nodes', () => {
  it('mines, agrees, and retargets by the rule', async () => {
    const chain = network.writeSpec('mine')
    const a = await network.start('a', { chain, isMining: true })
    const b = await network.start('b', { chain, isMining: true, peers: [a.ready.multiaddr] })
    const c = await network.start('c', {
      chain,
      isMining: true,
      peers: [a.ready.multiaddr, b.ready.multiaddr],
    })
    await waitForAgreement([a, b, c], 25)
    const headers: Json[] = []
    for (let height = 0; height <= 25; height++) {
      const hash = await c.call('getblockhash', height)
      headers.push(await c.call('getblockheader', hash))
    }
    for (const height of [10, 20]) {
      expect(headers[height].bits).toBe(expectedBits(headers, height, 10, 1))
    }
    for (let height = 1; height <= 25; height++) {
      if (height % 10 !== 0) expect(headers[height].bits).toBe(headers[height - 1].bits)
    }
    expect(new Set(headers.map(({ bits }) => bits)).size).toBeGreaterThan(1)
    // Every node mines to a key of its own.
    const blocks: Json[] = await Promise.all(
      headers.slice(1).map(({ hash }) => c.call('getblock', hash, 2)),
    )
    const payouts = blocks.map(({ tx: [coinbase] }) => coinbase.vout[0].scriptPubKey.address)
    expect(new Set(payouts).size).toBeGreaterThan(1)
    const peers: Json[] = await a.call('getpeerinfo')
    expect(peers).toHaveLength(2)
    for (const peer of peers) expect(peer.startingheight).toBeLessThan(25)
    expect(peers.some(({ last_block, conntime }) => last_block >= conntime)).toBe(true)
  })

  it('lets a node that was killed restart on its chain and catch up', async () => {
    const chain = network.writeSpec('kill')
    const a = await network.start('a', { chain, isMining: true })
    const b = await network.start('b', { chain, peers: [a.ready.multiaddr] })
    await waitForAgreement([a, b], 5)
    const before = await heightOf(b)
    await b.kill()
    const target = (await heightOf(a)) + 5
    await waitFor('a mines on', async () => (await heightOf(a)) >= target)
    const again = await network.restart(b)
    expect(await heightOf(again)).toBeGreaterThanOrEqual(before)
    await waitForAgreement([a, again], target)
  })

  it('heals after a split: the branch with less work is left', async () => {
    const chain = network.writeSpec('split')
    const a = await network.start('a', { chain, isMining: true, throttle: 0.4 })
    const b = await network.start('b', { chain, isMining: true, throttle: 0.15 })
    await waitFor(
      'both sides have mined',
      async () => (await heightOf(a)) >= 12 && (await heightOf(b)) >= 4,
    )
    // So far ahead that the other side cannot win while the two are being joined.
    let loser: NodeProcess | undefined
    await waitFor('one side is well ahead', async () => {
      const [workA = 0n, workB = 0n] = await Promise.all([a, b].map(workOf))
      if (2n * workA > 3n * workB) loser = b
      if (2n * workB > 3n * workA) loser = a
      return loser !== undefined
    })
    if (loser === undefined) throw new RangeError('nobody is ahead')
    const loserHash = await loser.call('getblockhash', 1)
    await b.call('addnode', a.ready.multiaddr, 'add')
    await waitFor('the nodes are peers', async () => (await a.call('getconnectioncount')) === 1)
    await waitForAgreement([a, b], 12)
    const tips: Json[] = await loser.call('getchaintips')
    expect(tips.some(({ status }) => status === 'valid-fork')).toBe(true)
    expect(await loser.call('getblockhash', 1)).not.toBe(loserHash)
    expect((await loser.call('getblockchaininfo')).quarry_reorgs).toBeGreaterThan(0)
  })

  it('syncs a late joiner from genesis, through a node that does not mine', async () => {
    const a = await network.start('a', { chain: 'regtest' })
    const address = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'
    await a.call('generatetoaddress', 150, address)
    const b = await network.start('b', { chain: 'regtest', peers: [a.ready.multiaddr] })
    const c = await network.start('c', { chain: 'regtest', peers: [b.ready.multiaddr] })
    expect(await waitForAgreement([a, b, c], 150)).toBe(await a.call('getbestblockhash'))
    const [hash] = await c.call('generatetoaddress', 1, address)
    expect(await waitForAgreement([a, b, c], 151)).toBe(hash)
  })

  it('never makes peers of nodes of another chain', async () => {
    const ours = network.writeSpec('ours')
    const theirs = network.writeSpec('theirs')
    const a = await network.start('a', { chain: ours })
    const b = await network.start('b', { chain: theirs, peers: [a.ready.multiaddr] })
    const c = await network.start('c', { chain: ours, peers: [a.ready.multiaddr] })
    await waitFor(
      'the node of the same chain is a peer',
      async () => (await c.call('getconnectioncount')) === 1,
    )
    // By then the other one has tried at least as often.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(await b.call('getpeerinfo')).toEqual([])
    expect(await a.call('getconnectioncount')).toBe(1)
  })

  it('stops cleanly and keeps its identity, which nobody else can read', async () => {
    const a = await network.start('a', { chain: 'regtest' })
    const id = a.ready.multiaddr.split('/p2p/')[1]
    expect(statSync(join(network.directory, 'a', 'regtest', 'identity.key')).mode & 0o777).toBe(
      0o600,
    )
    expect(await a.stop()).toBe(0)
    const again = await network.restart(a)
    expect(again.ready.multiaddr.split('/p2p/')[1]).toBe(id)
    expect(await again.call('stop')).toContain('stopping')
    await waitFor('the process is gone', async () => again.child.exitCode === 0)
  })
})
