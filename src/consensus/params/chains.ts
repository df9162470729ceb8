/** @module The chains that are built in, and parameters from any chain spec. */

import { type BlockHashHex, computeBlockHash } from '../../primitives/index.ts'
import { type ChainSpec, computeChainId, parseChainSpec } from './chain-spec.ts'
import type { ConsensusParams } from './consensus-params.ts'
import { createGenesisBlock } from './genesis.ts'

const BITCOIN_GENESIS_MESSAGE =
  'The Times 03/Jan/2009 Chancellor on brink of second bailout for banks'
/** Bitcoin's two hours. */
const BITCOIN_MAX_FUTURE_SECONDS = 7_200
/** BIP-0094's ten minutes; binds only where that rule does. */
const BITCOIN_MAX_TIMEWARP_SECONDS = 600

/** Bitcoin Core's regtest with its defaults. */
export const REGTEST_SPEC: ChainSpec = parseChainSpec({
  version: 1,
  name: 'regtest',
  rpcChain: 'regtest',
  genesis: { time: 1_296_688_602, bits: '207fffff', nonce: 2, message: BITCOIN_GENESIS_MESSAGE },
  retarget: {
    targetSpacingSeconds: 600,
    windowBlocks: 144,
    noRetargeting: true,
    minDifficulty: true,
    bip94: false,
  },
  maxFutureSeconds: BITCOIN_MAX_FUTURE_SECONDS,
  maxTimewarpSeconds: BITCOIN_MAX_TIMEWARP_SECONDS,
  halvingBlocks: 150,
})

/** Bitcoin's main chain, to replay real blocks; never dialled. */
export const MAINNET_SPEC: ChainSpec = parseChainSpec({
  version: 1,
  name: 'mainnet',
  rpcChain: 'main',
  genesis: {
    time: 1_231_006_505,
    bits: '1d00ffff',
    nonce: 2_083_236_893,
    message: BITCOIN_GENESIS_MESSAGE,
  },
  powLimit: `00000000${'ff'.repeat(28)}`,
  retarget: { targetSpacingSeconds: 600, bip94: false },
  maxFutureSeconds: BITCOIN_MAX_FUTURE_SECONDS,
  maxTimewarpSeconds: BITCOIN_MAX_TIMEWARP_SECONDS,
  deployments: {
    bip34: 227_931,
    bip65: 388_381,
    bip66: 363_725,
    csv: 419_328,
    segwit: 481_824,
  },
  addresses: { pubkeyHash: 0x00, scriptHash: 0x05, secretKey: 0x80, bech32: 'bc' },
})

/** @see Bitcoin Core `CMainParams`, `script_flag_exceptions` */
const MAINNET_SCRIPT_FLAG_EXCEPTIONS: Readonly<Record<BlockHashHex, 'none' | 'p2sh-witness'>> = {
  '00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22': 'none',
  '0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad': 'p2sh-witness',
}

/** @see Bitcoin Core `IsBIP30Repeat` */
const MAINNET_BIP30_EXCEPTIONS: readonly BlockHashHex[] = [
  '00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec',
  '00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721',
]

/** @see Bitcoin Core `CMainParams`, `BIP34Hash` */
const MAINNET_BIP34_HASH: BlockHashHex =
  '000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8'

/** The parameters that follow from a chain spec. */
export function createConsensusParams(spec: ChainSpec): ConsensusParams {
  const subsidySats = BigInt(spec.subsidySats)
  const genesis = createGenesisBlock(
    { ...spec.genesis, bits: Number.parseInt(spec.genesis.bits, 16) },
    subsidySats,
  )
  const chainId = computeChainId(spec)
  // By what it says, not by which object says it.
  const isMainnet = chainId === computeChainId(MAINNET_SPEC)
  return {
    name: spec.name,
    rpcChain: spec.rpcChain,
    chainId,
    genesis,
    genesisHash: computeBlockHash(genesis.header),
    powLimit: BigInt(`0x${spec.powLimit}`),
    retargetAlgorithm: spec.retarget.algorithm,
    targetSpacingSeconds: spec.retarget.targetSpacingSeconds,
    retargetWindowBlocks: spec.retarget.windowBlocks,
    retargetClamp: spec.retarget.clamp,
    asertHalfLifeSeconds: spec.retarget.halfLifeSeconds,
    asertAnchorHeight: spec.version === 1 ? 0 : 1,
    noRetargeting: spec.retarget.noRetargeting,
    minDifficulty: spec.retarget.minDifficulty,
    bip94: spec.retarget.bip94,
    maxFutureSeconds: spec.maxFutureSeconds,
    maxTimewarpSeconds: spec.maxTimewarpSeconds,
    subsidySats,
    halvingBlocks: spec.halvingBlocks,
    coinbaseMaturityBlocks: spec.coinbaseMaturityBlocks,
    deployments: spec.deployments,
    scriptFlagExceptions: isMainnet ? MAINNET_SCRIPT_FLAG_EXCEPTIONS : {},
    bip30Exceptions: isMainnet ? MAINNET_BIP30_EXCEPTIONS : [],
    bip34Hash: isMainnet ? MAINNET_BIP34_HASH : undefined,
    addressPrefixes: spec.addresses,
  }
}
