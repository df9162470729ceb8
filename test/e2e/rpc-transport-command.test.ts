import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import {
  COOKIE_FILE,
  RPC_ENDPOINT_FILE,
  readCookie,
  readRpcEndpoint,
  writeCookie,
  writeRpcEndpoint,
} from '../../src/platform/nodejs/cookie.ts'
import { startHttpServer } from '../../src/platform/nodejs/http-server.ts'
import {
  callRpc,
  type RpcCommandOptions,
  runRpcCommand,
} from '../../src/platform/nodejs/rpc-client.ts'
import { systemClock } from '../../src/platform/system.ts'
import { btcAmount, createDispatcher, defineMethod, RpcError } from '../../src/rpc/index.ts'

const METHODS = [
  defineMethod({
    name: 'echo',
    category: 'hidden',
    summary: 'Says what it was told.',
    params: [
      { name: 'text', schema: z.string(), description: '' },
      { name: 'count', schema: z.int().optional(), description: '' },
    ],
    result: { schema: z.unknown() },
    handler: (_context: undefined, { text, count }) => ({ text, count: count ?? null }),
  }),
  defineMethod({
    name: 'amounts',
    category: 'hidden',
    summary: '',
    params: [],
    result: { schema: z.unknown() },
    handler: () => ({ value: btcAmount(10_000_000n), list: [], big: 2n ** 64n }),
  }),
  defineMethod({
    name: 'text',
    category: 'hidden',
    summary: '',
    params: [],
    result: { schema: z.string() },
    handler: () => 'two\n"lines"',
  }),
  defineMethod({
    name: 'empty',
    category: 'hidden',
    summary: '',
    params: [],
    result: { schema: z.string() },
    handler: () => '',
  }),
  defineMethod({
    name: 'nothing',
    category: 'hidden',
    summary: '',
    params: [],
    result: { schema: z.null() },
    handler: () => null,
  }),
  defineMethod({
    name: 'fail',
    category: 'hidden',
    summary: '',
    params: [],
    result: { schema: z.null() },
    handler: () => {
      throw new RpcError(-28, 'Loading block index…')
    },
  }),
]

const ignore = () => {}
const log = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }
const cleanups: (() => Promise<unknown>)[] = []
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quarry-rpc-'))
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  await rm(directory, { recursive: true })
})

/** Serves RPC as a node does, with both files in `directory`. */
async function serve() {
  const cookie = await writeCookie(directory)
  const server = await startHttpServer(
    {
      dispatcher: createDispatcher({
        methods: METHODS,
        context: undefined,
        log,
        clock: systemClock,
      }),
      readiness: () => ({ isReady: true, reasons: [] }),
      log,
      clock: systemClock,
    },
    { port: 0, credentials: [cookie.credentials] },
  )
  cleanups.push(() => server.close())
  const endpoint = await writeRpcEndpoint(directory, { url: server.url, pid: process.pid })
  return { cookie, endpoint, server }
}

async function run(
  method: string,
  rawParams: string[] = [],
  more: Partial<RpcCommandOptions> = {},
) {
  let out = ''
  let error = ''
  const exitCode = await runRpcCommand({
    directory,
    method,
    rawParams,
    writeOut: (text) => {
      out += text
    },
    writeError: (text) => {
      error += text
    },
    ...more,
  })
  return { exitCode, out, error }
}

describe('the cookie', () => {
  it('is new each time, private, and of the form that clients know', async () => {
    const first = await writeCookie(directory)
    const second = await writeCookie(directory)
    expect(first.credentials).not.toBe(second.credentials)
    const path = join(directory, COOKIE_FILE)
    expect(await readFile(path, 'utf8')).toMatch(/^__cookie__:[0-9a-f]{64}$/)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual([COOKIE_FILE])
    expect(await readCookie(path)).toBe(second.credentials)
  })

  it('is private even where a left-over file was not', async () => {
    const path = join(directory, COOKIE_FILE)
    for (const leftOver of [path, `${path}.tmp`]) {
      await writeFile(leftOver, 'old', { mode: 0o644 })
      await chmod(leftOver, 0o644)
    }
    await writeCookie(directory)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('is removed at stop by the process that wrote it, and by no other', async () => {
    const first = await writeCookie(directory)
    const second = await writeCookie(directory)
    await first.remove()
    expect(await readCookie(second.path)).toBe(second.credentials)
    await second.remove()
    await second.remove()
    expect(await readdir(directory)).toEqual([])
  })

  it('says what to do when it cannot be written or is not there', async () => {
    const nowhere = join(directory, 'nosuch')
    await expect(writeCookie(nowhere)).rejects.toMatchObject({
      code: 'datadir-unusable',
      message: expect.stringContaining('--datadir'),
    })
    await expect(readCookie(join(nowhere, COOKIE_FILE))).rejects.toMatchObject({
      code: 'no-cookie',
      message: expect.stringContaining('quarry start'),
    })
  })

  it('is not taken from a file that holds something else', async () => {
    const path = join(directory, COOKIE_FILE)
    for (const content of ['', 'x', 'a b:c', `a:${'b'.repeat(5_000)}`]) {
      await writeFile(path, content)
      await expect(readCookie(path)).rejects.toMatchObject({ code: 'no-cookie' })
    }
  })
})

describe('the endpoint file', () => {
  it('is read as written, and removed only by its writer', async () => {
    const endpoint = { url: 'http://127.0.0.1:18443', pid: 7 }
    const old = await writeRpcEndpoint(directory, { ...endpoint, pid: 6 })
    const current = await writeRpcEndpoint(directory, endpoint)
    await old.remove()
    expect(await readRpcEndpoint(directory)).toEqual(endpoint)
    await current.remove()
    expect(await readRpcEndpoint(directory)).toBeUndefined()
  })

  it.each(['', '{', '{"url":"file:///etc/passwd","pid":1}', '{"pid":1}', 'null'])(
    'counts as missing with content %j',
    async (content) => {
      await writeFile(join(directory, RPC_ENDPOINT_FILE), content)
      expect(await readRpcEndpoint(directory)).toBeUndefined()
    },
  )
})

describe('quarry rpc', () => {
  it('finds the node and keeps the digits of amounts', async () => {
    await serve()
    expect(await run('amounts')).toEqual({
      exitCode: 0,
      out: '{\n  "value": 0.10000000,\n  "list": [],\n  "big": 18446744073709551616\n}\n',
      error: '',
    })
  })

  it('prints texts bare, and nothing for null or an empty text', async () => {
    await serve()
    expect((await run('text')).out).toBe('two\n"lines"\n')
    expect((await run('nothing')).out).toBe('')
    expect((await run('empty')).out).toBe('')
  })

  it('sends text where the method wants it, by place and by name', async () => {
    await serve()
    const digits = '1'.repeat(20)
    const reply = `{\n  "text": "${digits}",\n  "count": 5\n}\n`
    expect((await run('echo', [digits, '5'], { methods: METHODS })).out).toBe(reply)
    const named = { methods: METHODS, isNamed: true }
    expect((await run('echo', ['count=5', `text=${digits}`], named)).out).toBe(reply)
    expect((await run('echo', ['7', 'count=5'], named)).out).toContain('"text": "7"')
  })

  it('reports errors as bitcoin-cli does', async () => {
    await serve()
    expect(await run('fail')).toEqual({
      exitCode: 28,
      out: '',
      error: 'error code: -28\nerror message:\nLoading block index…\n',
    })
    expect(await run('nosuch')).toMatchObject({
      exitCode: 32_601,
      error: 'error code: -32601\nerror message:\nMethod not found\n',
    })
    expect(await run('echo', ['x', 'y'], { methods: METHODS })).toMatchObject({
      exitCode: 1,
      error: 'error code: -1\nerror message:\nError parsing JSON: y\n',
    })
  })

  it('explains that no node has run here', async () => {
    expect(await run('text')).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(/^error: There is no RPC cookie at .*quarry start.*--datadir/),
    })
  })

  it('explains that the node has gone', async () => {
    const { server } = await serve()
    await server.close()
    expect(await run('text')).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(/^error: Nothing listens at http:\/\/127.*quarry start/),
    })
  })

  it('explains that the cookie is of another node', async () => {
    await serve()
    await writeCookie(directory)
    expect(await run('text')).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(/refuses this cookie.*--datadir/),
    })
  })
})

describe('callRpc', () => {
  it('gives results and throws what the server answered', async () => {
    const { cookie, server } = await serve()
    const node = { url: server.url, auth: cookie.credentials }
    expect(await callRpc({ ...node, method: 'echo', params: ['a'] })).toEqual({
      text: 'a',
      count: null,
    })
    await expect(callRpc({ ...node, method: 'fail' })).rejects.toMatchObject({
      name: 'RpcError',
      code: -28,
    })
  })

  it('gives up after its time', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    cleanups.push(async () => {
      silent.closeAllConnections()
      silent.close()
    })
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    await expect(callRpc({ url, auth: 'a:b', method: 'm', timeoutMs: 50 })).rejects.toMatchObject({
      code: 'rpc-timeout',
    })
  })

  it.each(['<html>', '[]', '{}', '{"result":'])('refuses the answer %s', async (answer) => {
    const other = createServer((_request, response) => response.end(answer))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    cleanups.push(async () => {
      other.closeAllConnections()
      other.close()
    })
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    await expect(callRpc({ url, auth: 'a:b', method: 'm' })).rejects.toMatchObject({
      code: 'rpc-bad-reply',
    })
  })
})
