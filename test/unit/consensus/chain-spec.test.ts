import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  computeChainId,
  encodeChainSpec,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import { ConfigError } from '../../../src/util/index.ts'

const MINIMAL = {
  version: 1,
  name: 'mine',
  genesis: { time: 1_700_000_000 },
  retarget: { targetSpacingSeconds: 5 },
}

function readDevnet() {
  const path = new URL('../../../config/devnet.json', import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8'))
}

function problemsOf(json: unknown): string {
  try {
    parseChainSpec(json)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

describe('parseChainSpec', () => {
  it('fills in every default', () => {
    const spec = parseChainSpec(MINIMAL)
    expect(spec.genesis.bits).toBe('207fffff')
    expect(spec.retarget.windowBlocks).toBe(2_016)
    expect(spec.addresses.bech32).toBe('bcrt')
    expect(spec.maxFutureSeconds).toBe(60)
    expect(spec.maxTimewarpSeconds).toBe(5)
    expect(parseChainSpec(JSON.parse(encodeChainSpec(spec)))).toEqual(spec)
  })

  it('gives short spacings a floor of ten seconds for other clocks', () => {
    const fast = { ...MINIMAL, retarget: { targetSpacingSeconds: 0.5 } }
    expect(problemsOf(fast)).toContain('retarget.targetSpacingSeconds')
    const one = { ...MINIMAL, retarget: { targetSpacingSeconds: 1 } }
    expect(parseChainSpec(one).maxFutureSeconds).toBe(12)
  })

  it('reads the devnet that is shipped', () => {
    expect(parseChainSpec(readDevnet()).name).toBe('devnet')
  })

  it('keeps the chain ids of older versions', () => {
    const idOf = (json: object) => computeChainId(parseChainSpec(json))
    const devnet = readDevnet()
    const retarget = { ...devnet.retarget, algorithm: 'asert', halfLifeSeconds: 120 }
    expect(idOf({ ...devnet, version: 1 })).toBe('b02f2732')
    expect(idOf({ ...devnet, version: 2 })).toBe('b02f2732')
    expect(idOf({ ...devnet, version: 1, retarget })).toBe('2705a611')
    expect(idOf({ ...devnet, version: 2, retarget })).toBe('527163ea')
    expect(computeChainId(REGTEST_SPEC)).toBe('ad7215b6')
    expect(computeChainId(MAINNET_SPEC)).toBe('df81cde9')
  })

  it.each([0, 3, '2'])('refuses version %j', (version) => {
    expect(problemsOf({ ...MINIMAL, version })).toContain('version: must be')
  })

  it('lists every problem with its path', () => {
    const text = problemsOf({
      ...MINIMAL,
      name: 'Not Allowed',
      spacing: 5,
      genesis: { time: -1, bits: 'xyz' },
      subsidySats: 50,
    })
    for (const path of [
      'name:',
      'spacing: unknown',
      'genesis.time:',
      'genesis.bits:',
      'subsidySats:',
    ]) {
      expect(text).toContain(path)
    }
  })

  it.each([
    { name: 'no target', genesis: { time: 1, bits: '00000000' }, problem: 'stands for no target' },
    { name: 'negative', genesis: { time: 1, bits: '04923456' }, problem: 'stands for no target' },
    {
      name: 'above the limit',
      genesis: { time: 1, bits: '2100ffff' },
      problem: 'easier than powLimit',
    },
  ])('refuses genesis bits: $name', ({ genesis, problem }) => {
    expect(problemsOf({ ...MINIMAL, genesis })).toContain(problem)
  })

  it('takes numbers up to their limits, both inclusive', () => {
    const withClamp = (clamp: number) => ({ ...MINIMAL, retarget: { ...MINIMAL.retarget, clamp } })
    for (const clamp of [2, 64]) expect(problemsOf(withClamp(clamp))).toBe('')
    for (const clamp of [1, 65]) {
      expect(problemsOf(withClamp(clamp))).toContain(
        `retarget.clamp: must be a whole number from 2 to 64, found ${clamp}`,
      )
    }
  })

  it('names the words that it knows', () => {
    const retarget = { ...MINIMAL.retarget, algorithm: 'other' }
    expect(problemsOf({ ...MINIMAL, retarget })).toContain('must be "bitcoin" or "asert"')
  })

  it.each([null, 7, 'x', []])('refuses %j', (json) => {
    expect(problemsOf(json)).toContain('must be an object')
  })

  it('writes members in sorted order without white space', () => {
    const text = encodeChainSpec(parseChainSpec(MINIMAL))
    expect(text.startsWith('{"addresses":{"bech32":"bcrt"')).toBe(true)
    expect(text).not.toMatch(/\s"/)
  })
})
