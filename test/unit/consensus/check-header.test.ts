import { describe, expect, it } from 'vitest'
import {
  computeMedianTimePast,
  computeNextBits,
  contextualCheckHeader,
  createConsensusParams,
  parseChainSpec,
} from '../../../src/consensus/index.ts'
import { linkUp } from '../../support/links.ts'

const BITS = 0x1e00ffff
const MAX_FUTURE_SECONDS = 7_200
const MAX_TIMEWARP_SECONDS = 600
const NOW = 2_000_000

function createParams(bip94: boolean) {
  return createConsensusParams(
    parseChainSpec({
      version: 1,
      name: 'header',
      genesis: { time: 1_000, bits: '1e00ffff' },
      retarget: { targetSpacingSeconds: 600, windowBlocks: 4, bip94 },
      maxFutureSeconds: MAX_FUTURE_SECONDS,
      maxTimewarpSeconds: MAX_TIMEWARP_SECONDS,
    }),
  )
}

const params = createParams(true)

/** Checks the header that follows on blocks with these times, at a time of its own. */
function check(times: readonly number[], time: number, rules = params): void {
  const parent = linkUp(times, BITS)
  const header = { ...params.genesis.header, time, bits: computeNextBits(parent, time, rules) }
  contextualCheckHeader({ ...header, version: 4 }, parent, NOW, rules)
}

describe('computeMedianTimePast', () => {
  it.each([
    { name: 'genesis alone', times: [50], median: 50 },
    { name: 'of two, the later', times: [50, 70], median: 70 },
    { name: 'times that are not in order', times: [50, 90, 70], median: 70 },
    { name: 'eleven', times: [1, 2, 3, 4, 5, 60, 7, 8, 9, 10, 11], median: 7 },
    { name: 'no more than eleven', times: [99, 98, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], median: 6 },
  ])('$name', ({ times, median }) => {
    expect(computeMedianTimePast(linkUp(times, BITS))).toBe(median)
  })
})

describe('a header’s time', () => {
  it('is above the median time past, which may lie behind the parent', () => {
    const times = [1_000, 1_010, 1_020, 1_030, 1_005]
    expect(() => check(times, 1_010)).toThrow('time-too-old')
    expect(() => check(times, 1_009)).toThrow('time-too-old')
    expect(() => check(times, 1_011)).not.toThrow()
  })

  it('is no further ahead of the clock than allowed', () => {
    expect(() => check([1_000], NOW + MAX_FUTURE_SECONDS)).not.toThrow()
    expect(() => check([1_000], NOW + MAX_FUTURE_SECONDS + 1)).toThrow('time-too-new')
  })

  // The windows have four blocks, so that the one after four begins the next.
  const START = [1_000, 1_010, 1_020, 9_000]
  const LATE = 9_000 - MAX_TIMEWARP_SECONDS

  it.each([
    { name: 'as far behind as allowed', times: START, time: LATE, bip94: true, isRefused: false },
    { name: 'a second more', times: START, time: LATE - 1, bip94: true, isRefused: true },
    { name: 'without BIP-0094', times: START, time: LATE - 1, bip94: false, isRefused: false },
    {
      name: 'for the last block of a window',
      times: [1_000, 1_010, 9_000],
      time: LATE - 1,
      bip94: true,
      isRefused: false,
    },
    {
      name: 'for the second block of a window',
      times: [...START.slice(0, 3), 1_030, 9_000],
      time: LATE - 1,
      bip94: true,
      isRefused: false,
    },
  ])('is behind its parent’s at the start of a window: $name', (row) => {
    const attempt = () => check(row.times, row.time, createParams(row.bip94))
    if (row.isRefused) expect(attempt).toThrow('time-timewarp-attack')
    else expect(attempt).not.toThrow()
  })
})
