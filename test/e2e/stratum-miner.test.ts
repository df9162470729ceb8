/** `quarry mine --stratum` against real nodes: blocks, counts on both sides, a restart, a failover. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runToEnd } from '../support/command-process.ts'
import { type Json, type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TcpMiner } from '../support/tcp-miner.ts'
import { TestWallet } from '../support/wallet.ts'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const ADDRESS = new TestWallet('stratum-miner').address('p2wpkh')
const OTHER = new TestWallet('stratum-miner-other').address('p2wpkh')

const network = new TestNetwork()
let chain = ''
let first: NodeProcess
let second: NodeProcess

const urlOf = (node: NodeProcess): string => node.ready.stratumUrl ?? ''

beforeAll(async () => {
  chain = network.writeSpec('stratum-miner')
  const flags = ['--stratum', '127.0.0.1:0']
  first = await network.start('first', { chain, flags })
  second = await network.start('second', { chain, flags, peers: [first.ready.multiaddr] })
})

afterAll(() => network.close())

function start(...flags: readonly string[]) {
  const args = [MAIN, 'mine', '--threads', '1', '--user', `${ADDRESS}.rig`, ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
  })
  const end = once(child, 'close').then(([code]) => code as number | null)
  const events = (): Json[] =>
    out
      .slice(0, out.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  const has = (part: Json, after = 0) =>
    waitFor(JSON.stringify(part), async () =>
      events()
        .slice(after)
        .some((event) => Object.entries(part).every(([key, value]) => event[key] === value)),
    )
  return { child, end, events, has }
}

describe('quarry mine --stratum', () => {
  it('finds blocks that pay the user, and counts shares as the pool does', async () => {
    const miner = start('--stratum', urlOf(first), '--version-rolling', '--blocks', '3')
    expect(await miner.end).toBe(0)
    const events = miner.events()
    expect(events[0]).toMatchObject({ type: 'start', pools: [urlOf(first)], threads: 1 })
    const blocks = events.filter(({ type, isBlock }) => type === 'share' && isBlock)
    expect(blocks.length).toBeGreaterThanOrEqual(3)
    const done = events.at(-1)
    expect(done).toMatchObject({ type: 'done', dropped: 0, lost: 0, unpaidJobs: 0 })
    const [worker] = await first.call('listpoolworkers')
    const refused = Object.values(worker.refused as Json).reduce<number>(
      (sum, n) => sum + Number(n),
      0,
    )
    expect([worker.worker, worker.accepted, refused]).toEqual([
      `${ADDRESS}.rig`,
      done.accepted,
      done.refused,
    ])
    const [found] = await first.call('listpoolblocks')
    const block = await first.call('getblock', found.hash, 2)
    expect(block.tx[0].vout[0].scriptPubKey.address).toBe(ADDRESS)
    expect(blocks.map(({ hash }) => hash)).toContain(found.hash)
  })

  it('goes on after the pool was away, and over to the next one when it stays away', async () => {
    const { port } = new URL(urlOf(first).replace('stratum+tcp', 'http'))
    const miner = start('--stratum', urlOf(first))
    await miner.has({ type: 'share', isBlock: true, refusal: null })
    await first.stop()
    await miner.has({ type: 'status', pool: null, height: null })
    let seen = miner.events().length
    first = await network.restart(first, { flags: ['--stratum', `127.0.0.1:${port}`] })
    await miner.has({ type: 'connection', pool: urlOf(first), problem: null }, seen)
    await miner.has({ type: 'share', isBlock: true, refusal: null }, seen)
    miner.child.kill('SIGTERM')
    expect(await miner.end).toBe(0)

    const both = start('--stratum', urlOf(first), '--stratum', urlOf(second), '--payout', OTHER)
    // Who pays somebody else is told of, and mined for all the same.
    await both.has({ type: 'share', isBlock: true, refusal: null })
    expect(both.events().filter(({ type }) => type === 'warning')).toMatchObject([
      { message: expect.stringContaining(OTHER) },
    ])
    await first.stop()
    seen = both.events().length
    await both.has({ type: 'connection', pool: urlOf(second), problem: null })
    await both.has({ type: 'share', isBlock: true, refusal: null }, seen)
    both.child.kill('SIGTERM')
    expect(await both.end).toBe(0)
    const done = both.events().at(-1)
    expect(done.unpaidJobs).toBeGreaterThan(1)
    expect(await second.call('getpoolinfo')).toMatchObject({ connections: 0 })
  })

  it("takes no share whose time the chain's own rule refuses in a block", async () => {
    const miner = await TcpMiner.connect(urlOf(second), `${ADDRESS}.late`)
    // Times are looked at before hashes, so that these need not be good ones.
    const submit = (seconds: number) => {
      const { id, time } = miner.job
      const late = (Number.parseInt(time, 16) + seconds).toString(16)
      return miner.submit([`${ADDRESS}.late`, id, '0000000000000001', late, '00000000'])
    }
    expect((await submit(1)).error?.[0]).toBe(23)
    expect((await submit(3_600)).error?.[0]).toBe(20)
    miner.close()
  })

  it.each([
    [1, ['--stratum', '127.0.0.1:1'], /Nothing listens/],
    [2, ['--stratum', '127.0.0.1:1', '--address', ADDRESS], /--address is about a node/],
    [2, ['--stratum', '127.0.0.1:1', '--rpc-port', '5'], /--rpc-port is about a node/],
    [2, ['--user', 'me'], /--user is about a pool/],
    [3, ['--stratum', 'http://127.0.0.1:1'], /no URL of a pool/],
    [3, ['--stratum', '127.0.0.1:1', '--payout', 'nobody'], /payout/],
  ])('ends with code %i for %j', async (code, flags, message) => {
    expect(await runToEnd(['mine', ...flags])).toMatchObject({
      code,
      out: '',
      err: expect.stringMatching(message),
    })
  })
})
