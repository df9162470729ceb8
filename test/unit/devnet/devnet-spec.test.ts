import { describe, expect, it } from 'vitest'
import { computeWork, parseChainSpec } from '../../../src/consensus/index.ts'
import {
  checkSpecMatches,
  computeGenesisBits,
  createDevnetSpec,
  type ExpectedHashRate,
} from '../../../src/devnet/index.ts'

const RATE: ExpectedHashRate = {
  hashesPerSecondPerThread: 1_000_000,
  nodeCount: 3,
  threadsPerNode: 1,
  throttle: 0.5,
  availableCores: 8,
}
const NOW_SECONDS = 1_700_000_000

describe('computeGenesisBits', () => {
  it('asks for the hashes of half a spacing', () => {
    // 3 nodes × half a core × 1 MH/s × 4 s / 2 = 3,000,000 hashes.
    const work = Number(computeWork(computeGenesisBits(RATE, 4)))
    expect(Math.abs(work / 3_000_000 - 1)).toBeLessThan(0.001)
  })

  it('counts no more cores than there are', () => {
    const crowded = { ...RATE, nodeCount: 20, threadsPerNode: 4, throttle: 1, availableCores: 2 }
    // 2 cores × 1 MH/s × 1 s / 2 = 1,000,000 hashes.
    const work = Number(computeWork(computeGenesisBits(crowded, 1)))
    expect(Math.abs(work / 1_000_000 - 1)).toBeLessThan(0.001)
  })

  it.each([0, 1, Number.NaN])('is never easier than the limit: %d hashes a second', (rate) => {
    const bits = computeGenesisBits({ ...RATE, hashesPerSecondPerThread: rate }, 1)
    expect(bits).toBe(0x207fffff)
  })
})

describe('createDevnetSpec', () => {
  it('makes a chain that is born now and follows the wishes', () => {
    const spec = createDevnetSpec({ spacingSeconds: 1, windowBlocks: 10 }, RATE, NOW_SECONDS)
    expect(spec.genesis.time).toBe(NOW_SECONDS)
    expect(spec.retarget.targetSpacingSeconds).toBe(1)
    expect(spec.retarget.windowBlocks).toBe(10)
    expect(spec.retarget.noRetargeting).toBe(false)
  })

  it('survives being written and read', () => {
    const spec = createDevnetSpec({}, RATE, NOW_SECONDS)
    expect(spec.retarget.targetSpacingSeconds).toBe(5)
    expect(spec.retarget.windowBlocks).toBe(20)
    expect(parseChainSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
  })
})

describe('checkSpecMatches', () => {
  const spec = createDevnetSpec({ spacingSeconds: 1, windowBlocks: 10 }, RATE, NOW_SECONDS)

  it('accepts the same wishes and none', () => {
    expect(() => checkSpecMatches(spec, {})).not.toThrow()
    expect(() => checkSpecMatches(spec, { spacingSeconds: 1, windowBlocks: 10 })).not.toThrow()
  })

  it('names what differs and the way out', () => {
    expect(() => checkSpecMatches(spec, { spacingSeconds: 2 })).toThrow(
      /--spacing 1, not 2.*--reset/,
    )
    expect(() => checkSpecMatches(spec, { windowBlocks: 20 })).toThrow(/--window 10, not 20/)
  })
})
