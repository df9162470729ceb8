import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  computeAsertBits,
  computeRetargetedBits,
  createConsensusParams,
  decodeBits,
  encodeBits,
  MAINNET_SPEC,
} from '../../src/consensus/index.ts'

const VECTORS = new URL('../../../shared/vectors/', import.meta.url)
const isPresent = existsSync(VECTORS)
const mainnet = createConsensusParams(MAINNET_SPEC)

function readJson(path: string) {
  return JSON.parse(readFileSync(new URL(path, VECTORS), 'utf8'))
}

if (!isPresent) {
  it.skip('published difficulty vectors: the folder ../shared/vectors is not here', () => undefined)
}

describe.runIf(isPresent)('published difficulty vectors', () => {
  it('compact bits: every case', () => {
    const cases = readJson('bitcoin-core/compact_bits.json')
    for (const { bits, targetHex, compact, negative, overflow } of cases) {
      const decoded = decodeBits(bits)
      expect(decoded.isNegative, `${bits}`).toBe(negative)
      expect(decoded.isOverflow, `${bits}`).toBe(overflow)
      if (overflow) continue
      expect(decoded.target, `${bits}`).toBe(BigInt(`0x${targetHex}`))
      if (!negative) expect(encodeBits(decoded.target), `${bits}`).toBe(compact)
    }
    expect(cases.length).toBe(20)
  })

  it.each(['mainnet-2016', 'mainnet-116928', 'mainnet-403200'])('real retarget: %s', (name) => {
    const { chain_state: before, blocks } = readJson(`retarget/${name}.json`)
    const first = blocks[0].header
    const span = before.prev_timestamps.at(-1) - before.epoch_start_time
    const bits = encodeBits(BigInt(before.current_target))
    const isBoundary = (before.block_height + 1) % 2_016 === 0
    expect(isBoundary).toBe(true)
    expect(computeRetargetedBits(bits, span, mainnet)).toBe(first.bits)
  })

  it('every period target is what its own compact form says', () => {
    const periods: [string, number | string][] = JSON.parse(
      readFileSync(new URL('retarget/mainnet-period-targets.json', VECTORS), 'utf8').replace(
        /, ?(\d{16,})/g,
        ',"$1"',
      ),
    )
    for (const [hash, target] of periods) {
      const number = BigInt(target)
      expect(decodeBits(encodeBits(number)).target, hash).toBe(number)
    }
    expect(periods.length).toBe(473)
  })

  it('aserti3-2d: every point of every run', () => {
    let points = 0
    const runs = readdirSync(new URL('asert/', VECTORS))
    for (const run of runs) {
      const lines = readFileSync(new URL(`asert/${run}`, VECTORS), 'utf8').split('\n')
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
        const [, height = '', time = '', bits = ''] = line.split(' ')
        const got = computeAsertBits(
          anchorBits,
          BigInt(time) - anchorTime,
          BigInt(height) - anchorHeight,
          { ...mainnet, asertHalfLifeSeconds: 172_800 },
        )
        expect(got, `${run}: ${line}`).toBe(Number(bits))
        points += 1
      }
    }
    expect(runs.length).toBe(12)
    expect(points).toBeGreaterThan(10_000)
  })
})
