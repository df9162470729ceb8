import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import {
  bindArguments,
  defineMethod,
  formatMethodHelp,
  type MethodSignature,
  RpcError,
  type RpcParams,
} from '../../../src/rpc/index.ts'
import { SAMPLE_METHODS } from './sample-table.ts'

function sample(name: string): MethodSignature {
  const found = SAMPLE_METHODS.find((method) => method.name === name)
  if (found === undefined) throw new TypeError(`no sample ${name}`)
  return found
}

function refusal(method: string, params: RpcParams): { code: number; message: string } {
  try {
    bindArguments(sample(method), params)
  } catch (error) {
    if (error instanceof RpcError) return { code: error.code, message: error.message }
    throw error
  }
  throw new TypeError('was not refused')
}

describe('good arguments', () => {
  const cases: { name: string; params: RpcParams; args: unknown }[] = [
    { name: 'positional', params: ['ab', 2], args: { blockhash: 'ab', verbosity: 2 } },
    { name: 'default', params: ['ab'], args: { blockhash: 'ab', verbosity: 1 } },
    { name: 'null for a default', params: ['ab', null], args: { blockhash: 'ab', verbosity: 1 } },
    {
      name: 'trailing nulls',
      params: ['ab', 0, null, null],
      args: { blockhash: 'ab', verbosity: 0 },
    },
    {
      name: 'other type of a union',
      params: ['ab', false],
      args: { blockhash: 'ab', verbosity: false },
    },
    {
      name: 'named',
      params: { verbosity: 2, blockhash: 'ab' },
      args: { blockhash: 'ab', verbosity: 2 },
    },
    {
      name: 'named by an alias',
      params: { blockhash: 'ab', verbose: true },
      args: { blockhash: 'ab', verbosity: true },
    },
    {
      name: 'leading positional in args',
      params: { args: ['ab'], verbosity: 2 },
      args: { blockhash: 'ab', verbosity: 2 },
    },
  ]
  it.each(cases)('$name', ({ params, args }) => {
    expect(bindArguments(sample('getblock'), params)).toEqual(args)
  })

  it('gives amounts as satoshis', () => {
    expect(bindArguments(sample('sendtoaddress'), ['bcrt1q', 0.1])).toMatchObject({
      amount: 10_000_000n,
    })
  })
})

describe('refusals', () => {
  it.each([
    ['missing', []],
    ['missing by name', {}],
    ['too many', ['ab', 1, 2]],
    ['too many in args', { args: ['ab', 1, 2] }],
  ] as [string, RpcParams][])('%s arguments get -1 and the help text', (_name, params) => {
    expect(refusal('getblock', params)).toEqual({
      code: -1,
      message: formatMethodHelp(sample('getblock')),
    })
  })

  it.each([
    ['unknown name', { blockhash: 'ab', nosuch: 1 }, 'Unknown named parameter nosuch'],
    [
      'positional and named',
      { args: ['ab'], blockhash: 'ab' },
      'Parameter blockhash specified twice both as positional and named argument',
    ],
    [
      'name and alias',
      { blockhash: 'ab', verbosity: 1, verbose: true },
      'Parameter verbose specified multiple times',
    ],
    ['args that is no list', { args: 'ab' }, 'Unknown named parameter args'],
  ] as [string, RpcParams, string][])('%s gets -8', (_name, params, message) => {
    expect(refusal('getblock', params)).toEqual({ code: -8, message })
  })

  it('wrong types get -3, all in one message', () => {
    expect(refusal('getblock', [5, 'x'])).toEqual({
      code: -3,
      message:
        'Wrong type passed:\n{\n' +
        '    "Position 1 (blockhash)": "JSON value of type number is not of expected type string",\n' +
        '    "Position 2 (verbosity)": "JSON value of type string is not of expected type number"\n}',
    })
  })

  it('null for a required argument is of the wrong type', () => {
    expect(refusal('getblock', { verbosity: 1 })).toMatchObject({
      code: -3,
      message: expect.stringContaining('JSON value of type null is not of expected type string'),
    })
  })

  it.each([[1.5], [1e300]])('%d is no integer: -1', (height) => {
    expect(refusal('getblockhash', [height])).toEqual({
      code: -1,
      message: 'JSON integer out of range',
    })
  })

  it('also finds that inside a union', () => {
    expect(refusal('getblock', ['ab', 1.5])).toEqual({
      code: -1,
      message: 'JSON integer out of range',
    })
  })

  it.each([
    ['wrong value', ['xyz', 1], -5, 'Invalid address'],
    ['too many decimals', ['bcrt1q', '0.123456789'], -3, 'Invalid amount'],
    ['negative', ['bcrt1q', -1], -3, 'Amount out of range'],
    ['missing field', ['bcrt1q', 1, {}], -3, 'Missing note'],
    [
      'field of the wrong type',
      ['bcrt1q', 1, { note: 1 }],
      -3,
      'JSON value of type number for field note is not of expected type string',
    ],
    [
      'element of the wrong type',
      ['bcrt1q', 1, { note: '', tags: [true] }],
      -3,
      'JSON value of type bool for field tags is not of expected type string',
    ],
    ['unknown field', ['bcrt1q', 1, { note: '', x: 1 }], -3, 'Unexpected key x'],
  ] as [string, RpcParams, number, string][])('%s', (_name, params, code, message) => {
    expect(refusal('sendtoaddress', params)).toEqual({ code, message })
  })

  it("names the parameter where a schema's message does not", () => {
    const method = defineMethod({
      name: 'm',
      category: 'util',
      summary: '',
      params: [{ name: 'count', schema: z.int().min(1), description: '' }],
      result: { schema: z.null() },
      handler: () => null,
    })
    expect(() => bindArguments(method, [0])).toThrow(
      new RpcError(-8, 'Invalid parameter count: Too small: expected number to be >=1'),
    )
  })
})

describe('defineMethod', () => {
  const declare = (names: readonly string[]) =>
    defineMethod({
      name: 'm',
      category: 'util',
      summary: '',
      params: names.map((name) => ({ name, schema: z.string(), description: '' })),
      result: { schema: z.null() },
      handler: () => null,
    })

  it('refuses doubled names and the reserved one', () => {
    expect(() => declare(['a', 'a'])).toThrow(/names of its own/)
    expect(() => declare(['args'])).toThrow(/names of its own/)
  })
})
