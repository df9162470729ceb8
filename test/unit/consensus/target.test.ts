import { describe, expect, it } from 'vitest'
import {
  computeDifficulty,
  computeWork,
  decodeBits,
  deriveTarget,
  encodeBits,
  hashToNumber,
  targetToBytes,
} from '../../../src/consensus/index.ts'

describe('decodeBits', () => {
  // The cases of Bitcoin Core's arith_uint256 tests, written out.
  it.each([
    { bits: 0x00000000, target: 0n, compact: 0 },
    { bits: 0x00123456, target: 0n, compact: 0 },
    { bits: 0x01003456, target: 0n, compact: 0 },
    { bits: 0x02000056, target: 0n, compact: 0 },
    { bits: 0x04000000, target: 0n, compact: 0 },
    { bits: 0x00923456, target: 0n, compact: 0 },
    { bits: 0x01803456, target: 0n, compact: 0 },
    { bits: 0x01123456, target: 0x12n, compact: 0x01120000 },
    { bits: 0x02123456, target: 0x1234n, compact: 0x02123400 },
    { bits: 0x03123456, target: 0x123456n, compact: 0x03123456 },
    { bits: 0x04123456, target: 0x12345600n, compact: 0x04123456 },
    { bits: 0x05009234, target: 0x92340000n, compact: 0x05009234 },
    { bits: 0x20123456, target: 0x123456n << 232n, compact: 0x20123456 },
  ])('$bits is $target', ({ bits, target, compact }) => {
    expect(decodeBits(bits)).toEqual({ target, isNegative: false, isOverflow: false })
    expect(encodeBits(target)).toBe(compact)
  })

  it.each([0x01fedcba, 0x04923456])('%i is negative', (bits) => {
    expect(decodeBits(bits).isNegative).toBe(true)
    expect(deriveTarget(bits, (1n << 255n) - 1n)).toBeUndefined()
    expect(computeWork(bits)).toBe(0n)
  })

  it.each([0xff123456, 0x23000001, 0x22000100, 0x21010000])('%i overflows', (bits) => {
    expect(decodeBits(bits).isOverflow).toBe(true)
    expect(deriveTarget(bits, (1n << 256n) - 1n)).toBeUndefined()
  })

  it.each([0x220000ff, 0x2100ffff, 0x20010000])('%i is the largest of its size', (bits) => {
    expect(decodeBits(bits).isOverflow).toBe(false)
  })

  it('keeps the sign bit free when encoding', () => {
    expect(encodeBits(0x80n)).toBe(0x02008000)
  })

  it('refuses targets above the limit', () => {
    const limit = decodeBits(0x1d00ffff).target
    expect(deriveTarget(0x1d00ffff, limit)).toBe(limit)
    expect(deriveTarget(0x1d010000, limit)).toBeUndefined()
  })
})

describe('work and difficulty', () => {
  it('are those of mainnet genesis at its bits', () => {
    expect(computeWork(0x1d00ffff)).toBe(0x100010001n)
    expect(computeDifficulty(0x1d00ffff)).toBe(1)
  })

  it('follow the bits', () => {
    expect(computeWork(0x207fffff)).toBe(2n)
    // Difficulty of block 125552, as every explorer shows it.
    expect(computeDifficulty(0x1a44b9f2)).toBeCloseTo(244_112.487_774_34, 7)
  })
})

describe('hashToNumber', () => {
  it('reads little-endian, the inverse of targetToBytes', () => {
    const number = 0x0102n + (0xffn << 248n)
    expect(hashToNumber(targetToBytes(number))).toBe(number)
    expect(targetToBytes(0x0102n)[0]).toBe(0x02)
  })
})
