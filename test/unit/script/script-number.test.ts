import { describe, expect, it } from 'vitest'
import { ScriptError } from '../../../src/script/script-error.ts'
import {
  decodeBoolean,
  decodeScriptNumber,
  encodeScriptNumber,
} from '../../../src/script/script-number.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'

describe('script numbers', () => {
  it.each([
    [0, ''],
    [-1, '81'],
    [127, '7f'],
    [128, '8000'],
    [-128, '8080'],
    [-255, 'ff80'],
    [256, '0001'],
    [2_147_483_647, 'ffffff7f'],
    [-2_147_483_647, 'ffffffff'],
    [549_755_813_887, 'ffffffff7f'],
  ])('%i is %s', (value, hex) => {
    expect(encodeHex(encodeScriptNumber(value))).toBe(hex)
    expect(decodeScriptNumber(decodeHex(hex), true, 5)).toBe(value)
  })

  it.each(['00', '80', '0100', '0180', 'ff0000'])('%s is not in its shortest form', (hex) => {
    expect(() => decodeScriptNumber(decodeHex(hex), true)).toThrow(ScriptError)
    expect(Math.abs(decodeScriptNumber(decodeHex(hex), false))).toBeLessThan(256)
  })

  it('have at most as many bytes as the opcode takes', () => {
    expect(() => decodeScriptNumber(new Uint8Array(5), false)).toThrow('SCRIPTNUM')
    expect(decodeScriptNumber(new Uint8Array(5), false, 5)).toBe(0)
  })

  it.each([
    ['', false],
    ['00', false],
    ['80', false],
    ['0080', false],
    ['8000', true],
    ['01', true],
    ['0081', true],
  ])('as a truth value %s is %s', (hex, expected) => {
    expect(decodeBoolean(decodeHex(hex))).toBe(expected)
  })
})
