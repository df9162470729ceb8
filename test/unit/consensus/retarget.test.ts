import { describe, expect, it } from 'vitest'
import {
  computeNextBits,
  computeRetargetedBits,
  createConsensusParams,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import { linkUp } from '../../support/links.ts'

const mainnet = createConsensusParams(MAINNET_SPEC)

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

describe('computeRetargetedBits', () => {
  // Four blocks of 10 s, so 40 s on schedule; no less than 10 s and no more than 160 s count.
  const params = createConsensusParams(
    parseChainSpec({
      version: 1,
      name: 'clamp',
      genesis: { time: 1_000, bits: '1e00ffff' },
      retarget: { targetSpacingSeconds: 10, windowBlocks: 4 },
    }),
  )

  it.each([
    { span: 40, next: 0x1e00ffff },
    { span: -1, next: 0x1d3fffc0 },
    { span: 9, next: 0x1d3fffc0 },
    { span: 10, next: 0x1d3fffc0 },
    { span: 11, next: 0x1d466620 },
    { span: 159, next: 0x1e03f995 },
    { span: 160, next: 0x1e03fffc },
    { span: 161, next: 0x1e03fffc },
    { span: 1_000_000, next: 0x1e03fffc },
  ])('of $span seconds gives $next', ({ span, next }) => {
    expect(computeRetargetedBits(0x1e00ffff, span, params)).toBe(next)
  })

  it('goes no further than the limit', () => {
    expect(computeRetargetedBits(0x207fffff, 41, params)).toBe(0x207fffff)
    expect(computeRetargetedBits(0x207fffff, 39, params)).toBe(0x207ccccb)
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

  it('measures a later window from its own first block, not from the block before', () => {
    const times = [1_000, 1_010, 1_020, 1_030, 5_000, 5_010, 5_020, 5_030]
    expect(computeNextBits(linkUp(times, 0x1e00ffff), 5_040, params)).toBe(0x1e00bfff)
  })

  it.each([
    { bip94: true, from: 'first', next: 0x1e00bfff },
    { bip94: false, from: 'last', next: 0x1d5fffff },
  ])('starts from the bits of the $from block of a window (BIP-0094: $bip94)', (row) => {
    const rules = { ...params, bip94: row.bip94 }
    const last = linkUp(
      [1_000, 1_010, 1_020, 1_030],
      [0x1e00ffff, 0x1d7fffff, 0x1d7fffff, 0x1d7fffff],
    )
    expect(computeNextBits(last, 1_040, rules)).toBe(row.next)
  })

  it('looks past easy blocks to the last one that was not late, in this window', () => {
    const late = { ...params, minDifficulty: true }
    const limit = 0x207fffff
    const next = (bits: readonly number[]) =>
      computeNextBits(linkUp([1_000, 1_001, 1_002].slice(0, bits.length), bits, 4), 1_003, late)
    expect(next([0x1e00ffff, limit, limit])).toBe(0x1e00ffff)
    expect(next([limit, limit])).toBe(limit)
    const [before, first] = [0x1e00ffff, limit]
    const over = linkUp([1_000, 1_001, 1_002], [before, first, limit], 3)
    expect(computeNextBits(over, 1_003, late)).toBe(limit)
  })

  it('starts ASERT on its schedule at the first block, however old genesis is', () => {
    const asert = (version: number) =>
      createConsensusParams(
        parseChainSpec({
          version,
          name: 'asert',
          genesis: { time: 1_000, bits: '1e00ffff' },
          retarget: { algorithm: 'asert', targetSpacingSeconds: 10, halfLifeSeconds: 60 },
        }),
      )
    const next = (times: readonly number[]) =>
      computeNextBits(linkUp(times, 0x1e00ffff), 0, asert(2))
    expect(next([1_000])).toBe(0x1e00ffff)
    expect(next([1_000, 1_000_000])).toBe(0x1e00ffff)
    expect(next([1_000, 1_000_000, 1_000_010, 1_000_020])).toBe(0x1e00ffff)
    expect(next([1_000, 1_000_000, 1_000_070])).toBe(0x1e01fffe)
    expect(next([1_000, 1_000_000, ...Array(6).fill(1_000_000)])).toBe(0x1d7fff80)
    // Specs of version 1 keep their rule: the anchor is genesis.
    const old = linkUp([1_000, 1_000_000], 0x1e00ffff)
    expect(computeNextBits(old, 0, asert(1))).toBe(0x207fffff)
  })

  it('never moves where retargeting is off, and lets late blocks be easy', () => {
    const regtest = createConsensusParams(REGTEST_SPEC)
    const last = linkUp([1_000, 1_001, 1_002], 0x1e00ffff)
    expect(computeNextBits(last, 1_003, regtest)).toBe(0x1e00ffff)
    expect(computeNextBits(last, 1_002 + 1_201, regtest)).toBe(0x207fffff)
  })
})
