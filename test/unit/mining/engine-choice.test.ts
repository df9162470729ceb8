import { describe, expect, it } from 'vitest'
import { chooseFastest, createFastestEngine } from '../../../src/mining/engine-choice.ts'
import { type HashEngine, ReferenceHashEngine, WasmHashEngine } from '../../../src/mining/index.ts'
import { systemClock } from '../../../src/platform/system.ts'
import { simdModule } from '../../support/loop-worker.ts'

/** An engine that forgets its first hit, and is the faster for it. */
function createWrongEngine(): HashEngine {
  const engine = new WasmHashEngine(simdModule)
  return {
    name: 'wrong',
    prepare: (job) => engine.prepare(job),
    scan(start, count) {
      const { noncesDone, hits } = engine.scan(start, Math.min(count, 64))
      return { noncesDone: Math.max(noncesDone, count), hits: hits.slice(1) }
    },
    hashHeaders: (headers) => engine.hashHeaders(headers),
    hashPairs: (pairs) => engine.hashPairs(pairs),
  }
}

describe('the choice of an engine', () => {
  it('falls on a compiled kernel rather than on the reference', () => {
    const kernels = [0, 1].map((kernel) => new WasmHashEngine(simdModule, { kernel }))
    expect(kernels).toContain(chooseFastest([new ReferenceHashEngine(), ...kernels], systemClock))
  })

  it('never falls on one that does not find what the reference finds', () => {
    const right = new WasmHashEngine(simdModule, { kernel: 1 })
    expect(chooseFastest([createWrongEngine(), right], systemClock)).toBe(right)
  })

  it('falls on the fastest even if the machine interrupts it again and again', () => {
    let nowMs = 0
    const clock = { ...systemClock, monotonic: () => nowMs }
    const create = (name: string, scanMs: number, interruptions: number): HashEngine => {
      const engine = new ReferenceHashEngine()
      let left = interruptions
      return {
        name,
        prepare: (job) => engine.prepare(job),
        scan(start, count) {
          // The scans that are verified are as short as they can be; those that are measured count.
          const isMeasured = count > 512
          if (isMeasured) nowMs += left-- > 0 ? 20 : scanMs
          return isMeasured ? { noncesDone: count, hits: [] } : engine.scan(start, count)
        },
        hashHeaders: (headers) => engine.hashHeaders(headers),
        hashPairs: (pairs) => engine.hashPairs(pairs),
      }
    }
    const fast = create('fast', 0.25, 8)
    expect(chooseFastest([fast, create('slow', 1, 0)], clock)).toBe(fast)
    expect(chooseFastest([create('slow', 1, 0), fast], clock)).toBe(fast)
  })

  it('is refused if none is right', () => {
    expect(() => chooseFastest([createWrongEngine()], systemClock)).toThrow(
      expect.objectContaining({ code: 'unusable' }),
    )
  })

  it('is made among the kernels of a module', () => {
    expect(createFastestEngine(simdModule, systemClock).name).toMatch(/^wasm-/)
  })

  it('refuses a module that is not the core', () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
    expect(() => createFastestEngine(empty, systemClock)).toThrow(
      expect.objectContaining({ code: 'unusable' }),
    )
  })
})
