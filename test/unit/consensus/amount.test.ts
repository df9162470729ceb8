import { describe, expect, it } from 'vitest'
import {
  computeSubsidy,
  createConsensusParams,
  isMoney,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'

const mainnet = createConsensusParams(MAINNET_SPEC)
const regtest = createConsensusParams(REGTEST_SPEC)
const own = createConsensusParams(
  parseChainSpec({
    version: 1,
    name: 'own',
    genesis: { time: 1_700_000_000 },
    retarget: { targetSpacingSeconds: 10 },
    subsidySats: '7',
    halvingBlocks: 1,
  }),
)

describe('computeSubsidy', () => {
  it.each([
    { name: 'mainnet', params: mainnet, height: 0, sats: 5_000_000_000n },
    { name: 'mainnet', params: mainnet, height: 209_999, sats: 5_000_000_000n },
    { name: 'mainnet', params: mainnet, height: 210_000, sats: 2_500_000_000n },
    { name: 'mainnet', params: mainnet, height: 419_999, sats: 2_500_000_000n },
    { name: 'mainnet', params: mainnet, height: 420_000, sats: 1_250_000_000n },
    // Odd amounts lose their last satoshi's half.
    { name: 'mainnet', params: mainnet, height: 2_100_000, sats: 4_882_812n },
    { name: 'mainnet', params: mainnet, height: 6_929_999, sats: 1n },
    { name: 'mainnet', params: mainnet, height: 6_930_000, sats: 0n },
    { name: 'mainnet', params: mainnet, height: 63 * 210_000, sats: 0n },
    { name: 'mainnet', params: mainnet, height: 64 * 210_000, sats: 0n },
    { name: 'mainnet', params: mainnet, height: 0x7fff_ffff, sats: 0n },
    { name: 'regtest', params: regtest, height: 149, sats: 5_000_000_000n },
    { name: 'regtest', params: regtest, height: 150, sats: 2_500_000_000n },
    { name: 'regtest', params: regtest, height: 299, sats: 2_500_000_000n },
    { name: 'regtest', params: regtest, height: 300, sats: 1_250_000_000n },
    { name: 'a chain of our own', params: own, height: 0, sats: 7n },
    { name: 'a chain of our own', params: own, height: 1, sats: 3n },
    { name: 'a chain of our own', params: own, height: 2, sats: 1n },
    { name: 'a chain of our own', params: own, height: 3, sats: 0n },
    { name: 'a chain of our own', params: own, height: 64, sats: 0n },
  ])('is $sats satoshis at height $height of $name', ({ params, height, sats }) => {
    expect(computeSubsidy(height, params)).toBe(sats)
  })

  it('mints what Bitcoin mints in all, below 21 million coins', () => {
    let total = 0n
    for (let halving = 0; halving <= 64; halving++) {
      total += 210_000n * computeSubsidy(halving * 210_000, mainnet)
    }
    expect(total).toBe(2_099_999_997_690_000n)
    expect(isMoney(total)).toBe(true)
  })
})

describe('isMoney', () => {
  it.each([
    { sats: -1n, is: false },
    { sats: 0n, is: true },
    { sats: 2_100_000_000_000_000n, is: true },
    { sats: 2_100_000_000_000_001n, is: false },
  ])('$sats: $is', ({ sats, is }) => {
    expect(isMoney(sats)).toBe(is)
  })
})
