import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import {
  createDispatcher,
  type Dispatcher,
  defineMethod,
  MAX_BATCH_ITEMS,
  MAX_JSON_DEPTH,
  MAX_LISTED_COMMANDS,
  type RpcMethod,
} from '../../../src/rpc/index.ts'
import { ManualClock, RecordingLog, SAMPLE_METHODS, type SampleContext } from './sample-table.ts'

function createSample(
  extra: readonly RpcMethod<SampleContext>[] = [],
  warmupStatus?: () => string | undefined,
) {
  const context: SampleContext = { height: 5, calls: [] }
  const log = new RecordingLog()
  const clock = new ManualClock()
  const dispatcher = createDispatcher({
    methods: [...SAMPLE_METHODS, ...extra],
    context,
    log,
    clock,
    logPath: '/var/log/quarry.log',
    ...(warmupStatus === undefined ? {} : { warmupStatus }),
  })
  return { dispatcher, context, log, clock }
}

async function send(dispatcher: Dispatcher, body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return dispatcher.handleText(text)
}

const HASH_5 = '5'.padStart(64, '0')

describe('the dialect table', () => {
  const cases: {
    name: string
    body: unknown
    status: number
    reply: unknown
  }[] = [
    {
      name: 'not JSON',
      body: '{"method":',
      status: 500,
      reply: { result: null, error: { code: -32700, message: 'Parse error' }, id: null },
    },
    {
      name: 'empty body',
      body: '',
      status: 500,
      reply: { result: null, error: { code: -32700, message: 'Parse error' }, id: null },
    },
    ...['5', '"x"', 'null', 'true'].map((body) => ({
      name: `top level ${body}`,
      body,
      status: 500,
      reply: {
        result: null,
        error: { code: -32700, message: 'Top-level object parse error' },
        id: null,
      },
    })),
    {
      name: '2.0 result',
      body: { jsonrpc: '2.0', id: 1, method: 'getblockcount' },
      status: 200,
      reply: { jsonrpc: '2.0', result: 5, id: 1 },
    },
    {
      name: '2.0 error stays 200',
      body: { jsonrpc: '2.0', id: 1, method: 'getblockhash', params: [9_999_999] },
      status: 200,
      reply: { jsonrpc: '2.0', error: { code: -8, message: 'Block height out of range' }, id: 1 },
    },
    {
      name: '2.0 unknown method stays 200',
      body: { jsonrpc: '2.0', id: 'a', method: 'nosuch' },
      status: 200,
      reply: { jsonrpc: '2.0', error: { code: -32601, message: 'Method not found' }, id: 'a' },
    },
    {
      name: '2.0 with a null id is answered',
      body: { jsonrpc: '2.0', id: null, method: 'getblockcount' },
      status: 200,
      reply: { jsonrpc: '2.0', result: 5, id: null },
    },
    {
      name: '2.0 invalid without id is no notification',
      body: { jsonrpc: '2.0' },
      status: 200,
      reply: { jsonrpc: '2.0', error: { code: -32600, message: 'Missing method' }, id: null },
    },
    {
      name: 'legacy result has a null error',
      body: { id: 1, method: 'getblockcount', params: [] },
      status: 200,
      reply: { result: 5, error: null, id: 1 },
    },
    {
      name: '"1.0" is legacy',
      body: { jsonrpc: '1.0', id: 1, method: 'getblockcount' },
      status: 200,
      reply: { result: 5, error: null, id: 1 },
    },
    {
      name: 'legacy error is 500',
      body: { id: 1, method: 'getblockhash', params: [9_999_999] },
      status: 500,
      reply: { result: null, error: { code: -8, message: 'Block height out of range' }, id: 1 },
    },
    {
      name: 'legacy unknown method is 404',
      body: { id: 1, method: 'nosuch' },
      status: 404,
      reply: { result: null, error: { code: -32601, message: 'Method not found' }, id: 1 },
    },
    {
      name: 'legacy invalid request is 400',
      body: { id: 1 },
      status: 400,
      reply: { result: null, error: { code: -32600, message: 'Missing method' }, id: 1 },
    },
    {
      name: 'legacy without id is answered without id',
      body: { method: 'getblockcount' },
      status: 200,
      reply: { result: 5, error: null },
    },
    {
      name: 'null result keeps its key',
      body: { id: 0, method: 'submitblock', params: ['00'] },
      status: 200,
      reply: { result: null, error: null, id: 0 },
    },
    {
      name: 'other version',
      body: { jsonrpc: '3.0', id: 1, method: 'getblockcount' },
      status: 400,
      reply: {
        result: null,
        error: { code: -32600, message: 'JSON-RPC version not supported' },
        id: 1,
      },
    },
    {
      name: 'version that is no text',
      body: { jsonrpc: 2, method: 'getblockcount' },
      status: 400,
      reply: {
        result: null,
        error: { code: -32600, message: 'jsonrpc field must be a string' },
      },
    },
    {
      name: 'method that is no text',
      body: { id: 1, method: 7 },
      status: 400,
      reply: { result: null, error: { code: -32600, message: 'Method must be a string' }, id: 1 },
    },
    {
      name: 'params that are neither list nor object',
      body: { id: 1, method: 'getblockcount', params: 'x' },
      status: 400,
      reply: {
        result: null,
        error: { code: -32600, message: 'Params must be an array or object' },
        id: 1,
      },
    },
    {
      name: 'null params are none',
      body: { id: 1, method: 'getblockcount', params: null },
      status: 200,
      reply: { result: 5, error: null, id: 1 },
    },
    { name: 'empty batch', body: [], status: 200, reply: [] },
    {
      name: 'batch: each item in its dialect, always 200',
      body: [
        { jsonrpc: '2.0', id: 1, method: 'getblockcount' },
        { id: 2, method: 'getblockhash', params: [99] },
        { jsonrpc: '2.0', method: 'getblockcount' },
        { id: 3, method: 'nosuch' },
        7,
      ],
      status: 200,
      reply: [
        { jsonrpc: '2.0', result: 5, id: 1 },
        { result: null, error: { code: -8, message: 'Block height out of range' }, id: 2 },
        { result: null, error: { code: -32601, message: 'Method not found' }, id: 3 },
        { result: null, error: { code: -32600, message: 'Invalid Request object' }, id: null },
      ],
    },
  ]
  it.each(cases)('$name', async ({ body, status, reply }) => {
    const { dispatcher } = createSample()
    const answer = await send(dispatcher, body)
    expect(JSON.parse(answer.text)).toEqual(reply)
    expect(answer.status).toBe(status)
  })

  it('runs a notification and answers 204 with nothing, even if it fails', async () => {
    const { dispatcher, context } = createSample()
    const good = await send(dispatcher, { jsonrpc: '2.0', method: 'getblockcount' })
    const bad = await send(dispatcher, { jsonrpc: '2.0', method: 'getblockhash', params: [99] })
    expect([good, bad]).toEqual([
      { status: 204, text: '' },
      { status: 204, text: '' },
    ])
    expect(context.calls).toEqual(['getblockcount', 'getblockhash'])
  })

  it('answers 204 to a batch of notifications alone', async () => {
    const { dispatcher } = createSample()
    const item = { jsonrpc: '2.0', method: 'getblockcount' }
    expect(await send(dispatcher, [item, item])).toEqual({ status: 204, text: '' })
  })
})

describe('exchanges byte for byte', () => {
  const exchanges = [
    {
      client: 'bitcoin-cli and jayson',
      request: '{"jsonrpc":"2.0","id":1,"method":"getblockhash","params":[9999999]}',
      status: 200,
      reply: '{"jsonrpc":"2.0","error":{"code":-8,"message":"Block height out of range"},"id":1}',
    },
    {
      client: 'python-bitcoinlib',
      request: '{"version": "1.1", "method": "getblockhash", "params": [9999999], "id": 1}',
      status: 500,
      reply: '{"result":null,"error":{"code":-8,"message":"Block height out of range"},"id":1}',
    },
    {
      client: 'public-pool (rpc-bitcoin)',
      request: '{"method":"getblockcount","params":{},"jsonrpc":"1.0","id":"x"}',
      status: 200,
      reply: '{"result":5,"error":null,"id":"x"}',
    },
    {
      client: 'public-pool submitting a block by name',
      request: '{"method":"submitblock","params":{"hexdata":"00"},"jsonrpc":"1.0","id":"x"}',
      status: 200,
      reply: '{"result":null,"error":null,"id":"x"}',
    },
    {
      client: 'ckpool, neither id nor jsonrpc nor params',
      request: '{"method": "getblockcount"}\n',
      status: 200,
      reply: '{"result":5,"error":null}',
    },
    {
      client: 'ckpool with params',
      request: '{"method": "getblockhash", "params": [5]}\n',
      status: 200,
      reply: `{"result":"${HASH_5}","error":null}`,
    },
    {
      client: 'cpuminer, id 0',
      request: '{"method": "submitblock", "params": ["00"], "id": 0}\r\n',
      status: 200,
      reply: '{"result":null,"error":null,"id":0}',
    },
  ]
  it.each(exchanges)('$client', async ({ request, status, reply }) => {
    const { dispatcher } = createSample()
    expect(await dispatcher.handleText(request)).toEqual({ status, text: reply })
  })
})

describe('limits', () => {
  it('refuses a batch beyond its limit and runs none of it', async () => {
    const { dispatcher, context } = createSample()
    const item = { jsonrpc: '2.0', id: 1, method: 'getblockcount' }
    const answer = await send(dispatcher, Array(MAX_BATCH_ITEMS + 1).fill(item))
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error.code).toBe(-32600)
    expect(context.calls).toEqual([])
  })

  it('answers a batch at its limit', async () => {
    const { dispatcher } = createSample()
    const item = { jsonrpc: '2.0', id: 1, method: 'getblockcount' }
    const answer = await send(dispatcher, Array(MAX_BATCH_ITEMS).fill(item))
    expect(JSON.parse(answer.text)).toHaveLength(MAX_BATCH_ITEMS)
  })

  it('takes nesting at the limit and refuses it beyond', async () => {
    const { dispatcher } = createSample()
    const nest = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
    const good = await dispatcher.handleText(nest(MAX_JSON_DEPTH))
    const bad = await dispatcher.handleText(nest(MAX_JSON_DEPTH + 1))
    expect(good.status).toBe(200)
    expect(bad.status).toBe(400)
    expect(JSON.parse(bad.text).error.code).toBe(-32600)
  })

  it('runs nothing more of a batch once its caller has gone', async () => {
    const controller = new AbortController()
    const leave = defineMethod({
      name: 'leave',
      category: 'hidden',
      summary: '',
      params: [],
      result: { schema: z.null() },
      handler: () => {
        controller.abort()
        return null
      },
    })
    const { dispatcher, context } = createSample([leave])
    const batch = ['getblockcount', 'leave', 'getblockcount'].map((method) => ({ id: 1, method }))
    const { body } = await dispatcher.handle(batch, { signal: controller.signal })
    expect(context.calls).toEqual(['getblockcount'])
    expect(body).toEqual([
      { result: 5, error: null, id: 1 },
      { result: null, error: null, id: 1 },
      { result: null, error: { code: -1, message: 'Call aborted' }, id: 1 },
    ])
  })

  it('lets other work in during a long batch', async () => {
    const slow = defineMethod({
      name: 'slow',
      category: 'hidden',
      summary: '',
      params: [],
      result: { schema: z.null() },
      handler: (): null => {
        clock.nowMs += 10
        return null
      },
    })
    const { dispatcher, clock } = createSample([slow])
    await dispatcher.handle(Array(10).fill({ id: 1, method: 'slow' }))
    expect(clock.scheduledCount).toBe(5)
  })

  it('lets other work in however many batches there are', async () => {
    let callsInTurn = 0
    let mostInTurn = 0
    const slow = defineMethod({
      name: 'slow',
      category: 'hidden',
      summary: '',
      params: [],
      result: { schema: z.null() },
      handler: (): null => {
        clock.nowMs += 10
        callsInTurn += 1
        mostInTurn = Math.max(mostInTurn, callsInTurn)
        return null
      },
    })
    const { dispatcher, clock } = createSample([slow])
    clock.schedule = (_delayMs, action) => {
      queueMicrotask(() => {
        callsInTurn = 0
        action()
      })
      return { cancel: () => {} }
    }
    const batch = Array(10).fill({ id: 1, method: 'slow' })
    const replies = await Promise.all(Array.from({ length: 5 }, () => dispatcher.handle(batch)))
    expect(replies.map(({ body }) => (body as readonly unknown[]).length)).toEqual(
      Array(5).fill(10),
    )
    // Twenty milliseconds' worth, in all of them together.
    expect(mostInTurn).toBe(2)
  })

  it('is not confused by keys that objects have by nature', async () => {
    const { dispatcher } = createSample()
    const proto = await send(
      dispatcher,
      '{"id":1,"method":"getblockcount","params":{"__proto__":1}}',
    )
    expect(JSON.parse(proto.text).error).toEqual({
      code: -8,
      message: 'Unknown named parameter __proto__',
    })
    const inherited = await send(dispatcher, '{"__proto__":{"method":"getblockcount"},"id":1}')
    expect(JSON.parse(inherited.text).error.message).toBe('Missing method')
    const name = await send(dispatcher, { id: 1, method: 'constructor' })
    expect(name.status).toBe(404)
  })
})

describe('failures and warm-up', () => {
  it('hides what went wrong inside from callers and logs it', async () => {
    const { dispatcher, log } = createSample()
    const legacy = await send(dispatcher, { id: 1, method: 'explode' })
    const modern = await send(dispatcher, { jsonrpc: '2.0', id: 1, method: 'explode' })
    expect([legacy.status, modern.status]).toEqual([500, 200])
    for (const { text } of [legacy, modern]) {
      expect(JSON.parse(text).error.code).toBe(-32603)
      expect(text).not.toContain('secret detail')
      expect(text).not.toContain('sample-table')
    }
    expect(
      log.lines.map(({ level, fields }) => [level, (fields as { error: string }).error]),
    ).toEqual([
      ['error', 'secret detail'],
      ['error', 'secret detail'],
    ])
  })

  it('answers an internal error when a result cannot be written', async () => {
    const broken = defineMethod({
      name: 'broken',
      category: 'hidden',
      summary: '',
      params: [],
      result: { schema: z.number() },
      handler: () => Number.NaN,
    })
    const { dispatcher, log } = createSample([broken])
    const answer = await send(dispatcher, { jsonrpc: '2.0', id: 1, method: 'broken' })
    expect(answer.status).toBe(500)
    expect(JSON.parse(answer.text).error.code).toBe(-32603)
    expect(log.lines).toHaveLength(1)
  })

  it('answers every call with -28 until the node is ready', async () => {
    let status: string | undefined = 'Loading block index…'
    const { dispatcher, context } = createSample([], () => status)
    const legacy = await send(dispatcher, { id: 1, method: 'getblockcount' })
    const modern = await send(dispatcher, { jsonrpc: '2.0', id: 1, method: 'nosuch' })
    expect(legacy).toEqual({
      status: 500,
      text: '{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":1}',
    })
    expect(modern.status).toBe(200)
    expect(JSON.parse(modern.text).error.code).toBe(-28)
    expect(context.calls).toEqual([])
    status = undefined
    expect((await send(dispatcher, { id: 1, method: 'getblockcount' })).status).toBe(200)
  })
})

describe('getrpcinfo', () => {
  it('lists calls that run, with microseconds, and forgets them', async () => {
    let finish: (value: null) => void = () => {}
    const wait = defineMethod({
      name: 'wait',
      category: 'hidden',
      summary: '',
      params: [],
      result: { schema: z.null() },
      handler: () =>
        new Promise<null>((resolve) => {
          finish = resolve
        }),
    })
    const { dispatcher, clock } = createSample([wait])
    const waiting = dispatcher.execute('wait')
    clock.nowMs += 15
    expect(await dispatcher.execute('getrpcinfo')).toEqual({
      active_commands: [
        { method: 'wait', duration: 15_000 },
        { method: 'getrpcinfo', duration: 0 },
      ],
      logpath: '/var/log/quarry.log',
    })
    finish(null)
    await waiting
    expect(dispatcher.activeCommands()).toEqual([])
  })

  it('lists at most so many', async () => {
    const releases: (() => void)[] = []
    const wait = defineMethod({
      name: 'wait',
      category: 'hidden',
      summary: '',
      params: [],
      result: { schema: z.null() },
      handler: () => new Promise<null>((resolve) => releases.push(() => resolve(null))),
    })
    const { dispatcher } = createSample([wait])
    const waiting = Array.from({ length: MAX_LISTED_COMMANDS + 1 }, () =>
      dispatcher.execute('wait'),
    )
    expect(dispatcher.activeCommands()).toHaveLength(MAX_LISTED_COMMANDS)
    for (const release of releases) release()
    expect(await Promise.all(waiting)).toHaveLength(MAX_LISTED_COMMANDS + 1)
    expect(dispatcher.activeCommands()).toEqual([])
  })
})

it('refuses a table that declares a method twice', () => {
  expect(() => createSample(SAMPLE_METHODS.slice(0, 1))).toThrow(/getblockcount is declared once/)
})
