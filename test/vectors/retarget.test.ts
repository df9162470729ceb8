import { describe, expect, it } from 'vitest'
import {
  computeAsertBits,
  computeRetargetedBits,
  createConsensusParams,
  decodeBits,
  encodeBits,
  MAINNET_SPEC,
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

describeVectors(ASERT, () => {
  it('aserti3-2d: every point of every run', () => {
    const runs = listVectors(ASERT)
    expect(runs.length).toBe(12)
    for (const run of runs) {
      let points = 0
      const tally = new VectorTally(`${ASERT}/${run}`)
      const lines = readVectorText(`${ASERT}/${run}`).split('\n')
      const header = (name: string) =>
        lines
          .find((line) => line.includes(`${name}:`))
          ?.split(': ')
          .at(-1) ?? ''
      const anchorHeight = BigInt(header('anchor height'))
      const anchorTime = BigInt(header('anchor ancestor time') || header('anchor parent time'))
      const anchorBits = Number(header('anchor nBits'))
      for (const line of lines) {
        if (line.startsWith('#') || line.trim() === '') continue
        points += 1
        tally.run(line, () => {
          const [, height = '', time = '', bits = ''] = line.split(' ')
          const got = computeAsertBits(
            anchorBits,
            BigInt(time) - anchorTime,
            BigInt(height) - anchorHeight,
            { ...mainnet, asertHalfLifeSeconds: 172_800 },
          )
          expect(got).toBe(Number(bits))
        })
      }
      tally.finish(points)
    }
  })
})
