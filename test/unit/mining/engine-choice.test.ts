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

/** The shortest measurement where the clock is coarse. */
const COARSE_SPAN_MS = 20

/**
 * An engine that finds what the reference finds, in times of its own.
 *
 * @param scanMs - Of each measured scan in turn; the last one goes on.
 */
function createTimedEngine(
  name: string,
  time: { nowMs: number },
  scanMs: readonly number[],
): HashEngine {
  const engine = new ReferenceHashEngine()
  let scans = 0
  return {
    name,
    prepare: (job) => engine.prepare(job),
    scan(start, count) {
      // The scans that are verified are as short as they can be; those that are measured count.
      const isMeasured = count > 512
      if (isMeasured) time.nowMs += scanMs[scans++] ?? scanMs.at(-1) ?? 0
      return isMeasured ? { noncesDone: count, hits: [] } : engine.scan(start, count)
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
    const time = { nowMs: 0 }
    // Fine: each reading differs from the last one.
    const clock = { ...systemClock, monotonic: () => (time.nowMs += 0.000_1) }
    const fast = createTimedEngine('fast', time, [...Array(8).fill(20), 0.25])
    const slow = createTimedEngine('slow', time, [1])
    expect(chooseFastest([fast, slow], clock)).toBe(fast)
    expect(chooseFastest([slow, fast], clock)).toBe(fast)
  })

  it.each([0.1, 1, 16.7, 100])('falls on the fastest on a clock with ticks of %d ms', (tickMs) => {
    for (let phaseMs = 0; phaseMs < tickMs; phaseMs += tickMs / 3) {
      const time = { nowMs: phaseMs }
      const clock = { ...systemClock, monotonic: () => Math.floor(time.nowMs / tickMs) * tickMs }
      const fast = createTimedEngine('fast', time, [0.3])
      const slow = createTimedEngine('slow', time, [0.33])
      expect(chooseFastest([slow, fast], clock).name).toBe('fast')
      expect(chooseFastest([fast, slow], clock).name).toBe('fast')
      // Three measurements of each, within a tick of what they need.
      expect(time.nowMs - phaseMs).toBeLessThan(2 * 6 * (COARSE_SPAN_MS + tickMs + 1))
    }
  })

  it('falls on the first on a clock that stands still', () => {
    const time = { nowMs: 0 }
    const clock = { ...systemClock, monotonic: () => 7 }
    const [one, other] = [0, 1].map((index) => createTimedEngine(`${index}`, time, [1]))
    if (one === undefined || other === undefined) throw new RangeError('no engines')
    expect(chooseFastest([one, other], clock)).toBe(one)
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
