/** @module A block that only lacks a coinbase's payee and proof of work. */

import {
  bitsToHex,
  type ConsensusParams,
  computeCoinbaseBranch,
  computeRootFromBranch,
  computeSubsidy,
  computeWitnessCommitment,
  createCommitmentScript,
  decodeBits,
  MAX_BLOCK_SIGOPS_COST,
  MAX_BLOCK_WEIGHT,
} from '../consensus/index.ts'
import {
  type BlockHash,
  computeTxid,
  computeWtxid,
  type Hash256,
  type HashPairs,
  hashPairs,
  type Transaction,
  ZERO_HASH,
} from '../primitives/index.ts'
import { concatBytes, InvariantError } from '../util/index.ts'

/** Version of our blocks: BIP-0009's top bits and no signal. */
export const BLOCK_VERSION = 0x2000_0000
/** Weight kept free for header, counts and coinbase. @see Bitcoin Core `DEFAULT_BLOCK_RESERVED_WEIGHT` */
export const RESERVED_WEIGHT = 8_000
/** Cost of signature operations kept free for the coinbase's outputs. */
export const RESERVED_SIGOPS_COST = 400
/** The coinbase's one witness item. */
export const WITNESS_RESERVED_VALUE: Uint8Array = ZERO_HASH

/** A transaction chosen for a block. */
export interface TemplateTransaction {
  readonly tx: Transaction
  /** Satoshis. */
  readonly fee: bigint
  readonly weight: number
  readonly sigopsCost: number
}

/** Transactions chosen for a block, parents before children. */
export interface TxSelection {
  readonly transactions: readonly TemplateTransaction[]
  /** What they pay, satoshis. */
  readonly fees: bigint
  /** 32 bytes each, internal order. */
  readonly txids: Uint8Array
  readonly wtxids: Uint8Array
}

/** These transactions as if they had been chosen. */
export function selectAll(transactions: readonly TemplateTransaction[]): TxSelection {
  return {
    transactions,
    fees: transactions.reduce((sum, { fee }) => sum + fee, 0n),
    txids: concatBytes(...transactions.map(({ tx }) => computeTxid(tx))),
    wtxids: concatBytes(...transactions.map(({ tx }) => computeWtxid(tx))),
  }
}

/** Where transactions for a block come from. The mempool happens to be one. */
export interface TxSource {
  /** Chooses among those that are valid on top of the tip. */
  select(limits: { readonly maxWeight: number; readonly maxSigopsCost: number }): TxSelection
  /** Changes whenever {@link select} might choose differently. */
  readonly sequence: number
}

/** What the chain demands of its next block. */
export interface NextBlock {
  readonly height: number
  readonly prevBlockHash: BlockHash
  /** Time of the block that it builds on, Unix seconds. */
  readonly prevTime: number
  readonly bits: number
  /** Earliest allowed time, Unix seconds. */
  readonly minTime: number
  /** The time to use: now, or `minTime` if that is later. */
  readonly time: number
}

/** Where mining learns what to build on. The chain happens to answer. */
export interface ChainSource {
  nextBlock(): NextBlock
}

/** A block template, in the words of BIP-0022. */
export interface BlockTemplate extends NextBlock {
  readonly version: number
  readonly target: bigint
  readonly transactions: readonly TemplateTransaction[]
  /** Subsidy plus fees, satoshis. */
  readonly coinbaseValue: bigint
  /**
   * Output script of the witness commitment, for a coinbase with {@link WITNESS_RESERVED_VALUE}; undefined
   * before segwit, when a coinbase must have no witness.
   */
  readonly commitmentScript: Uint8Array | undefined
  /** From the coinbase's txid to the merkle root. */
  readonly merkleBranch: readonly Hash256[]
  /** Of the source, when the transactions were chosen. */
  readonly sequence: number
}

/** The witness commitment for a block of transactions with these wtxids behind any coinbase. */
function createTemplateCommitment(wtxids: Uint8Array, hash: HashPairs): Uint8Array {
  // The coinbase's own wtxid counts as zero.
  const root = computeRootFromBranch(ZERO_HASH, computeCoinbaseBranch(wtxids, hash))
  return createCommitmentScript(computeWitnessCommitment(root, WITNESS_RESERVED_VALUE))
}

/** @throws {@link InvariantError} if they stand for no target. */
function requireTarget(bits: number): bigint {
  const { target } = decodeBits(bits)
  if (target === 0n) {
    throw new InvariantError(`the next block's bits ${bitsToHex(bits)} stand for no target`)
  }
  return target
}

/**
 * Puts a template together.
 *
 * @param hash - Hashes the rows of its two merkle trees.
 * @throws {@link InvariantError} if the chain demands bits that stand for no target.
 * @see Bitcoin Core `BlockAssembler::CreateNewBlock`
 */
export function createBlockTemplate(
  next: NextBlock,
  source: TxSource,
  params: ConsensusParams,
  hash: HashPairs = hashPairs,
): BlockTemplate {
  const target = requireTarget(next.bits)
  const { sequence } = source
  const { transactions, fees, txids, wtxids } = source.select({
    maxWeight: MAX_BLOCK_WEIGHT - RESERVED_WEIGHT,
    maxSigopsCost: MAX_BLOCK_SIGOPS_COST - RESERVED_SIGOPS_COST,
  })
  const hasSegwit = next.height >= params.deployments.segwit
  return {
    ...next,
    version: BLOCK_VERSION,
    target,
    transactions,
    coinbaseValue: computeSubsidy(next.height, params) + fees,
    commitmentScript: hasSegwit ? createTemplateCommitment(wtxids, hash) : undefined,
    merkleBranch: computeCoinbaseBranch(txids, hash),
    sequence,
  }
}

/**
 * The same template at another moment: time and, where the clock has a say in them, bits.
 *
 * @param next - On the same parent.
 * @throws {@link InvariantError} if the chain demands bits that stand for no target.
 */
export function retimeTemplate(template: BlockTemplate, next: NextBlock): BlockTemplate {
  return { ...template, ...next, target: requireTarget(next.bits) }
}
