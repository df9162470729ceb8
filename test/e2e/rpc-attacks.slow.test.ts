/**
 * Attacks on the RPC of a node process. Each asserts that an honest client is answered within two seconds while it
 * lasts and after it, that the chain is as it was, and that memory does not stay taken.
 */

import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WRONG_PASSWORD_DELAY_MS } from '../../src/platform/nodejs/http-callers.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/platform/nodejs/http-limits.ts'
import { MAX_BATCH_ITEMS } from '../../src/rpc/index.ts'
import { SocketReader } from '../support/event-readers.ts'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const ADDRESS = new TestWallet('attacks').address('p2wpkh')
const HONEST_MS = 2_000
const KIB = 1_024
const MIB = 1_048_576
/** What may stay taken: the collector of garbage is in no hurry. */
const RSS_MARGIN_KIB = 150 * KIB

let network: TestNetwork
let node: NodeProcess
let port: number
let authorization: string

beforeAll(async () => {
  network = new TestNetwork()
  node = await network.start('attacked', { chain: 'regtest', flags: ['--rest'] })
  await node.call('generatetoaddress', 20, ADDRESS)
  port = Number(new URL(node.ready.rpcUrl).port)
  const cookie = readFileSync(node.ready.cookiePath, 'utf8')
  authorization = `Basic ${Buffer.from(cookie).toString('base64')}`
})

afterAll(() => network.close())

function measureRssKib(): number {
  const status = readFileSync(`/proc/${node.child.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
}

interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** Sends over a connection of its own; gives status, headers and how long it took. Status 0: it was cut off. */
function send({ method = 'POST', path = '/', headers = {}, body }: Sent) {
  const startMs = performance.now()
  type Answer = { status: number; headers: unknown; text: string; ms: number }
  return new Promise<Answer>((resolve) => {
    const finish = (status: number, received: unknown, text: string) =>
      resolve({ status, headers: received, text, ms: performance.now() - startMs })
    const sent = request(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += String(chunk)
        })
        response.on('close', () => finish(response.statusCode ?? 0, response.headers, text))
        response.on('error', () => undefined)
      },
    )
    sent.on('error', () => finish(0, {}, ''))
    sent.end(body)
  })
}

/** Asks as an honest client would, again and again, while an attack lasts; gives the longest answer in ms. */
async function whileHonest(attack: () => Promise<unknown>): Promise<number> {
  let hasEnded = false
  let longestMs = 0
  const ask = async () => {
    const { status, ms, text } = await send({
      headers: { authorization },
      body: '{"method":"getblockcount","id":1}',
    })
    expect(status).toBe(200)
    expect(text).toContain('"result":20')
    longestMs = Math.max(longestMs, ms)
  }
  const asking = (async () => {
    while (!hasEnded) {
      await ask()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  try {
    await attack()
  } finally {
    hasEnded = true
    await asking
  }
  await ask()
  return longestMs
}

/** An attack whose honest clients are answered in time, and whose memory comes back. */
async function survive(attack: () => Promise<unknown>): Promise<void> {
  const beforeKib = measureRssKib()
  const longestMs = await whileHonest(attack)
  process.stdout.write(`honest client: ${Math.round(longestMs)} ms at most\n`)
  expect(longestMs).toBeLessThan(HONEST_MS)
  await waitFor('memory to come back', async () => {
    await send({ headers: { authorization }, body: '{"method":"getblockcount","id":1}' })
    return measureRssKib() < beforeKib + RSS_MARGIN_KIB
  })
}

async function openSockets(count: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'))
  for (const socket of sockets) socket.on('error', () => undefined).resume()
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  return sockets
}

describe('attacks on RPC', () => {
  it('1,000 wrong passwords: each is refused late, and nobody else is locked out', async () => {
    const wrong = `Basic ${Buffer.from('__cookie__:guess').toString('base64')}`
    await survive(async () => {
      for (let round = 0; round < 10; round++) {
        const guesses = Array.from({ length: 100 }, () =>
          send({ headers: { authorization: wrong }, body: '{}' }),
        )
        for (const { status, ms } of await Promise.all(guesses)) {
          expect(status).toBe(401)
          // Timers may fire up to a millisecond early.
          expect(ms).toBeGreaterThanOrEqual(WRONG_PASSWORD_DELAY_MS - 1)
        }
      }
    })
    expect(node.log.split('incorrect password attempt').length).toBeLessThan(50)
  })

  it('a batch of 10,000, and one as large as is allowed', async () => {
    const item = '{"method":"getblockcount","id":1}'
    await survive(async () => {
      const large = await send({
        headers: { authorization },
        body: `[${Array(10_000).fill(item).join()}]`,
      })
      expect(JSON.parse(large.text).error.code).toBe(-32600)
      const body = `[${Array(MAX_BATCH_ITEMS).fill(item).join()}]`
      const batches = Array.from({ length: 10 }, () => send({ headers: { authorization }, body }))
      for (const { text } of await Promise.all(batches)) {
        expect(JSON.parse(text)).toHaveLength(MAX_BATCH_ITEMS)
      }
    })
  })

  it.each([
    ['brackets', '['.repeat(1_000_000)],
    ['objects', '{"a":'.repeat(200_000)],
    ['quotes', '"'.repeat(1_000_001)],
    ['digits', '9'.repeat(1_000_000)],
  ])('JSON that is nested or long: %s', async (_what, body) => {
    await survive(async () => {
      for (let i = 0; i < 10; i++) {
        const { status, text } = await send({ headers: { authorization }, body })
        expect([400, 500]).toContain(status)
        expect(JSON.parse(text).error.code).toBeLessThan(-32_000)
      }
    })
  })

  it('bodies that are too large, announced and not', async () => {
    await survive(async () => {
      const body = Buffer.alloc(33 * MIB, ' ')
      for (const headers of [
        { authorization },
        { authorization, 'transfer-encoding': 'chunked' },
      ]) {
        const { status } = await send({ headers, body })
        // The answer may be lost with the connection, which is cut while the body is on its way.
        expect([413, 0]).toContain(status)
      }
      // Without the password nothing of it is read.
      expect([401, 0]).toContain((await send({ body })).status)
    })
  })

  it('1,000 connections that say nothing', async () => {
    const held: Socket[] = []
    await survive(async () => {
      for (let i = 0; i < 10; i++) held.push(...(await openSockets(100)))
      const open = () => held.filter((socket) => !socket.closed).length
      await waitFor('most to be closed', async () => {
        return open() <= DEFAULT_HTTP_LIMITS.maxConnections
      })
      for (const socket of held) socket.destroy()
    })
  })

  it('headers and bodies that never end', async () => {
    await survive(async () => {
      const sockets = await openSockets(200)
      const head = 'POST / HTTP/1.1\r\nHost: localhost\r\n'
      sockets.forEach((socket, i) => {
        // Half of them never end their headers; the others, who have the password, their body.
        if (i % 2 === 0) socket.write(head)
        else if (i < 100) {
          socket.write(`${head}Authorization: ${authorization}\r\nContent-Length: 1000\r\n\r\n{`)
        }
      })
      for (let second = 0; second < 12; second++) {
        await new Promise((resolve) => setTimeout(resolve, 1_000))
        for (const socket of sockets) if (socket.writable) socket.write('x')
      }
      // The time for headers is over.
      await waitFor('them to be cut off', async () =>
        sockets.every((socket, i) => i % 2 !== 0 || socket.closed),
      )
      for (const socket of sockets) socket.destroy()
    })
  })

  it('headers that are too long', async () => {
    const { status } = await send({ headers: { authorization, 'x-long': 'x'.repeat(9_000) } })
    expect(status).toBe(431)
  })

  it('a flood of REST, which asks for no password', async () => {
    await survive(async () => {
      const hash = await node.call('getblockhash', 5)
      const path = `/rest/block/${hash}.json`
      for (let round = 0; round < 5; round++) {
        const flood = Array.from({ length: 200 }, () => send({ method: 'GET', path }))
        for (const { status } of await Promise.all(flood)) expect([200, 503, 0]).toContain(status)
      }
      expect((await send({ method: 'GET', path })).status).toBe(200)
    })
  })

  it('more readers of events than there is room for', async () => {
    const [rpcUser = '', rpcPassword = ''] = readFileSync(node.ready.cookiePath, 'utf8').split(':')
    const source = { rpcUrl: node.ready.rpcUrl, rpcUser, rpcPassword }
    const readers: SocketReader[] = []
    await survive(async () => {
      const opened = await Promise.allSettled(
        Array.from({ length: 100 }, () => SocketReader.open(source)),
      )
      for (const result of opened) if (result.status === 'fulfilled') readers.push(result.value)
      expect(readers).toHaveLength(DEFAULT_HTTP_LIMITS.maxSubscribers)
      await Promise.all(readers.map((reader) => reader.call('subscribe', { since: 0 })))
    })
    for (const { socket } of readers) socket.terminate()
    await waitFor('room', async () => {
      const reader = await SocketReader.open(source).catch(() => undefined)
      reader?.socket.terminate()
      return reader !== undefined
    })
  })
})

describe('web pages', () => {
  const body = '{"method":"stop","id":1}'

  it('cannot post, even what a browser sends without asking', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const headers = { authorization, origin: 'http://evil.example', 'content-type': type }
      expect((await send({ headers, body })).status).toBe(403)
    }
    // Without Origin, as some forms of old: there is no password either.
    expect((await send({ headers: { 'content-type': 'text/plain' }, body })).status).toBe(401)
  })

  it('get no word of CORS', async () => {
    const { status, headers } = await send({
      method: 'OPTIONS',
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
    })
    expect(status).toBe(403)
    expect(JSON.stringify(headers)).not.toContain('access-control')
  })

  it('whose name was pointed at this machine get nothing', async () => {
    for (const host of ['evil.example', `evil.example:${port}`, `127.0.0.1.evil.example:${port}`]) {
      for (const path of ['/', '/rest/chaininfo.json', '/events', '/ws', '/healthz']) {
        const method = path === '/' ? 'POST' : 'GET'
        expect(
          (await send({ method, path, headers: { authorization, host }, body: '' })).status,
        ).toBe(403)
      }
    }
    for (const host of ['localhost', `127.0.0.1:${port}`, `[::1]:${port}`]) {
      const asked = { headers: { authorization, host }, body: '{"method":"uptime","id":1}' }
      expect((await send(asked)).status).toBe(200)
    }
  })
})

describe('the cookie', () => {
  it('is readable by one user, new at each start, and gone after the end', async () => {
    const path = node.ready.cookiePath
    const before = readFileSync(path, 'utf8')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(await node.stop()).toBe(0)
    expect(existsSync(path)).toBe(false)
    node = await network.restart(node)
    expect(readFileSync(path, 'utf8')).not.toBe(before)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    port = Number(new URL(node.ready.rpcUrl).port)
    expect((await send({ headers: { authorization }, body: '{}' })).status).toBe(401)
  })
})

describe('the address', () => {
  it('is loopback unless a wider one and who may come are both named', async () => {
    const wide = { chain: 'regtest', flags: ['--rpc-bind', '0.0.0.0'] }
    await expect(network.start('wide', wide)).rejects.toThrow('the node ended with code 3')
    const allowed = { ...wide, flags: [...wide.flags, '--rpc-allow-ip', '192.0.2.0/24'] }
    const { ready } = await network.start('allowed', allowed)
    expect((await fetch(`${ready.rpcUrl}/healthz`)).status).toBe(200)
  })
})
