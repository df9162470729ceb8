/** @module What differs from chain to chain: the parameters that rules take. */

import type { Block, BlockHash, BlockHashHex } from '../../primitives/index.ts'
import type { AddressPrefixes } from '../../script/index.ts'

/** How difficulty follows the hash rate. */
export type RetargetAlgorithm = 'bitcoin' | 'asert'

/** The heights from which soft forks bind. @see Bitcoin Core `Consensus::Params`, "buried deployments" */
export interface DeploymentHeights {
  /** The coinbase carries its height. */
  readonly bip34: number
  /** OP_CHECKLOCKTIMEVERIFY. */
  readonly bip65: number
  /** Strict DER signatures. */
  readonly bip66: number
  /** Relative lock times and median-time locks (BIP-0068, -0112, -0113). */
  readonly csv: number
  readonly segwit: number
}

/** Parameters of one chain. Derived from a chain spec; never changed. */
export interface ConsensusParams {
  readonly name: string
  /** What RPC calls the chain: `main`, `regtest`, … */
  readonly rpcChain: string
  /** First 8 hex digits of SHA-256d of the canonical spec: stands in every topic and protocol name. */
  readonly chainId: string
  readonly genesis: Block
  readonly genesisHash: BlockHash
  /** The easiest target. */
  readonly powLimit: bigint
  readonly retargetAlgorithm: RetargetAlgorithm
  readonly targetSpacingSeconds: number
  readonly retargetWindowBlocks: number
  /** The most that one retarget may change the target by, as a factor. */
  readonly retargetClamp: number
  /** ASERT only: after how many seconds of delay the target doubles. */
  readonly asertHalfLifeSeconds: number
  /** ASERT only: height of the block that the schedule starts at. 0 in chain specs of version 1. */
  readonly asertAnchorHeight: 0 | 1
  readonly noRetargeting: boolean
  /** Testnet's rule: blocks that come two spacings late may be easy. */
  readonly minDifficulty: boolean
  readonly bip94: boolean
  /** How far ahead of the local clock a header may be. */
  readonly maxFutureSeconds: number
  /** With BIP-0094: how far a window's first block may be before its parent. */
  readonly maxTimewarpSeconds: number
  /** Satoshis of the first blocks. */
  readonly subsidySats: bigint
  readonly halvingBlocks: number
  readonly coinbaseMaturityBlocks: number
  readonly deployments: DeploymentHeights
  /** Blocks that break P2SH or taproot and are in the chain nevertheless: which rules bind there. */
  readonly scriptFlagExceptions: Readonly<Record<BlockHashHex, 'none' | 'p2sh-witness'>>
  /** Blocks that overwrite unspent outputs and are in the chain nevertheless (BIP-0030). */
  readonly bip30Exceptions: readonly BlockHashHex[]
  /** The block at BIP-0034's height, where the chain up to it is known to overwrite nothing later. */
  readonly bip34Hash: BlockHashHex | undefined
  readonly addressPrefixes: AddressPrefixes
}
