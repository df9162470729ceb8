import { describe, expect, it } from 'vitest'
import {
  computeNetworkMagic,
  createConsensusParams,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import { encodeHex } from '../../../src/util/index.ts'

describe('computeNetworkMagic', () => {
  it('is that of Bitcoin for its own chains, and the chain id for any other', () => {
    expect(encodeHex(computeNetworkMagic(createConsensusParams(REGTEST_SPEC)))).toBe('fabfb5da')
    expect(encodeHex(computeNetworkMagic(createConsensusParams(MAINNET_SPEC)))).toBe('f9beb4d9')
    const own = createConsensusParams(
      parseChainSpec({
        version: 1,
        name: 'own',
        genesis: { time: 1_700_000_000 },
        retarget: { targetSpacingSeconds: 5 },
      }),
    )
    expect(encodeHex(computeNetworkMagic(own))).toBe(own.chainId)
  })
})
