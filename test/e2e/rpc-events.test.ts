/** Events of real nodes, over WebSocket and as server-sent events. */

import { afterEach, describe, expect, it } from 'vitest'
import { EventRing } from '../../src/node/event-ring.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/platform/nodejs/http-limits.ts'
import {
  type HttpServer,
  type HttpServerOptions,
  startHttpServer,
} from '../../src/platform/nodejs/http-server.ts'
import type { RunningNode, StartNodeOptions } from '../../src/platform/nodejs/index.ts'
import { parseRpcWhitelists } from '../../src/platform/nodejs/rpc-auth.ts'
import { systemClock } from '../../src/platform/system.ts'
import { decodeTransaction, encodeTransaction } from '../../src/primitives/index.ts'
import { createDispatcher, MAX_KEPT_EVENTS } from '../../src/rpc/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import {
  authorizationOf,
  type EventSource,
  SocketReader,
  StreamReader,
} from '../support/event-readers.ts'
import { silentLog } from '../support/memory-chain.ts'
import { type Json, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const BUNDLE = new URL('../../dist/program/nodejs/index.js', import.meta.url).href
const { startNode } = (await import(BUNDLE)) as typeof import('../../src/platform/nodejs/index.ts')
const wallet = new TestWallet('events')
const ADDRESS = wallet.address('p2wpkh')
const MATURITY = 100

const cleanups: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(options?: StartNodeOptions): Promise<RunningNode> {
  const node = await startNode(options)
  cleanups.push(() => node.stop())
  return node
}

async function openSocket(source: EventSource, headers?: Record<string, string>) {
  const reader = await SocketReader.open(source, headers)
  cleanups.push(() => reader.socket.terminate())
  return reader
}

function openStream(source: EventSource, path: string, headers?: Record<string, string>) {
  const reader = new StreamReader(source, path, headers)
  cleanups.push(() => reader.close())
  return reader
}

/** What an event is, without what differs from run to run. */
function nameOf({ topic, type }: Json): string {
  return `${topic} ${type}`
}

/** A transaction that spends the coinbase of a block. */
async function spendCoinbase(node: RunningNode, blockHash: string) {
  const { tx } = (await node.call('getblock', blockHash, 2)) as Json
  const from = decodeTransaction(decodeHex(tx[0].hex))
  const value = (from.outputs[0]?.value ?? 0n) - 1_000n
  const spent = wallet.spend(from, 0, 'p2wpkh', wallet.script('p2wpkh'), value)
  return (await node.call('sendrawtransaction', encodeHex(encodeTransaction(spent)))) as string
}

describe('events of a node', () => {
  it('tell of blocks, transactions and a reorganisation, in order and without a gap', async () => {
    const node = await start()
    const hashes = (await node.call('generatetoaddress', MATURITY + 1, ADDRESS)) as string[]
    const reader = await openSocket(node)
    const { result } = await reader.call('subscribe', { topics: ['blocks', 'reorgs', 'mempool'] })
    expect(result).toMatchObject({ subscription: 's1', gap: null })
    const txid = await spendCoinbase(node, hashes[0] ?? '')
    const [mined] = (await node.call('generatetoaddress', 1, ADDRESS)) as string[]
    await node.call('invalidateblock', mined)
    const events = await reader.wait(6)
    expect(events.map(nameOf)).toEqual([
      'mempool added',
      'blocks connected',
      'mempool removed',
      'blocks disconnected',
      'reorgs reorganised',
      'mempool added',
    ])
    expect(events.map(({ seq }) => seq - result.seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(events[0].data).toMatchObject({ txid, fee_sats: 1_000 })
    expect(events[1].data).toMatchObject({ hash: mined, height: MATURITY + 2, nTx: 2 })
    expect(events[2].data).toEqual({ txid, reason: 'block' })
    expect(events[4].data).toEqual({
      depth: 1,
      forkpoint: { hash: hashes.at(-1), height: MATURITY + 1 },
      previous: { hash: mined, height: MATURITY + 2 },
      tip: { hash: hashes.at(-1), height: MATURITY + 1 },
      dropped_count: 1,
      dropped: [txid],
      remined_count: 0,
      remined: [],
    })
  })

  it('tell which transactions a better branch has mined again', async () => {
    const node = await start()
    const hashes = (await node.call('generatetoaddress', MATURITY + 1, ADDRESS)) as string[]
    const txid = await spendCoinbase(node, hashes[0] ?? '')
    const [mined] = (await node.call('generatetoaddress', 1, ADDRESS)) as string[]
    const reader = await openSocket(node)
    await reader.call('subscribe', [['reorgs']])
    await node.call('invalidateblock', mined)
    await waitFor('the transaction', async () => {
      return ((await node.call('getrawmempool')) as string[]).includes(txid)
    })
    const [rival] = (await node.call('generatetoaddress', 2, ADDRESS)) as string[]
    // Both branches are there: now the tip moves from the one to the other in one step.
    await node.call('reconsiderblock', mined)
    await node.call('invalidateblock', rival)
    const events = await reader.wait(2)
    expect(events[1].data).toMatchObject({
      depth: 2,
      tip: { hash: mined, height: MATURITY + 2 },
      dropped_count: 0,
      remined: [txid],
    })
  })

  it('tell of peers that come, are banned and go, and of the miner', async () => {
    const node = await start()
    const reader = await openSocket(node)
    await reader.call('subscribe', [['peers']])
    const other = await start({ peers: node.addresses })
    const [connected] = await reader.wait(1)
    expect(nameOf(connected)).toBe('peers connected')
    expect(connected.data).toMatchObject({
      inbound: true,
      subver: expect.stringContaining('quarry'),
    })
    expect(other.addresses[0]).toContain(connected.data.quarry_peer_id)
    await node.call('setban', connected.data.quarry_peer_id, 'add', 60)
    await node.call('setban', connected.data.quarry_peer_id, 'remove')
    const names = (await reader.wait(4)).map(nameOf)
    expect(names.slice(0, 2)).toEqual(['peers connected', 'peers banned'])
    expect([...names].sort()).toEqual([
      'peers banned',
      'peers connected',
      'peers disconnected',
      'peers unbanned',
    ])
  })

  it('tell what the miner does', async () => {
    const node = await start({ mine: true, address: ADDRESS })
    const reader = await openSocket(node)
    await reader.call('subscribe', { topics: ['miner'], since: 0 })
    await waitFor('a block', () =>
      Promise.resolve(reader.events.some((event) => nameOf(event) === 'miner blockfound')),
    )
    await node.call('setminers', 1, 0.5)
    await waitFor('its new settings', () =>
      Promise.resolve(reader.events.some((event) => nameOf(event) === 'miner configured')),
    )
    expect(nameOf(reader.events[0])).toBe('miner started')
    const configured = reader.events.find((event) => nameOf(event) === 'miner configured')
    expect(configured.data).toEqual({ threads: 1, throttle: 0.5, paused: false })
    const found = reader.events.find((event) => nameOf(event) === 'miner blockfound')
    expect(await node.call('getblockhash', found.data.height)).toBe(found.data.hash)
  })

  it('come as a stream that goes on where the last one stopped', async () => {
    const node = await start()
    const first = openStream(node, '/events?topics=blocks')
    await first.waitForStatus()
    await node.call('generatetoaddress', 2, ADDRESS)
    const before = await first.wait(2)
    first.close()
    await node.call('generatetoaddress', 3, ADDRESS)
    const headers = { 'last-event-id': before[1]?.id ?? '' }
    const second = openStream(node, '/events?topics=blocks&since=0', headers)
    const after = await second.wait(3)
    expect(after.map(({ data }) => data.data.height)).toEqual([3, 4, 5])
    expect(after.map(({ event }) => event)).toEqual(['message', 'message', 'message'])
  })

  it('go on over a WebSocket after the number that is named', async () => {
    const node = await start()
    await node.call('generatetoaddress', 4, ADDRESS)
    const reader = await openSocket(node)
    const { result } = await reader.call('subscribe', { topics: ['blocks'], since: 0 })
    await reader.wait(4)
    await reader.call('subscribe', { topics: ['blocks'], since: result.seq - 1 })
    const again = (await reader.wait(5))[4]
    expect(again).toMatchObject({ subscription: 's2', seq: result.seq })
  })

  it('tell of a gap once the ring does not reach back', async () => {
    const node = await start()
    const first = openStream(node, '/events?topics=blocks&since=5')
    const [gap] = await first.wait(1)
    expect(gap).toMatchObject({ event: 'gap', data: { since: 5 } })
    const reader = await openSocket(node)
    const { result } = await reader.call('subscribe', { since: 5 })
    expect(result.gap).toEqual(gap?.data)
  })

  it('end in order when the node stops', async () => {
    const node = await start()
    const reader = await openSocket(node)
    const stream = openStream(node, '/events')
    await stream.waitForStatus()
    await node.stop()
    expect(await reader.waitForEnd()).toEqual({ code: 1001, reason: 'the node stops' })
    await stream.waitForEnd()
  })
})

describe('readers of events', () => {
  const CREDENTIALS = '__cookie__:secret'

  async function serve(options: Partial<HttpServerOptions> = {}) {
    const ring = new EventRing(systemClock)
    const dispatcher = createDispatcher({
      methods: [],
      context: undefined,
      log: silentLog,
      clock: systemClock,
    })
    const server: HttpServer = await startHttpServer(
      {
        dispatcher,
        readiness: () => ({ isReady: true, reasons: [] }),
        events: () => ring,
        log: silentLog,
        clock: systemClock,
      },
      { port: 0, credentials: [CREDENTIALS], ...options },
    )
    cleanups.push(() => server.close())
    const [rpcUser = '', rpcPassword = ''] = CREDENTIALS.split(':')
    return { ring, server, source: { rpcUrl: server.url, rpcUser, rpcPassword } }
  }

  function fill(ring: EventRing, count: number, size = 10): void {
    const subject = 'x'.repeat(size)
    for (let i = 0; i < count; i++) ring.publish('peers', 'unbanned', { subject })
  }

  it('need the password, from a name and an origin that are listed', async () => {
    const { source } = await serve()
    const right = { authorization: authorizationOf(source) }
    await expect(openSocket(source, {})).rejects.toThrow('HTTP 401')
    const wrong = authorizationOf({ ...source, rpcPassword: 'guess' })
    await expect(openSocket(source, { authorization: wrong })).rejects.toThrow('HTTP 401')
    const origin = 'http://evil.example'
    await expect(openSocket(source, { ...right, origin })).rejects.toThrow('HTTP 403')
    await expect(openSocket(source, { ...right, host: 'evil.example' })).rejects.toThrow('HTTP 403')
    expect(await openStream(source, '/events', { authorization: '' }).waitForStatus()).toBe(401)
    expect(await openStream(source, '/events', { origin }).waitForStatus()).toBe(403)
    expect(await openStream(source, '/events', { host: 'evil.example' }).waitForStatus()).toBe(403)
  })

  it('must be allowed to subscribe where there are whitelists', async () => {
    const mayNot = await serve({ whitelists: parseRpcWhitelists(['__cookie__:help']) ?? new Map() })
    await expect(openSocket(mayNot.source)).rejects.toThrow('HTTP 403')
    expect(await openStream(mayNot.source, '/events').waitForStatus()).toBe(403)
    const whitelists = parseRpcWhitelists(['__cookie__:subscribe']) ?? new Map()
    const may = await openSocket((await serve({ whitelists })).source)
    expect((await may.call('subscribe')).result.subscription).toBe('s1')
  })

  it('are as many as there is room for', async () => {
    const { source } = await serve({ limits: { maxSubscribers: 2 } })
    const socket = await openSocket(source)
    const stream = openStream(source, '/events')
    expect(await stream.waitForStatus()).toBe(200)
    await expect(openSocket(source)).rejects.toThrow('HTTP 503')
    expect(await openStream(source, '/events').waitForStatus()).toBe(503)
    socket.socket.close()
    await socket.waitForEnd()
    expect((await openSocket(source)).end).toBeUndefined()
  })

  it('are cut off with a code when they are too slow, and cost no more than their buffer', async () => {
    const { ring, source } = await serve({ limits: { maxBufferedBytes: 100_000 } })
    const slow = await openSocket(source)
    await slow.call('subscribe')
    slow.socket.pause()
    // What the system holds for a connection is full long before: some megabytes.
    for (let i = 0; i < 3; i++) fill(ring, MAX_KEPT_EVENTS, 5_000)
    slow.socket.resume()
    expect(await slow.waitForEnd()).toEqual({ code: 1008, reason: 'too slow: events were lost' })
    expect(slow.events.length).toBeLessThan(2 * MAX_KEPT_EVENTS)
    const seqs = slow.events.map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.map((_, i) => ring.startSeq + i))
  })

  it('that are slow for a while miss nothing', async () => {
    const { ring, source } = await serve({ limits: { maxBufferedBytes: 10_000 } })
    const slow = await openSocket(source)
    await slow.call('subscribe')
    slow.socket.pause()
    fill(ring, MAX_KEPT_EVENTS - 1, 3_000)
    slow.socket.resume()
    expect(await slow.wait(MAX_KEPT_EVENTS - 1)).toHaveLength(MAX_KEPT_EVENTS - 1)
    expect(slow.end).toBeUndefined()
  })

  it('of a stream are cut off when they are too slow, and told of the gap when they come back', async () => {
    const { ring, source } = await serve({ limits: { maxBufferedBytes: 100_000 } })
    const stream = openStream(source, '/events')
    await stream.waitForStatus()
    fill(ring, 1)
    await stream.wait(1)
    stream.pause()
    for (let i = 0; i < 3; i++) fill(ring, MAX_KEPT_EVENTS, 5_000)
    stream.resume()
    await stream.waitForEnd()
    expect(stream.messages.length).toBeLessThan(2 * MAX_KEPT_EVENTS)
    const id = stream.messages.at(-1)?.id ?? ''
    const again = openStream(source, '/events', { 'last-event-id': id })
    const [gap] = await again.wait(1)
    expect(gap).toMatchObject({ event: 'gap', data: { since: Number(id), first: ring.firstSeq } })
  })

  it('that do not answer any more are let go', async () => {
    const { source } = await serve({ limits: { maxSubscribers: 1, keepAliveMs: 50 } })
    const dead = await openSocket(source)
    dead.socket.pause()
    await waitFor('room', async () => {
      const next = await openSocket(source).catch(() => undefined)
      return next !== undefined
    })
    // One who answers stays, however long.
    const { source: other } = await serve({ limits: { keepAliveMs: 50 } })
    const alive = await openSocket(other)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(alive.end).toBeUndefined()
  })

  it.each([
    ['/events?topics=blocks,nothing', 400],
    ['/events?since=x', 400],
    ['/events?since=-1', 400],
    ['/ws', 426],
  ])('get for %s the status %i', async (path, status) => {
    const { source } = await serve()
    expect(await openStream(source, path).waitForStatus()).toBe(status)
  })

  it.each([
    ['a message that is too long', 'x'.repeat(DEFAULT_HTTP_LIMITS.maxMessageBytes + 1), 1, 1009],
    ['one request after the other', '{"method":"help","id":1}', 200, 1008],
  ])('who send %s are cut off', async (_what, text, count, code) => {
    const { source } = await serve()
    const reader = await openSocket(source)
    for (let i = 0; i < count; i++) reader.socket.send(text)
    expect((await reader.waitForEnd())?.code).toBe(code)
    expect((await openSocket(source)).end).toBeUndefined()
  })

  it('who offer HTTP/2 are answered as if they had not', async () => {
    const { source } = await serve()
    const response = await fetch(`${source.rpcUrl}/healthz`)
    expect(response.status).toBe(200)
    const reader = openStream(source, '/healthz', {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQAAP__',
    })
    expect(await reader.waitForStatus()).toBe(200)
  })
})
