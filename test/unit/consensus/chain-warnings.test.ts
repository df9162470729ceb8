import { describe, expect, it } from 'vitest'
import {
  createConsensusParams,
  findChainWarnings,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'

const GENESIS_TIME = 1_700_000_000

function warningsOf(retarget: object, ageSeconds: number, version = 2): string[] {
  const spec = parseChainSpec({
    version,
    name: 'mine',
    genesis: { time: GENESIS_TIME, bits: '1e00ffff' },
    retarget: { targetSpacingSeconds: 2, ...retarget },
  })
  return findChainWarnings(createConsensusParams(spec), GENESIS_TIME + ageSeconds)
}

const ASERT = { algorithm: 'asert', halfLifeSeconds: 120 }
const DAYS = 86_400

describe('findChainWarnings', () => {
  it('finds nothing on the chains that are built in', () => {
    for (const spec of [MAINNET_SPEC, REGTEST_SPEC]) {
      expect(findChainWarnings(createConsensusParams(spec), GENESIS_TIME)).toEqual([])
    }
  })

  it('warns of ASERT that is anchored at an old genesis, in version 1 alone', () => {
    const [warning, ...more] = warningsOf(ASERT, 10 * DAYS, 1)
    expect(warning).toMatch(/^version: 1 .* until 432000 blocks are mined/)
    expect(more).toEqual([])
    expect(warningsOf(ASERT, 10 * DAYS)).toEqual([])
    // The limit of 2^255 is 23 doublings above the bits of 2^232.
    expect(warningsOf(ASERT, 15 * 120, 1)).toEqual([])
    expect(warningsOf(ASERT, 24 * 120, 1)).toHaveLength(1)
    expect(warningsOf({ ...ASERT, halfLifeSeconds: 172_800 }, 10 * DAYS, 1)).toEqual([])
  })

  it('warns of a half-life below one spacing', () => {
    expect(warningsOf({ ...ASERT, halfLifeSeconds: 1 }, 0)).toEqual([
      expect.stringMatching(/^retarget.halfLifeSeconds: 1 is less than one spacing/),
    ])
    expect(warningsOf({ ...ASERT, halfLifeSeconds: 2 }, 0)).toEqual([])
  })

  it('warns of rules that have no effect beside ASERT', () => {
    expect(warningsOf({ ...ASERT, minDifficulty: true }, 0)).toEqual([
      expect.stringMatching(/^retarget.minDifficulty: /),
    ])
    expect(warningsOf({ ...ASERT, noRetargeting: true }, 0)).toEqual([
      expect.stringMatching(/^retarget.noRetargeting: /),
    ])
  })

  it('warns of a genesis from the future, until the first block can be valid', () => {
    // Two seconds' spacing allow 24 seconds ahead of the clock; the first block is a second later.
    expect(warningsOf({}, -24)).toEqual([expect.stringMatching(/^genesis.time: .* another 1 sec/)])
    expect(warningsOf({}, -23)).toEqual([])
  })

  it('warns of a clamp that can make the target zero', () => {
    expect(warningsOf({ windowBlocks: 2, clamp: 5 }, 0)).toEqual([
      expect.stringMatching(/^retarget.clamp: 5 is more than the seconds of a window \(4\)/),
    ])
    expect(warningsOf({ windowBlocks: 2, clamp: 4 }, 0)).toEqual([])
    expect(warningsOf({ windowBlocks: 2, clamp: 5, noRetargeting: true }, 0)).toEqual([])
  })
})
