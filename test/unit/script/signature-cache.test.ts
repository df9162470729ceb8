import { describe, expect, it } from 'vitest'
import {
  SignatureCache,
  type SignatureEngine,
  SignatureNotCached,
} from '../../../src/script/index.ts'

/** Finds valid whatever begins with 1, and remembers what it was asked. */
function createEngine(): SignatureEngine & { readonly asked: string[] } {
  const asked: string[] = []
  const note =
    (kind: string) =>
    (...parts: Uint8Array[]) => {
      asked.push(`${kind} ${parts.map((part) => part.join('.')).join(' ')}`)
      return parts[1]?.[0] === 1
    }
  return {
    asked,
    verifyEcdsa: note('ecdsa'),
    verifySchnorr: note('schnorr'),
    tweakPublicKey: (key) => ({ key, parity: 0 }),
  }
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const KEY = bytes(7, 7)
const VALID = bytes(1, 2)
const INVALID = bytes(2, 2)
const HASH = bytes(9)

describe('SignatureCache', () => {
  it('asks once about a signature that is valid, each time about one that is not', () => {
    const engine = createEngine()
    const cached = new SignatureCache().createEngine(engine, true)
    for (let i = 0; i < 3; i++) {
      expect(cached.verifyEcdsa(KEY, VALID, HASH)).toBe(true)
      expect(cached.verifyEcdsa(KEY, INVALID, HASH)).toBe(false)
    }
    expect(engine.asked).toHaveLength(4)
  })

  it('tells apart kinds, keys, signatures and hashes, wherever one ends and the next begins', () => {
    const engine = createEngine()
    const cached = new SignatureCache().createEngine(engine, true)
    const questions = [
      () => cached.verifyEcdsa(KEY, VALID, HASH),
      () => cached.verifySchnorr(KEY, VALID, HASH),
      () => cached.verifyEcdsa(bytes(7, 8), VALID, HASH),
      () => cached.verifyEcdsa(KEY, bytes(1, 3), HASH),
      () => cached.verifyEcdsa(KEY, VALID, bytes(8)),
      () => cached.verifyEcdsa(bytes(7), bytes(1, 7, 2), HASH),
      () => cached.verifyEcdsa(bytes(7, 7, 1), bytes(1), bytes(2, 9)),
      () => cached.verifyEcdsa(KEY, bytes(1), bytes(2, 9)),
    ]
    for (const ask of questions) expect(ask()).toBe(true)
    expect(new Set(engine.asked).size).toBe(questions.length)
    for (const ask of questions) expect(ask()).toBe(true)
    expect(engine.asked).toHaveLength(questions.length)
  })

  it('forgets what was used longest ago', () => {
    const engine = createEngine()
    const cache = new SignatureCache(2)
    const cached = cache.createEngine(engine, true)
    const ask = (n: number) => cached.verifySchnorr(KEY, bytes(1, n), HASH)
    for (const n of [1, 2, 1, 3, 1, 2]) expect(ask(n)).toBe(true)
    expect([cache.size, engine.asked.length]).toEqual([2, 4])
  })

  it('only looks, where it is told not to remember', () => {
    const engine = createEngine()
    const cache = new SignatureCache()
    const looking = cache.createEngine(engine, false)
    expect(looking.verifyEcdsa(KEY, VALID, HASH)).toBe(true)
    expect(cache.size).toBe(0)
    cache.createEngine(engine, true).verifyEcdsa(KEY, VALID, HASH)
    expect(looking.verifyEcdsa(KEY, VALID, HASH)).toBe(true)
    expect(engine.asked).toHaveLength(2)
  })

  it('ends a verification from memory that needs more', () => {
    const engine = createEngine()
    const cache = new SignatureCache()
    const recalling = cache.createRecallEngine(engine)
    expect(() => recalling.verifyEcdsa(KEY, VALID, HASH)).toThrow(SignatureNotCached)
    cache.createEngine(engine, true).verifyEcdsa(KEY, VALID, HASH)
    expect(recalling.verifyEcdsa(KEY, VALID, HASH)).toBe(true)
    expect(() => recalling.verifyEcdsa(KEY, INVALID, HASH)).toThrow(SignatureNotCached)
    expect(recalling.tweakPublicKey(KEY, HASH)).toEqual({ key: KEY, parity: 0 })
    expect(engine.asked).toHaveLength(1)
  })
})
