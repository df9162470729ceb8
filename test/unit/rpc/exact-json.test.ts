import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createDispatcher,
  encodeJson,
  JsonMembers,
  MAX_JSON_DEPTH,
  readExactJson,
  toPlainJson,
} from '../../../src/rpc/index.ts'
import { ManualClock, RecordingLog, SAMPLE_METHODS } from './sample-table.ts'

const log = new RecordingLog()
const dispatcher = createDispatcher({
  methods: SAMPLE_METHODS,
  context: { height: 5, calls: [] },
  log,
  clock: new ManualClock(),
})

/** What the runtime's reader makes of a text; undefined if it is no JSON to it. */
function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

function read(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: readExactJson(text) }
  } catch (error) {
    expect(error).toMatchObject({ code: -32700, message: 'Parse error' })
    return undefined
  }
}

/** The members of every object of the runtime's, or of ours with the last of equal keys, sorted. */
function normalise(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalise)
  if (typeof value !== 'object' || value === null) return toPlainJson(value)
  if (!(value instanceof JsonMembers) && Object.getPrototypeOf(value) !== Object.prototype) {
    return toPlainJson(value)
  }
  const entries = value instanceof JsonMembers ? value.entries : Object.entries(value)
  const last = new Map<string, unknown>(entries.map(([key, item]) => [key, normalise(item)]))
  return [...last].sort(([a], [b]) => (a < b ? -1 : 1))
}

describe('readExactJson', () => {
  const change = fc.tuple(
    fc.nat(),
    fc.nat(2),
    fc.constantFrom(
      '',
      '"',
      '\\',
      ',',
      ':',
      '{',
      '}',
      '[',
      ']',
      '0',
      '-',
      '.',
      'e',
      ' ',
      '\n',
      '\u0001',
      'null',
      '"__proto__":1,',
    ),
  )

  it('takes what the runtime takes, with the same values, and nothing else', () => {
    fc.assert(
      fc.property(fc.json(), fc.array(change, { maxLength: 3 }), (json, changes) => {
        let text = json
        for (const [at, cut, put] of changes) {
          const start = at % (text.length + 1)
          text = text.slice(0, start) + put + text.slice(start + cut)
        }
        const theirs = parse(text)
        const ours = read(text)
        expect(ours === undefined).toBe(theirs === undefined)
        if (theirs !== undefined) expect(normalise(ours?.value)).toEqual(normalise(theirs.value))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    '9007199254740993',
    '1.0',
    '-0',
    '1e400',
    '0.10',
    '{"b":1,"a":2,"b":3}',
    '{"x":1,"2":1,"1":[{"__proto__":1E5}]}',
    '["\\"",{"constructor":null,"toString":1.5}]',
    '{"a":":","a":{"b":1,"b":"::"}}',
    '[1e5,1]',
    '[1,{"a":2E5}]',
    '{"a":-0}',
    '[{"a":[1000000000000001000000]}]',
    '[{"10":1,"9":2}]',
  ])('keeps %s as it was sent', (text) => {
    expect(encodeJson(readExactJson(text) as never)).toBe(text)
  })

  it('refuses deep nesting', () => {
    const nested = (depth: number): string =>
      `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`
    expect(() => readExactJson(nested(MAX_JSON_DEPTH))).not.toThrow()
    const refusal = expect.objectContaining({ code: -32600 })
    expect(() => readExactJson(nested(MAX_JSON_DEPTH + 2))).toThrow(refusal)
    expect(() => readExactJson('['.repeat(1_000_000))).toThrow(refusal)
  })
})

describe('a request', () => {
  const answer = async (text: string): Promise<string> => (await dispatcher.handleText(text)).text

  it.each([
    '9007199254740993',
    '1764550000123456789',
    '1.0',
    '1e400',
    '-0',
    '{"2":1,"1":2,"2":3}',
    '"a"',
  ])('gets its id %s back as it was sent, alone and in a batch', async (id) => {
    const call = `{"method":"getblockcount","id":${id}}`
    const reply = `{"result":5,"error":null,"id":${id}}`
    expect(await answer(call)).toBe(reply)
    expect(await answer(`[${call},${call}]`)).toBe(`[${reply},${reply}]`)
    expect(await answer(`{"jsonrpc":"2.0","method":"no","id":${id}}`)).toContain(`"id":${id}}`)
  })

  it('counts the first of equal keys, as Bitcoin Core', async () => {
    expect(await answer('{"method":"getblockcount","method":"no","id":1,"id":2}')).toBe(
      '{"result":5,"error":null,"id":1}',
    )
  })

  it.each([
    ['{"height":1,"height":2}', -8, 'Parameter height specified multiple times'],
    ['{"args":[1],"args":[2]}', -8, 'Parameter args specified multiple times'],
    ['{"__proto__":1,"height":1}', -8, 'Unknown named parameter __proto__'],
    ['[1.0]', -1, 'JSON integer out of range'],
    ['[1e0]', -1, 'JSON integer out of range'],
    ['[9007199254740993]', -1, 'JSON integer out of range'],
    ['1.0', -32600, 'Params must be an array or object'],
  ])('with the parameters %s is refused', async (params, code, message) => {
    const { error } = JSON.parse(await answer(`{"method":"getblockhash","params":${params}}`))
    expect(error).toEqual({ code, message })
  })

  it('that is a number beyond doubles is refused without harm', async () => {
    expect(await answer('1e400')).toContain('Top-level object parse error')
    expect(log.lines).toEqual([])
  })
})
