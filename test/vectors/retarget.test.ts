import { describe, expect, it } from 'vitest'
import {
  type ChainLink,
  computeAsertBits,
  computeNextBits,
  computeRetargetedBits,
  createConsensusParams,
  decodeBits,
  encodeBits,
  MAINNET_SPEC,
  parseChainSpec,
} from '../../src/consensus/index.ts'
import {
  describeVectors,
  listVectors,
  readVectors,
  readVectorText,
  VectorTally,
} from './vectors.support.ts'

const mainnet = createConsensusParams(MAINNET_SPEC)

const COMPACT_BITS = 'bitcoin-core/compact_bits.json'
const RETARGETS = ['mainnet-2016', 'mainnet-116928', 'mainnet-403200'].map(
  (name) => `raito/${name}.json`,
)
const PERIOD_TARGETS = 'electrum/mainnet-period-targets.json'
const ASERT = 'bitcoin-cash-node'

describeVectors(COMPACT_BITS, () => {
  it('compact bits: every case', () => {
    const cases = readVectors(COMPACT_BITS)
    const tally = new VectorTally(COMPACT_BITS)
    for (const { bits, targetHex, compact, negative, overflow } of cases) {
      tally.run(`${bits}`, () => {
        const decoded = decodeBits(bits)
        expect(decoded.isNegative).toBe(negative)
        expect(decoded.isOverflow).toBe(overflow)
        if (overflow) return
        expect(decoded.target).toBe(BigInt(`0x${targetHex}`))
        if (!negative) expect(encodeBits(decoded.target)).toBe(compact)
      })
    }
    tally.finish(cases.length)
  })
})

describe.each(RETARGETS)('%s', (file) => {
  describeVectors(file, () => {
    it('the real retarget', () => {
      const tally = new VectorTally(file)
      tally.run(file, () => {
        const { chain_state: before, blocks } = readVectors(file)
        const first = blocks[0].header
        const span = before.prev_timestamps.at(-1) - before.epoch_start_time
        const bits = encodeBits(BigInt(before.current_target))
        const isBoundary = (before.block_height + 1) % 2_016 === 0
        expect(isBoundary).toBe(true)
        expect(computeRetargetedBits(bits, span, mainnet)).toBe(first.bits)
      })
      tally.finish(1)
    })
  })
})

describeVectors(PERIOD_TARGETS, () => {
  it('every period target is what its own compact form says', () => {
    const periods: [string, number | string][] = JSON.parse(
      readVectorText(PERIOD_TARGETS).replace(/, ?(\d{16,})/g, ',"$1"'),
    )
    const tally = new VectorTally(PERIOD_TARGETS)
    for (const [hash, target] of periods) {
      tally.run(hash, () => {
        const number = BigInt(target)
        expect(decodeBits(encodeBits(number)).target).toBe(number)
      })
    }
    tally.finish(periods.length)
  })
})

interface AsertRun {
  readonly name: string
  readonly anchorHeight: bigint
  readonly anchorTime: bigint
  readonly anchorBits: number
  readonly points: readonly {
    readonly line: string
    readonly height: bigint
    readonly time: bigint
    readonly bits: number
  }[]
}

function readAsertRun(name: string): AsertRun {
  const lines = readVectorText(`${ASERT}/${name}`).split('\n')
  const header = (key: string) =>
    lines
      .find((line) => line.includes(`${key}:`))
      ?.split(': ')
      .at(-1) ?? ''
  return {
    name,
    anchorHeight: BigInt(header('anchor height')),
    anchorTime: BigInt(header('anchor ancestor time') || header('anchor parent time')),
    anchorBits: Number(header('anchor nBits')),
    points: lines
      .filter((line) => !line.startsWith('#') && line.trim() !== '')
      .map((line) => {
        const [, height = '', time = '', bits = ''] = line.split(' ')
        return { line, height: BigInt(height), time: BigInt(time), bits: Number(bits) }
      }),
  }
}

function checkAsertRun(run: AsertRun, compute: (height: bigint, time: bigint) => number): void {
  const tally = new VectorTally(`${ASERT}/${run.name}`)
  for (const { line, height, time, bits } of run.points) {
    tally.run(line, () => {
      expect(compute(height, time)).toBe(bits)
    })
  }
  tally.finish(run.points.length)
}

describeVectors(ASERT, () => {
  it('aserti3-2d: every point of every run', () => {
    const runs = listVectors(ASERT)
    expect(runs.length).toBe(12)
    const params = { ...mainnet, asertHalfLifeSeconds: 172_800 }
    for (const run of runs.map(readAsertRun)) {
      checkAsertRun(run, (height, time) =>
        computeAsertBits(run.anchorBits, time - run.anchorTime, height - run.anchorHeight, params),
      )
    }
  })

  it('aserti3-2d: every point, on a chain whose first block is the anchor', () => {
    const params = createConsensusParams(
      parseChainSpec({
        version: 2,
        name: 'asert',
        genesis: { time: 1, bits: '1d00ffff' },
        powLimit: MAINNET_SPEC.powLimit,
        retarget: { algorithm: 'asert', targetSpacingSeconds: 600 },
      }),
    )
    for (const run of listVectors(ASERT).map(readAsertRun)) {
      const anchor: ChainLink = {
        height: 1,
        time: Number(run.anchorTime) + 600,
        bits: run.anchorBits,
        prev: undefined,
        getAncestor: () => undefined,
      }
      checkAsertRun(run, (height, time) => {
        const last: ChainLink = {
          height: Number(height - run.anchorHeight) + 1,
          time: Number(time),
          bits: 0x1d00ffff,
          prev: undefined,
          getAncestor: (at) => (at === 1 ? anchor : undefined),
        }
        return computeNextBits(last, 0, params)
      })
    }
  })
})
