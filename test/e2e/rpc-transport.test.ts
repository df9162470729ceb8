import { once } from 'node:events'
import { request as requestHttp } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { WRONG_PASSWORD_DELAY_MS } from '../../src/platform/nodejs/http-callers.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/platform/nodejs/http-limits.ts'
import {
  type HttpServer,
  type HttpServerDeps,
  type HttpServerOptions,
  type Readiness,
  startHttpServer,
} from '../../src/platform/nodejs/http-server.ts'
import { systemClock } from '../../src/platform/system.ts'
import {
  createDispatcher,
  defineMethod,
  JsonText,
  type RpcCall,
  type RpcValue,
} from '../../src/rpc/index.ts'
import type { Clock } from '../../src/util/index.ts'

const USER_PASSWORD = `__cookie__:${'ab'.repeat(32)}`
const AUTHORIZATION = `Basic ${Buffer.from(USER_PASSWORD).toString('base64')}`
const CLOSE_GRACE_MS = DEFAULT_HTTP_LIMITS.closeGraceMs
const COUNT = '{"method":"getblockcount","id":1}'
/** Large enough to be sent in pieces, and longer in bytes than in characters. */
const LARGE = new JsonText(JSON.stringify('ä€'.repeat(100_000)))
const COUNT_REPLY = '{"result":5,"error":null,"id":1}\n'

interface Sample {
  readonly server: HttpServer
  readonly warnings: string[]
  /** Every delay that the server asked its clock for. */
  readonly delays: number[]
  readiness: Readiness
  /** Calls of `wait` that run; each ends when its function is called. */
  readonly waiting: { readonly call: RpcCall; readonly finish: () => void }[]
}

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function startSample(
  options: Partial<HttpServerOptions> = {},
  schedule: Clock['schedule'] = systemClock.schedule,
): Promise<Sample> {
  const delays: number[] = []
  const clock: Clock = {
    ...systemClock,
    schedule: (delayMs, action) => {
      delays.push(delayMs)
      return schedule(delayMs, action)
    },
  }
  const warnings: string[] = []
  const waiting: { call: RpcCall; finish: () => void }[] = []
  const ignore = () => {}
  const log = {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: (message: string) => warnings.push(message),
    error: ignore,
  }
  const simple = (name: string, handler: (call: RpcCall) => RpcValue | Promise<RpcValue>) =>
    defineMethod({
      name,
      category: 'hidden',
      summary: '',
      params: [],
      result: { schema: z.unknown() },
      handler: (_context: undefined, _args, call) => handler(call),
    })
  const methods = [
    simple('getblockcount', () => 5),
    simple('large', () => ({ before: 'ü', large: LARGE, again: [LARGE, 1] })),
    simple('wallet', (call) => call.wallet ?? null),
    simple('wait', (call) => {
      return new Promise((resolve) => {
        const finish = () => resolve('done')
        waiting.push({ call, finish })
        call.signal?.addEventListener('abort', finish)
      })
    }),
  ]
  const sample = {
    warnings,
    delays,
    waiting,
    readiness: { isReady: true, reasons: [] } as Readiness,
  }
  const deps: HttpServerDeps = {
    dispatcher: createDispatcher({ methods, context: undefined, log, clock: systemClock }),
    readiness: () => sample.readiness,
    log,
    clock,
  }
  const server = await startHttpServer(deps, { port: 0, credentials: [USER_PASSWORD], ...options })
  cleanups.push(() => server.close())
  return Object.assign(sample, { server })
}

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

interface SendOptions {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** Sends exactly these headers (and Node's own `Host`), over a connection of its own. */
function send({ server }: Sample, options: SendOptions = {}): Promise<Reply> {
  const { method = 'POST', path = '/', headers = { authorization: AUTHORIZATION }, body } = options
  return new Promise((resolve, reject) => {
    const request = requestHttp(
      { host: '127.0.0.1', port: server.port, method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body ?? (method === 'POST' ? COUNT : undefined))
  })
}

async function openSocket({ server }: Sample): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1')
  cleanups.push(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until `isEnough`, or until the other side ends. */
function readUntil(socket: Socket, isEnough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const onEnd = () => resolve(text)
    socket.on('error', onEnd)
    socket.on('close', onEnd)
    socket.on('data', (chunk) => {
      text += chunk.toString()
      if (isEnough(text)) resolve(text)
    })
  })
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(condition()).toBe(true)
}

describe('answers', () => {
  it('answers JSON with a final line break', async () => {
    const reply = await send(await startSample())
    expect(reply.status).toBe(200)
    expect(reply.text).toBe(COUNT_REPLY)
    expect(reply.headers['content-type']).toBe('application/json')
  })

  it('writes large parts that are ready as they are, alone and in a batch', async () => {
    const sample = await startSample()
    const value = JSON.parse(LARGE.text)
    const result = { before: 'ü', large: value, again: [value, 1] }
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => send(sample, { body: '{"method":"large","id":1}' })),
    )
    for (const { status, headers, text } of replies) {
      expect(status).toBe(200)
      expect(headers['content-type']).toBe('application/json')
      expect(headers['content-length']).toBe(`${Buffer.byteLength(text)}`)
      expect(text.endsWith('}\n')).toBe(true)
      expect(JSON.parse(text)).toEqual({ result, error: null, id: 1 })
    }
    const batch = await send(sample, { body: '[{"method":"large","id":1},{"method":"large"}]' })
    expect(JSON.parse(batch.text)).toEqual([
      { result, error: null, id: 1 },
      { result, error: null },
    ])
  })

  it('writes the statuses of the dialect table', async () => {
    const sample = await startSample()
    const statusOf = async (body: string) => (await send(sample, { body })).status
    expect(await statusOf('{"jsonrpc":"2.0","method":"getblockcount"}')).toBe(204)
    expect(await statusOf('{"jsonrpc":"2.0","method":"nosuch","id":1}')).toBe(200)
    expect(await statusOf('{"method":"nosuch","id":1}')).toBe(404)
    expect(await statusOf('{"id":1}')).toBe(400)
    expect(await statusOf('{')).toBe(500)
    expect(await statusOf('[]')).toBe(200)
  })

  it('answers an empty body with a parse error', async () => {
    const reply = await send(await startSample(), { body: '' })
    expect(reply.status).toBe(500)
    expect(JSON.parse(reply.text).error.code).toBe(-32700)
  })

  it.each([
    undefined,
    'text/plain',
    'application/json',
    'application/json-rpc; charset=utf-8',
    'application/x-www-form-urlencoded',
    'nonsense',
  ])('takes content type %s', async (type) => {
    const reply = await send(await startSample(), {
      headers: {
        authorization: AUTHORIZATION,
        ...(type === undefined ? {} : { 'content-type': type }),
      },
    })
    expect(reply.text).toBe(COUNT_REPLY)
  })

  it('gives the wallet in the path to the method', async () => {
    const reply = await send(await startSample(), {
      path: '/wallet/my%20own',
      body: '{"method":"wallet","id":1}',
    })
    expect(JSON.parse(reply.text).result).toBe('my own')
  })

  it.each(['GET', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])('refuses %s', async (method) => {
    const reply = await send(await startSample(), { method })
    expect(reply.status).toBe(405)
    expect(reply.text).toBe(method === 'HEAD' ? '' : 'JSONRPC server handles only POST requests')
  })

  it('knows no other path', async () => {
    expect((await send(await startSample(), { path: '/nosuch' })).status).toBe(404)
  })
})

describe('passwords', () => {
  it('refuses at once a request without one', async () => {
    const sample = await startSample()
    const reply = await send(sample, { headers: {} })
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toBe('Basic realm="jsonrpc"')
    expect(sample.delays).toEqual([])
    expect(sample.warnings).toEqual([])
  })

  it.each([
    `Basic ${Buffer.from(`${USER_PASSWORD}0`).toString('base64')}`,
    `Basic ${Buffer.from(USER_PASSWORD.slice(0, -1)).toString('base64')}`,
    'Basic ',
    'Basic !!!',
    `Bearer ${USER_PASSWORD}`,
    `Basic ${'A'.repeat(4_000)}`,
  ])('refuses the wrong one %#, late and with a log line', async (authorization) => {
    const sample = await startSample()
    const startMs = performance.now()
    const reply = await send(sample, { headers: { authorization } })
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toBe('Basic realm="jsonrpc"')
    // Timers of Node.js may fire up to a millisecond early.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(WRONG_PASSWORD_DELAY_MS - 1)
    expect(sample.warnings).toEqual(['incorrect password attempt'])
  })

  it('serves the right one while wrong ones wait, and does not fill the log', async () => {
    const releases: (() => void)[] = []
    const sample = await startSample({ limits: { maxRequests: 1 } }, (_delayMs, action) => {
      releases.push(action)
      return { cancel: () => {} }
    })
    const wrong = Array.from({ length: 20 }, () =>
      send(sample, { headers: { authorization: 'Basic AAAA' } }),
    )
    await waitFor(() => releases.length === 20)
    expect((await send(sample)).status).toBe(200)
    for (const release of releases) release()
    expect((await Promise.all(wrong)).every(({ status }) => status === 401)).toBe(true)
    expect(sample.warnings).toHaveLength(1)
  })
})

describe('web pages', () => {
  it.each(['localhost', 'LOCALHOST:1', '127.0.0.1:18443', '[::1]:18443', '[::1]'])(
    'serves Host %s',
    async (host) => {
      const reply = await send(await startSample(), {
        headers: { authorization: AUTHORIZATION, host },
      })
      expect(reply.status).toBe(200)
    },
  )

  it.each(['evil.example', 'evil.example:18443', '127.0.0.1.evil.example', '10.0.0.1'])(
    'refuses Host %j',
    async (host) => {
      const sample = await startSample()
      const reply = await send(sample, { headers: { authorization: AUTHORIZATION, host } })
      expect(reply.status).toBe(403)
      const health = await send(sample, { method: 'GET', path: '/healthz', headers: { host } })
      expect(health.status).toBe(403)
    },
  )

  it('serves a further Host that is allowed', async () => {
    const sample = await startSample({ allowHosts: ['node-1'] })
    const headers = { authorization: AUTHORIZATION, host: 'node-1:18443' }
    expect((await send(sample, { headers })).status).toBe(200)
  })

  it.each(['http://evil.example', 'null', 'http://127.0.0.1:18443'])(
    'refuses Origin %s, without a word of CORS',
    async (origin) => {
      const sample = await startSample()
      const headers = { authorization: AUTHORIZATION, origin, 'content-type': 'text/plain' }
      for (const method of ['POST', 'OPTIONS']) {
        const reply = await send(sample, { method, headers })
        expect(reply.status).toBe(403)
        expect(Object.keys(reply.headers).join()).not.toContain('access-control')
      }
    },
  )

  it('serves pages of its own where no password is at stake, and nowhere else', async () => {
    const sample = await startSample()
    const host = `127.0.0.1:${sample.server.port}`
    const headers = { host, origin: `http://${host}` }
    const health = await send(sample, { method: 'GET', path: '/healthz', headers })
    expect(health.status).toBe(200)
    expect(Object.keys(health.headers).join()).not.toContain('access-control')
    for (const path of ['/', '/events', '/nowhere']) {
      const method = path === '/' ? 'POST' : 'GET'
      const reply = await send(sample, {
        method,
        path,
        headers: { ...headers, authorization: AUTHORIZATION },
      })
      expect([path, reply.status]).toEqual([path, 403])
    }
    const other = { host, origin: `http://localhost:${sample.server.port}` }
    const refused = await send(sample, { method: 'GET', path: '/healthz', headers: other })
    expect([refused.status, refused.text]).toEqual([
      403,
      'This Origin is not allowed; see --rpc-allow-origin',
    ])
  })

  it('answers a listed Origin, preflight included', async () => {
    const origin = 'http://localhost:3000'
    const sample = await startSample({ allowOrigins: [origin] })
    const preflight = await send(sample, { method: 'OPTIONS', headers: { origin } })
    expect(preflight.status).toBe(204)
    expect(preflight.headers['access-control-allow-origin']).toBe(origin)
    const reply = await send(sample, { headers: { authorization: AUTHORIZATION, origin } })
    expect(reply.status).toBe(200)
    expect(reply.headers['access-control-allow-origin']).toBe(origin)
  })
})

describe('limits', () => {
  const withPassword = `POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: ${COUNT.length}\r\n\r\n${COUNT}`

  it('refuses a body beyond 32 MiB with 413, announced or not', async () => {
    const sample = await startSample()
    const size = 33_554_433
    const announced = await openSocket(sample)
    announced.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: ${size}\r\n\r\n`,
    )
    expect(await readUntil(announced, (text) => text.includes('\r\n\r\n'))).toMatch(
      /^HTTP\/1.1 413 /,
    )
    const small = await startSample({ limits: { maxBodyBytes: 1_000 } })
    const chunked = await openSocket(small)
    chunked.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${AUTHORIZATION}\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${' '.repeat(1_001)}\r\n0\r\n\r\n`,
    )
    expect(await readUntil(chunked, (text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 413 /)
    expect((await send(sample)).status).toBe(200)
  })

  it('reads a large body that is within the limit', async () => {
    const body = `${' '.repeat(20_000_000)}${COUNT}`
    expect((await send(await startSample(), { body })).text).toBe(COUNT_REPLY)
  })

  it('does not read the body of a request without the right password', async () => {
    const socket = await openSocket(await startSample())
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554432\r\n\r\n{')
    expect(await readUntil(socket, (text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 401 /)
  })

  it('refuses headers beyond 8 KiB', async () => {
    const reply = await send(await startSample(), {
      headers: { authorization: AUTHORIZATION, 'x-long': 'x'.repeat(8_192) },
    })
    expect(reply.status).toBe(431)
  })

  it('answers 503 to more requests than it takes, and serves again after', async () => {
    const sample = await startSample({ limits: { maxRequests: 2 } })
    const waits = [1, 2].map((id) => send(sample, { body: `{"method":"wait","id":${id}}` }))
    await waitFor(() => sample.waiting.length === 2)
    const refused = await send(sample)
    expect(refused.status).toBe(503)
    expect(refused.text).toBe('Work queue depth exceeded')
    for (const { finish } of sample.waiting) finish()
    expect((await Promise.all(waits)).map(({ status }) => status)).toEqual([200, 200])
    expect((await send(sample)).status).toBe(200)
  })

  it('lets strangers push each other out when it is full, never a client with the password', async () => {
    const sample = await startSample({ limits: { maxConnections: 4 } })
    const client = await openSocket(sample)
    const ask = async (): Promise<string> => {
      client.write(withPassword)
      return readUntil(client, (seen) => seen.endsWith('}\n'))
    }
    expect(await ask()).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    const strangers: Socket[] = []
    for (let index = 0; index < 12; index++) {
      const stranger = await openSocket(sample)
      stranger.resume().on('error', () => {})
      stranger.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
      strangers.push(stranger)
    }
    const [oldest] = strangers
    await waitFor(() => oldest?.closed === true)
    expect(await ask()).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    for (let round = 0; round < 5; round++) expect((await send(sample)).status).toBe(200)
    await waitFor(() => strangers.filter((stranger) => !stranger.closed).length < 4)
  })

  it('keeps the connections of strangers for less long', async () => {
    const sample = await startSample({
      limits: { strangerKeepAliveTimeoutMs: 50, keepAliveTimeoutMs: 60_000 },
    })
    const client = await openSocket(sample)
    client.write(withPassword)
    const answer = await readUntil(client, (seen) => seen.endsWith('}\n'))
    expect(answer).toMatch(/\r\nkeep-alive: timeout=60\r\n/i)
    const stranger = await openSocket(sample)
    stranger.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    // Ends only once the server has closed the connection.
    expect(await readUntil(stranger, () => false)).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    client.write(withPassword)
    expect(await readUntil(client, (seen) => seen.endsWith('}\n'))).toMatch(/ 200 OK\r\n/)
  })

  it('cuts off those who never finish their headers or say nothing', async () => {
    const sample = await startSample({ limits: { headersTimeoutMs: 500 } })
    const silent = await openSocket(sample)
    const slow = await openSocket(sample)
    slow.write('POST / HTTP/1.1\r\nHost: localhost\r\n')
    const texts = await Promise.all([silent, slow].map((socket) => readUntil(socket, () => false)))
    for (const text of texts) expect(text).toMatch(/^(HTTP\/1.1 408 |$)/)
  })

  it('tells a method that its caller has gone', async () => {
    const sample = await startSample()
    const socket = await openSocket(sample)
    const body = '{"method":"wait","id":1}'
    socket.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await waitFor(() => sample.waiting.length === 1)
    expect(sample.waiting[0]?.call.signal?.aborted).toBe(false)
    socket.destroy()
    await waitFor(() => sample.waiting[0]?.call.signal?.aborted === true)
  })
})

describe('clients of the field, byte for byte', () => {
  const body = '{"method": "getblockcount"}\n'
  const ckpool = `POST / HTTP/1.1\nAuthorization: ${AUTHORIZATION}\nHost: 127.0.0.1:18443\nContent-type: application/json\nContent-Length: ${body.length}\n\n${body}`

  it('serves ckpool, whose lines end in a bare LF, twice over one connection', async () => {
    const socket = await openSocket(await startSample())
    for (let round = 0; round < 2; round++) {
      socket.write(ckpool)
      const text = await readUntil(socket, (seen) => seen.endsWith('}\n'))
      expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/)
      expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe('{"result":5,"error":null}\n')
    }
  })

  it('serves HTTP/1.0 without Host', async () => {
    const socket = await openSocket(await startSample())
    socket.write(
      `POST / HTTP/1.0\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: ${COUNT.length}\r\n\r\n${COUNT}`,
    )
    expect(await readUntil(socket, () => false)).toMatch(/^HTTP\/1.1 200 OK\r\n/)
  })

  it('keeps a connection, as python-bitcoinlib needs', async () => {
    const socket = await openSocket(await startSample())
    const request = '{"version": "1.1", "method": "getblockcount", "params": [], "id": 1}'
    for (let round = 0; round < 3; round++) {
      socket.write(
        `POST / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\nUser-Agent: python-bitcoinlib/0.11.2\r\nAuthorization: ${AUTHORIZATION}\r\nContent-type: application/json\r\nContent-Length: ${request.length}\r\n\r\n${request}`,
      )
      const text = await readUntil(socket, (seen) => seen.endsWith('}\n'))
      expect(text.endsWith(`\r\n\r\n${COUNT_REPLY}`)).toBe(true)
    }
  })
})

describe('health', () => {
  it('answers without a password', async () => {
    const sample = await startSample()
    const get = (path: string) => send(sample, { method: 'GET', path, headers: {} })
    expect(await get('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' })
    expect(await get('/readyz')).toMatchObject({
      status: 200,
      text: '{"ready":true,"reasons":[]}',
    })
    sample.readiness = { isReady: false, reasons: ['no peers'] }
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: '{"ready":false,"reasons":["no peers"]}',
    })
  })
})

describe('addresses and ports', () => {
  it('refuses to listen beyond loopback unless told who may come', async () => {
    await expect(startSample({ host: '0.0.0.0' })).rejects.toMatchObject({
      code: 'bad-settings',
      message: expect.stringContaining('--rpc-allow-ip'),
    })
    const sample = await startSample({ host: '0.0.0.0', allowIps: ['192.0.2.0/24'] })
    expect(sample.server.url).toBe(`http://127.0.0.1:${sample.server.port}`)
    expect((await send(sample)).status).toBe(200)
  })

  it('does not take sloppy HTTP beyond loopback', async () => {
    const sample = await startSample({ host: '0.0.0.0', allowIps: ['192.0.2.0/24'] })
    const socket = await openSocket(sample)
    socket.write(`POST / HTTP/1.1\nHost: localhost\nContent-Length: 2\n\n{}`)
    expect(await readUntil(socket, () => false)).toMatch(/^HTTP\/1.1 400 /)
  })

  it('says which setting to change when the port is taken', async () => {
    const { server } = await startSample()
    await expect(startSample({ port: server.port })).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'port-in-use',
      message: expect.stringMatching(new RegExp(`^rpc-port: port ${server.port} .*--rpc-port`)),
    })
  })
})

describe('close', () => {
  it('ends idle and silent connections at once', async () => {
    const sample = await startSample()
    const kept = await openSocket(sample)
    await openSocket(sample)
    kept.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: ${COUNT.length}\r\n\r\n${COUNT}`,
    )
    await readUntil(kept, (text) => text.endsWith(COUNT_REPLY))
    const startMs = performance.now()
    await sample.server.close()
    expect(performance.now() - startMs).toBeLessThan(CLOSE_GRACE_MS)
    await expect(send(sample)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('tells waiting calls to give up and lets their answers out', async () => {
    const sample = await startSample()
    const waiting = send(sample, { body: '{"method":"wait","id":1}' })
    await waitFor(() => sample.waiting.length === 1)
    const startMs = performance.now()
    await sample.server.close()
    expect((await waiting).text).toBe('{"result":"done","error":null,"id":1}\n')
    expect(performance.now() - startMs).toBeLessThan(CLOSE_GRACE_MS)
  })
})
