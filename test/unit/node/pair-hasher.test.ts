import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type HashEngine, ReferenceHashEngine } from '../../../src/mining/index.ts'
import { createPairHasher } from '../../../src/node/pair-hasher.ts'
import { hashPairs } from '../../../src/primitives/index.ts'

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const LONG = 64 * 256

class CountingEngine extends ReferenceHashEngine {
  rows = 0

  override hashPairs(pairs: Uint8Array): Uint8Array {
    this.rows += 1
    return super.hashPairs(pairs)
  }
}

describe('createPairHasher', () => {
  it('gives long rows to an engine that is loaded once, and short ones never', async () => {
    const engine = new CountingEngine()
    let loads = 0
    const hash = createPairHasher(async (): Promise<HashEngine> => {
      loads += 1
      return engine
    }, SILENT)
    const short = randomBytes(LONG - 64)
    expect(hash(short)).toEqual(hashPairs(short))
    expect(loads).toBe(0)
    for (const rows of [0, 1, 2]) {
      const long = randomBytes(LONG)
      expect(hash(long)).toEqual(hashPairs(long))
      expect([loads, engine.rows]).toEqual([1, rows])
      // The engine comes between two rows.
      await Promise.resolve()
      await Promise.resolve()
    }
    hash(short)
    expect(engine.rows).toBe(2)
  })

  it('goes on without an engine where none runs', async () => {
    const warnings: string[] = []
    const log = { ...SILENT, warn: (message: string) => warnings.push(message) }
    const hash = createPairHasher(() => Promise.reject(new Error('no such thing')), log)
    const long = randomBytes(LONG)
    for (let i = 0; i < 3; i++) {
      expect(hash(long)).toEqual(hashPairs(long))
      await Promise.resolve()
      await Promise.resolve()
    }
    expect(warnings).toEqual(['merkle trees are hashed slowly'])
  })
})
