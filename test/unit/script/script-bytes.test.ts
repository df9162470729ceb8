import { describe, expect, it } from 'vitest'
import {
  findAndDelete,
  isMinimalPush,
  isPushOnly,
  isUnspendable,
  pushData,
  readSteps,
  removeCodeSeparators,
} from '../../../src/script/script-bytes.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'

describe('walking over a script', () => {
  it.each([
    { script: '', whole: true, steps: 0 },
    { script: '51ac', whole: true, steps: 2 },
    { script: '02aabb', whole: true, steps: 1 },
    { script: '4c02aabb', whole: true, steps: 1 },
    { script: '4d0200aabb', whole: true, steps: 1 },
    { script: '4e02000000aabb', whole: true, steps: 1 },
    { script: '5102aa', whole: false, steps: 1 },
    { script: '4c', whole: false, steps: 0 },
    { script: '4d02', whole: false, steps: 0 },
    { script: '4effffffff00', whole: false, steps: 0 },
  ])('$script', ({ script, whole, steps }) => {
    const read = readSteps(decodeHex(script))
    expect(read.isWhole).toBe(whole)
    expect(read.steps.length).toBe(steps)
    expect(isPushOnly(decodeHex(script))).toBe(whole && script !== '51ac')
  })
})

describe('pushes', () => {
  it.each([
    [0, '00'],
    [75, '4b'],
    [76, '4c4c'],
    [255, '4cff'],
    [256, '4d0001'],
    [65_535, '4dffff'],
    [65_536, '4e00000100'],
  ])('of %i bytes have the shortest prefix', (size, prefix) => {
    const data = new Uint8Array(size).fill(0xab)
    const script = pushData(data)
    expect(encodeHex(script.subarray(0, prefix.length / 2))).toBe(prefix)
    expect(readSteps(script).steps).toEqual([{ opcode: script[0], data }])
    expect(isMinimalPush(script[0] ?? 0, data)).toBe(true)
  })

  it.each([
    { opcode: 0x01, data: '05' },
    { opcode: 0x01, data: '81' },
    { opcode: 0x4c, data: '' },
    { opcode: 0x4c, data: 'aabb' },
    { opcode: 0x4d, data: 'ab'.repeat(80) },
    { opcode: 0x4e, data: 'ab'.repeat(300) },
  ])('of $data by opcode $opcode are not minimal', ({ opcode, data }) => {
    expect(isMinimalPush(opcode, decodeHex(data))).toBe(false)
  })
})

describe('taking bytes out of a script', () => {
  // Cases of Core's script_FindAndDelete test.
  it.each([
    { script: '5152', pattern: '53', rest: '5152' },
    { script: '535152535453', pattern: '53', rest: '515254' },
    { script: '0302ff03', pattern: '0302ff03', rest: '' },
    { script: '0302ff030302ff03', pattern: '0302ff03', rest: '' },
    { script: '0302ff030302ff03', pattern: '02', rest: '0302ff030302ff03' },
    { script: '0302ff030302ff03', pattern: 'ff', rest: '0302ff030302ff03' },
    { script: '0302ff030302ff03', pattern: '03', rest: '02ff0302ff03' },
    { script: '02feed5169', pattern: 'feed51', rest: '02feed5169' },
    { script: '02feed5169', pattern: '02feed51', rest: '69' },
    { script: '516902feed5169', pattern: 'feed51', rest: '516902feed5169' },
    { script: '516902feed5169', pattern: '02feed51', rest: '516969' },
    { script: '00005151', pattern: '0051', rest: '0051' },
    { script: '0000515100005151', pattern: '0051', rest: '00510051' },
    { script: '0003feed', pattern: '03feed', rest: '00' },
    { script: '0003feed', pattern: '00', rest: '03feed' },
  ])('$pattern out of $script', ({ script, pattern, rest }) => {
    expect(encodeHex(findAndDelete(decodeHex(script), decodeHex(pattern)))).toBe(rest)
  })

  it('code separators, but not bytes in pushes that look like them', () => {
    expect(encodeHex(removeCodeSeparators(decodeHex('ab51abab01abac')))).toBe('5101abac')
    expect(encodeHex(removeCodeSeparators(decodeHex('ab02ab')))).toBe('02ab')
  })
})

describe('outputs that nothing can spend', () => {
  it('begin with OP_RETURN or are too long', () => {
    expect(isUnspendable(decodeHex('6a51'))).toBe(true)
    expect(isUnspendable(new Uint8Array(10_001))).toBe(true)
    expect(isUnspendable(new Uint8Array(10_000))).toBe(false)
    expect(isUnspendable(new Uint8Array())).toBe(false)
  })
})
