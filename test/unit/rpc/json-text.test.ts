import { describe, expect, it } from 'vitest'
import {
  btcAmount,
  encodeJson,
  encodeJsonPieces,
  indentJson,
  JsonNumber,
  JsonText,
  parseBtcAmount,
  parseJson,
  type RpcValue,
  splitJsonObject,
} from '../../../src/rpc/index.ts'

describe('amounts', () => {
  it.each([
    [10_000_000n, '0.10000000'],
    [1n, '0.00000001'],
    [0n, '0.00000000'],
    [-1n, '-0.00000001'],
    [5_000_000_000n, '50.00000000'],
    [2_099_999_997_690_000n, '20999999.97690000'],
    [-150_000_000n, '-1.50000000'],
  ])('%s sat is written as %s', (sats, text) => {
    expect(encodeJson({ value: btcAmount(sats) })).toBe(`{"value":${text}}`)
  })

  it.each([
    [0.1, 10_000_000n],
    ['0.1', 10_000_000n],
    ['0.10000000', 10_000_000n],
    [1e-8, 1n],
    ['1e-8', 1n],
    [21_000_000, 2_100_000_000_000_000n],
    [20_999_999.9769, 2_099_999_997_690_000n],
    [20_999_999.99999999, 2_099_999_999_999_999n],
    ['0.100000000000', 10_000_000n],
    [0, 0n],
  ])('%s coins are %s sat', (value, sats) => {
    expect(parseBtcAmount(value)).toBe(sats)
  })

  it.each([
    ['0.123456789', 'Invalid amount'],
    ['', 'Invalid amount'],
    ['1 ', 'Invalid amount'],
    ['.5', 'Invalid amount'],
    ['0x10', 'Invalid amount'],
    ['1e999', 'Invalid amount'],
    ['01', 'Invalid amount'],
    ['00.1', 'Invalid amount'],
    ['-01', 'Invalid amount'],
    ['0e30', 'Invalid amount'],
    [new JsonNumber('1.00000000000000000000001'), 'Invalid amount'],
    ['1e9999', 'Invalid amount'],
    ['9'.repeat(65), 'Invalid amount'],
    [Number.NaN, 'Invalid amount'],
    [-0.5, 'Amount out of range'],
    [21_000_000.1, 'Amount out of range'],
    [true, 'Amount is not a number or string'],
    [null, 'Amount is not a number or string'],
  ])('%s is refused: %s', (value, message) => {
    expect(() => parseBtcAmount(value)).toThrow(expect.objectContaining({ code: -3, message }))
  })

  it('reads every double that it can have written', () => {
    for (let i = 0n; i < 2_000n; i++) {
      const sats = 2_100_000_000_000_000n - i * 1_049_999_999_999n
      expect(parseBtcAmount(JSON.parse(btcAmount(sats).toString()))).toBe(sats)
    }
  })
})

describe('encodeJson', () => {
  const values: [RpcValue, string][] = [
    [null, 'null'],
    [4.656542373906925e-10, '4.656542373906925e-10'],
    [1e21, '1e+21'],
    [18_446_744_073_709_551_615n, '18446744073709551615'],
    ['a"\\\n\u2028\ud800', JSON.stringify('a"\\\n\u2028\ud800')],
    [{ a: undefined, b: [true, {}], 'c"': [] }, '{"b":[true,{}],"c\\"":[]}'],
  ]
  it.each(values)('writes %s', (value, text) => {
    expect(encodeJson(value)).toBe(text)
    expect(() => JSON.parse(text)).not.toThrow()
  })

  it('refuses what JSON cannot say', () => {
    expect(() => encodeJson([Number.POSITIVE_INFINITY])).toThrow(/no number/)
    const loop: RpcValue[] = []
    loop.push(loop)
    expect(() => encodeJson(loop)).toThrow(/nested too deep/)
  })
})

describe('parseJson', () => {
  it('does not count brackets inside texts', () => {
    const text = JSON.stringify(`\\"${'['.repeat(10_000)}`)
    expect(parseJson(text)).toBe(JSON.parse(text))
  })

  it('counts depth and not brackets', () => {
    const text = `[${'[],'.repeat(5_000)}[]]`
    expect(parseJson(text)).toHaveLength(5_001)
  })

  it('refuses a million opening brackets without harm', () => {
    expect(() => parseJson('['.repeat(1_000_000))).toThrow(
      expect.objectContaining({ code: -32600 }),
    )
  })
})

describe('pieces', () => {
  const large = new JsonText(`"${'x'.repeat(65_534)}"`)
  const small = new JsonText('{"a":1}')

  it('are one where nothing is large', () => {
    const value = { a: [small, '\0'], b: null }
    expect(encodeJsonPieces(value)).toEqual(['{"a":[{"a":1},"\\u0000"],"b":null}'])
  })

  it.each<{ what: string; value: RpcValue; count: number }>([
    { what: 'alone', value: large, count: 3 },
    { what: 'at the end', value: { a: '\0', b: small, c: large }, count: 3 },
    { what: 'side by side', value: [large, large, { a: [large] }, 'end'], count: 7 },
  ])('keep large texts as they are, $what', ({ value, count }) => {
    const pieces = encodeJsonPieces(value)
    expect(pieces).toHaveLength(count)
    expect(pieces.filter((piece) => piece === large)).toHaveLength((count - 1) / 2)
    expect(pieces.map(String).join('')).toBe(encodeJson(value))
  })
})

describe('texts that keep their numbers', () => {
  const text =
    '{"result": {"a":0.10000000,"b":[],"c":{} , "d":["x,]}\\"",1e-9]},"error" :null,"id":1}'

  it('cuts an object into its members', () => {
    expect([...(splitJsonObject(text) ?? [])]).toEqual([
      ['result', '{"a":0.10000000,"b":[],"c":{} , "d":["x,]}\\"",1e-9]}'],
      ['error', 'null'],
      ['id', '1'],
    ])
    expect(splitJsonObject('[1]')).toBeUndefined()
    expect([...(splitJsonObject('{}') ?? [['none', '']])]).toEqual([])
  })

  it('indents', () => {
    expect(indentJson(splitJsonObject(text)?.get('result') ?? '')).toBe(
      '{\n  "a": 0.10000000,\n  "b": [],\n  "c": {},\n  "d": [\n    "x,]}\\"",\n    1e-9\n  ]\n}',
    )
  })

  it('indents as JSON.stringify does', () => {
    const value = { a: [1, { b: [] }, [[{}]]], 'k:,"': ' x ', c: null }
    expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2))
  })
})
