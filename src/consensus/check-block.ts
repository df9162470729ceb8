/** @module The rules for a block that need no unspent outputs. */

import {
  type Block,
  computeBlockSize,
  computeTransactionSize,
  hasWitness,
  isCoinbase,
  type Transaction,
  WITNESS_SCALE_FACTOR,
} from '../primitives/index.ts'
import { countLegacySigops, pushNumber } from '../script/index.ts'
import { equalBytes } from '../util/index.ts'
import { checkTransaction, isFinal, MAX_BLOCK_WEIGHT } from './check-transaction.ts'
import { ConsensusError } from './errors.ts'
import { computeBlockMerkleRoot, computeWitnessMerkleRoot } from './merkle.ts'
import type { ConsensusParams } from './params/consensus-params.ts'
import { computeWitnessCommitment, findWitnessCommitment } from './witness-commitment.ts'

/** The most that a block's signature operations may cost (BIP-0141). */
export const MAX_BLOCK_SIGOPS_COST = 80_000
const WITNESS_RESERVED_SIZE = 32

/**
 * Checks that the header commits to exactly these transactions.
 *
 * What fails here says nothing about the header: another body may fit it, so the block's hash must
 * not be remembered as invalid.
 *
 * @throws {@link ConsensusError} `bad-txnmrklroot` or `bad-txns-duplicate` (CVE-2012-2459), both
 * reject.
 * @see Bitcoin Core `CheckMerkleRoot`
 */
export function checkMerkleRoot(block: Block): void {
  const { root, isMutated } = computeBlockMerkleRoot(block.transactions)
  if (!equalBytes(root, block.header.merkleRoot)) throw new ConsensusError('bad-txnmrklroot')
  if (isMutated) throw new ConsensusError('bad-txns-duplicate')
}

/** Signature operations in the scripts that a transaction itself carries, uncosted. */
export function countTransactionLegacySigops(tx: Transaction): number {
  let count = 0
  for (const input of tx.inputs) count += countLegacySigops(input.scriptSig, false)
  for (const output of tx.outputs) count += countLegacySigops(output.scriptPubKey, false)
  return count
}

function checkCoinbases(transactions: readonly Transaction[]): void {
  const [first, ...rest] = transactions
  if (first === undefined || !isCoinbase(first)) throw new ConsensusError('bad-cb-missing')
  if (rest.some(isCoinbase)) throw new ConsensusError('bad-cb-multiple')
}

/**
 * Checks a block by itself. Its proof of work is already checked.
 *
 * @throws {@link ConsensusError} those of {@link checkMerkleRoot}, `bad-blk-length`,
 * `bad-cb-missing`, `bad-cb-multiple`, `bad-blk-sigops`, and those of {@link checkTransaction}.
 * @see Bitcoin Core `CheckBlock`
 */
export function checkBlock(block: Block): void {
  checkMerkleRoot(block)
  const { transactions } = block
  const { strippedSize } = computeBlockSize(block)
  const isTooLong =
    transactions.length === 0 ||
    transactions.length * WITNESS_SCALE_FACTOR > MAX_BLOCK_WEIGHT ||
    strippedSize * WITNESS_SCALE_FACTOR > MAX_BLOCK_WEIGHT
  if (isTooLong) throw new ConsensusError('bad-blk-length', { strippedSize })
  checkCoinbases(transactions)
  let sigops = 0
  for (const tx of transactions) {
    checkTransaction(tx)
    sigops += countTransactionLegacySigops(tx)
  }
  if (sigops * WITNESS_SCALE_FACTOR > MAX_BLOCK_SIGOPS_COST) {
    throw new ConsensusError('bad-blk-sigops', { sigops })
  }
}

function checkWitnesses(block: Block, isSegwitActive: boolean): void {
  const [coinbase] = block.transactions
  const commitment =
    isSegwitActive && coinbase !== undefined ? findWitnessCommitment(coinbase) : undefined
  if (commitment === undefined || coinbase === undefined) {
    if (block.transactions.some(hasWitness)) throw new ConsensusError('unexpected-witness')
    return
  }
  const witness = coinbase.inputs[0]?.witness ?? []
  const [reserved] = witness
  if (witness.length !== 1 || reserved?.length !== WITNESS_RESERVED_SIZE) {
    throw new ConsensusError('bad-witness-nonce-size')
  }
  const root = computeWitnessMerkleRoot(block.transactions)
  if (!equalBytes(computeWitnessCommitment(root, reserved), commitment)) {
    throw new ConsensusError('bad-witness-merkle-match')
  }
}

function checkCoinbaseHeight(coinbase: Transaction | undefined, height: number): void {
  const wanted = pushNumber(height)
  const scriptSig = coinbase?.inputs[0]?.scriptSig
  const found = scriptSig?.subarray(0, wanted.length)
  if (found === undefined || !equalBytes(found, wanted)) {
    throw new ConsensusError('bad-cb-height', { height })
  }
}

/**
 * Checks a block against its place in the chain.
 *
 * @param height - The block's own.
 * @param parentMedianTimePast - Unix seconds.
 * @throws {@link ConsensusError} `bad-txns-nonfinal`, `bad-cb-height`, `bad-witness-nonce-size`,
 * `bad-witness-merkle-match`, `unexpected-witness` or `bad-blk-weight` (all reject).
 * @see Bitcoin Core `ContextualCheckBlock`
 */
export function contextualCheckBlock(
  block: Block,
  height: number,
  parentMedianTimePast: number,
  params: ConsensusParams,
): void {
  const { deployments } = params
  const cutoff = height >= deployments.csv ? parentMedianTimePast : block.header.time
  for (const tx of block.transactions) {
    if (!isFinal(tx, height, cutoff)) throw new ConsensusError('bad-txns-nonfinal')
  }
  if (height >= deployments.bip34) checkCoinbaseHeight(block.transactions[0], height)
  checkWitnesses(block, height >= deployments.segwit)
  const { weight } = computeBlockSize(block)
  if (weight > MAX_BLOCK_WEIGHT) throw new ConsensusError('bad-blk-weight', { weight })
}

/**
 * Tells whether what failed is about the body alone, so that another body may fit the same header.
 *
 * @see Bitcoin Core `BlockValidationResult::BLOCK_MUTATED`
 */
export function isBodyMutation(error: ConsensusError, block: Block): boolean {
  return MUTATION_CODES.has(error.code) || hasInnerNodeAsTransaction(block)
}

/** Two hashes side by side: an inner node of the merkle tree, which a transaction of this size can pass for. */
const INNER_NODE_SIZE = 64

/**
 * Tells whether the merkle root may be that of another body, in which transactions of this one are inner nodes: to
 * find transactions that look like one takes little work, but not a coinbase.
 *
 * @see Bitcoin Core `IsBlockMutated`; CVE-2017-12842
 */
function hasInnerNodeAsTransaction({ transactions }: Block): boolean {
  const [first] = transactions
  if (first !== undefined && isCoinbase(first)) return false
  return transactions.some((tx) => computeTransactionSize(tx).strippedSize === INNER_NODE_SIZE)
}

const MUTATION_CODES: ReadonlySet<string> = new Set([
  'bad-txnmrklroot',
  'bad-txns-duplicate',
  'bad-witness-nonce-size',
  'bad-witness-merkle-match',
  'unexpected-witness',
])
