import { describe, expect, it } from 'vitest'
import {
  type ChainLink,
  computeNextBits,
  computeRetargetedBits,
  createConsensusParams,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'

const mainnet = createConsensusParams(MAINNET_SPEC)

/** A chain of links with the given times, all with the same bits. */
function linkUp(times: readonly number[], bits: number): ChainLink {
  let last: ChainLink | undefined
  for (const [height, time] of times.entries()) {
    const prev: ChainLink | undefined = last
    const link: ChainLink = {
      height,
      time,
      bits,
      prev,
      getAncestor: (at) => (at === height ? link : prev?.getAncestor(at)),
    }
    last = link
  }
  if (last === undefined) throw new RangeError('no times')
  return last
}

describe('computeRetargetedBits on mainnet', () => {
  // Times of the first and last block of each window, and the bits that the next block really carries.
  it.each([
    {
      height: 2_016,
      first: 1_231_006_505,
      last: 1_233_061_996,
      bits: 0x1d00ffff,
      next: 0x1d00ffff,
    },
    {
      height: 32_256,
      first: 1_261_130_161,
      last: 1_262_152_739,
      bits: 0x1d00ffff,
      next: 0x1d00d86a,
    },
    {
      height: 68_544,
      first: 1_279_008_237,
      last: 1_279_297_671,
      bits: 0x1c05a3f4,
      next: 0x1c0168fd,
    },
  ])('gives the bits of block $height', ({ first, last, bits, next }) => {
    expect(computeRetargetedBits(bits, last - first, mainnet)).toBe(next)
  })

  it('eases by at most the clamp, as in Bitcoin Core’s upper-limit test', () => {
    expect(computeRetargetedBits(0x1c387f6f, 1_269_211_443 - 1_263_163_443, mainnet)).toBe(
      0x1d00e1fd,
    )
  })
})

describe('computeNextBits', () => {
  const spec = {
    version: 1,
    name: 'test',
    genesis: { time: 1_000, bits: '1e00ffff' },
    retarget: { targetSpacingSeconds: 10, windowBlocks: 4, bip94: false },
  }
  const params = createConsensusParams(parseChainSpec(spec))

  it('keeps the bits inside a window', () => {
    expect(computeNextBits(linkUp([1_000, 1_001, 1_002], 0x1e00ffff), 1_003, params)).toBe(
      0x1e00ffff,
    )
  })

  it('measures N−1 intervals at the end of a window', () => {
    // 30 seconds for three intervals is on schedule, yet the rule divides by four spacings.
    const bits = computeNextBits(linkUp([1_000, 1_010, 1_020, 1_030], 0x1e00ffff), 1_040, params)
    expect(bits).toBe(computeRetargetedBits(0x1e00ffff, 30, params))
    expect(bits).toBe(0x1e00bfff)
  })

  it('never moves where retargeting is off, and lets late blocks be easy', () => {
    const regtest = createConsensusParams(REGTEST_SPEC)
    const last = linkUp([1_000, 1_001, 1_002], 0x1e00ffff)
    expect(computeNextBits(last, 1_003, regtest)).toBe(0x1e00ffff)
    expect(computeNextBits(last, 1_002 + 1_201, regtest)).toBe(0x207fffff)
  })
})
