import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MUHASH_STATE_SIZE, MuHash } from '../../../src/chain/index.ts'
import { toDisplayHex } from '../../../src/primitives/index.ts'
import { encodeHex } from '../../../src/util/index.ts'

/** An element as Bitcoin Core's own tests make them: 32 bytes, the first is a number. */
function numbered(value: number): Uint8Array {
  const element = new Uint8Array(32)
  element[0] = value
  return element
}

function hashOf(elements: Iterable<Uint8Array>): string {
  const hash = MuHash.empty()
  for (const element of elements) hash.insert(element)
  return encodeHex(hash.digest())
}

describe('MuHash', () => {
  it('is that of Bitcoin Core', () => {
    // crypto_tests.cpp, muhash_tests: {0, 1} without 2.
    const hash = MuHash.empty()
    hash.insert(numbered(0))
    hash.insert(numbered(1))
    hash.remove(numbered(2))
    expect(toDisplayHex(hash.digest())).toBe(
      '10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863',
    )
  })

  it('depends on the set alone, not on the way to it', () => {
    const element = fc.uint8Array({ minLength: 1, maxLength: 80 })
    const sets = fc.uniqueArray(element, { maxLength: 8, selector: (bytes) => encodeHex(bytes) })
    fc.assert(
      fc.property(sets, sets, fc.infiniteStream(fc.boolean()), (kept, passing, coins) => {
        const hash = MuHash.empty()
        const isKept = new Set(kept.map((bytes) => encodeHex(bytes)))
        const guests = passing.filter((bytes) => !isKept.has(encodeHex(bytes)))
        for (const guest of guests) hash.insert(guest)
        for (const bytes of [...kept].reverse()) hash.insert(bytes)
        for (const guest of guests) hash.remove(guest)
        const state = coins.next().value === true ? MuHash.fromState(hash.toState()) : hash
        expect(encodeHex(state.digest())).toBe(hashOf(kept))
      }),
      { numRuns: 30 },
    )
  })

  it('tells sets apart that differ in one bit, one element or one copy', () => {
    const base = [numbered(1), numbered(2)]
    const others = [[], [numbered(1)], [...base, numbered(3)], [numbered(1), numbered(3)]]
    const digests = [base, ...others, [...base, numbered(2)]].map(hashOf)
    expect(new Set(digests).size).toBe(digests.length)
  })

  it('has one state for one set', () => {
    const hash = MuHash.empty()
    const empty = encodeHex(hash.toState())
    hash.insert(numbered(9))
    hash.remove(numbered(9))
    expect(encodeHex(hash.toState())).toBe(empty)
    expect(hash.toState()).toHaveLength(MUHASH_STATE_SIZE)
  })
})
