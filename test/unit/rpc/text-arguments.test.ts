import { describe, expect, it } from 'vitest'
import { convertTextArguments, encodeJson } from '../../../src/rpc/index.ts'
import { SAMPLE_METHODS } from './sample-table.ts'

const method = (name: string) => SAMPLE_METHODS.find((sample) => sample.name === name)
const DIGITS = '1'.repeat(64)

describe('convertTextArguments', () => {
  it('keeps texts that look like numbers where a text is due', () => {
    expect(convertTextArguments(method('getblock'), [DIGITS, '2'], false)).toEqual([DIGITS, 2])
    expect(convertTextArguments(method('getblock'), ['5', 'true'], false)).toEqual(['5', true])
    expect(convertTextArguments(method('submitblock'), ['null'], false)).toEqual(['null'])
  })

  it('refuses what is no JSON where no text is due', () => {
    expect(() => convertTextArguments(method('getblockhash'), ['abc'], false)).toThrow(
      expect.objectContaining({ code: -1, message: 'Error parsing JSON: abc' }),
    )
  })

  it('takes either where both are due', () => {
    const words = ['bcrt1q', '0.1', '{"note":"5"}']
    expect(convertTextArguments(method('sendtoaddress'), words, false)).toEqual([
      'bcrt1q',
      0.1,
      { note: '5' },
    ])
  })

  it('guesses for a method that it does not know', () => {
    const words = ['5', 'true', '[1]', '"q"', 'abc', DIGITS, '0.5', 'null']
    expect(convertTextArguments(undefined, words, false)).toEqual([
      5,
      true,
      [1],
      '"q"',
      'abc',
      DIGITS,
      0.5,
      null,
    ])
  })

  it('reads names only when asked to', () => {
    expect(convertTextArguments(method('getblock'), ['verbosity=2'], false)).toEqual([
      'verbosity=2',
    ])
    expect(convertTextArguments(method('getblock'), ['12', 'verbose=false'], true)).toEqual({
      args: ['12'],
      verbose: false,
    })
    expect(convertTextArguments(method('getblock'), ['blockhash=1=2'], true)).toEqual({
      blockhash: '1=2',
    })
  })

  it('sends everything else as it was typed', () => {
    const typed = '{"a":1.0,"a":9007199254740993,"2":[1e400],"1":0.10}'
    const words = ['1.00000000000000000000001', typed]
    const params = convertTextArguments(undefined, words, false)
    expect(encodeJson(params as never)).toBe(`[${words.join(',')}]`)
    const named = convertTextArguments(
      undefined,
      ['x=1', 'x=2', 'args=[3]', '4', '__proto__=5'],
      true,
    )
    expect(encodeJson(named as never)).toBe('{"x":2,"args":[3],"__proto__":5,"args":[4]}')
  })
})
