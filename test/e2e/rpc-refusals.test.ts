/** What the HTTP server says, byte for byte, where the library below it has words of its own. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type HttpServer, startHttpServer } from '../../src/platform/nodejs/http-server.ts'
import { systemClock } from '../../src/platform/system.ts'
import { createDispatcher } from '../../src/rpc/index.ts'
import { silentLog } from '../support/memory-chain.ts'

const PASSWORD = 'user:password'
const AUTHORIZATION = `Authorization: Basic ${btoa(PASSWORD)}\r\n`
const BODY = '{"method":"help","params":["help"],"id":1}'
const MAX_CONNECTIONS = 2

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function startServer(): Promise<HttpServer> {
  const tools = { log: silentLog, clock: systemClock }
  const deps = {
    dispatcher: createDispatcher({ methods: [], context: undefined, ...tools }),
    readiness: () => ({ isReady: true, reasons: [] }),
    ...tools,
  }
  const limits = { maxConnections: MAX_CONNECTIONS, maxHeaderBytes: 1_024, headersTimeoutMs: 1_000 }
  const server = await startHttpServer(deps, { port: 0, credentials: [PASSWORD], limits })
  cleanups.push(() => server.close())
  return server
}

async function open(server: HttpServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1')
  cleanups.push(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  return socket
}

function head(method: string, path: string, more = ''): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${more}`
}

const CALL = `${head('POST', '/', AUTHORIZATION)}Content-Length: ${BODY.length}\r\n\r\n${BODY}`

/** Status, type and body of the only answer that comes before the connection ends. */
async function readLast(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  const [headers = '', body] = text.split('\r\n\r\n')
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(headers) ?? []
  const [, type] = /^content-type: (.*)$/im.exec(headers) ?? []
  return `${status} ${type}: ${body}`
}

describe('a server without room for another connection', () => {
  const full = '503 text/plain: Too many connections'

  async function fill(server: HttpServer): Promise<void> {
    for (let i = 0; i < MAX_CONNECTIONS; i++) {
      const socket = await open(server)
      socket.write(CALL)
      await once(socket, 'data')
    }
  }

  it.each([
    ['a call', CALL],
    ['REST', `${head('GET', '/rest/chaininfo.json')}\r\n`],
    ['a stream of events', `${head('GET', '/events', AUTHORIZATION)}\r\n`],
    [
      'a WebSocket',
      `${head('GET', '/ws', AUTHORIZATION)}Upgrade: websocket\r\nConnection: upgrade\r\n\r\n`,
    ],
    ['nothing', ''],
  ])('answers %s with 503', async (_name, request) => {
    const server = await startServer()
    await fill(server)
    const socket = await open(server)
    socket.write(request)
    expect(await readLast(socket)).toBe(full)
  })

  it('tells the stranger that has to go for a newcomer', async () => {
    const server = await startServer()
    const strangers = [await open(server), await open(server)] as const
    const last = readLast(strangers[0])
    const newcomer = await open(server)
    newcomer.write(CALL)
    expect(`${await once(newcomer, 'data')}`).toMatch(/^HTTP\/1\.1 200 /)
    expect(await last).toBe(full)
    expect(strangers[1].closed).toBe(false)
  })

  it('holds no more than as many again', async () => {
    const server = await startServer()
    await fill(server)
    const others = []
    for (let i = 0; i <= MAX_CONNECTIONS; i++) others.push(readLast(await open(server)))
    expect((await Promise.all(others)).sort()).toEqual([
      full,
      full,
      'undefined undefined: undefined',
    ])
  })
})

describe('a request that cannot be read', () => {
  it.each([
    [
      'a broken escape',
      `${head('POST', '/wallet/%zz')}Connection: close\r\n\r\n`,
      '400',
      'URI parsing failed, it likely contained RFC 3986 invalid characters',
    ],
    ['no HTTP', 'hello\r\n\r\n', '400', 'Bad request'],
    [
      'long headers',
      `${head('GET', '/', `X: ${'x'.repeat(2_000)}\r\n`)}\r\n`,
      '431',
      'The headers are too long',
    ],
    ['half a head', head('GET', '/healthz'), '408', 'The request took too long'],
  ])('with %s is answered in plain text', async (_name, request, status, text) => {
    const socket = await open(await startServer())
    socket.write(request)
    expect(await readLast(socket)).toBe(`${status} text/plain: ${text}`)
  })
})
