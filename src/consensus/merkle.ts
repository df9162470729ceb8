/** @module Merkle roots, branches and the mutation that CVE-2012-2459 is about. */

import {
  computeTxid,
  computeWtxid,
  type Hash256,
  hashPair,
  type Transaction,
  ZERO_HASH,
} from '../primitives/index.ts'
import { equalBytes } from '../util/index.ts'

/** A merkle root, and whether some pair of equal hashes makes it ambiguous. */
export interface MerkleResult {
  readonly root: Hash256
  /** True if two neighbours at some level are equal: another list gives the same root. */
  readonly isMutated: boolean
}

/**
 * Root of a list of hashes; the last of an odd row is paired with itself.
 *
 * @see Bitcoin Core `ComputeMerkleRoot`
 */
export function computeMerkleRoot(hashes: readonly Hash256[]): MerkleResult {
  let row = hashes
  let isMutated = false
  while (row.length > 1) {
    const next: Hash256[] = []
    for (let i = 0; i < row.length; i += 2) {
      const left = row[i] as Hash256
      const right = row[i + 1]
      if (right !== undefined && equalBytes(left, right)) isMutated = true
      next.push(hashPair(left, right ?? left))
    }
    row = next
  }
  return { root: row[0] ?? ZERO_HASH, isMutated }
}

/** Root of the txids of a block's transactions. */
export function computeBlockMerkleRoot(transactions: readonly Transaction[]): MerkleResult {
  return computeMerkleRoot(transactions.map(computeTxid))
}

/** Root of the wtxids, the coinbase's counted as zero (BIP-0141). */
export function computeWitnessMerkleRoot(transactions: readonly Transaction[]): Hash256 {
  return computeMerkleRoot(
    transactions.map((tx, index) => (index === 0 ? ZERO_HASH : computeWtxid(tx))),
  ).root
}

/**
 * The hashes that lead from the first leaf to the root, lowest first: what a miner combines its
 * coinbase's txid with.
 *
 * @param others - Every leaf but the first.
 */
export function computeCoinbaseBranch(others: readonly Hash256[]): readonly Hash256[] {
  const branch: Hash256[] = []
  // The first place stands for the unknown coinbase; only its siblings matter.
  let row: (Hash256 | undefined)[] = [undefined, ...others]
  while (row.length > 1) {
    branch.push(row[1] as Hash256)
    const next: (Hash256 | undefined)[] = [undefined]
    for (let i = 2; i < row.length; i += 2) {
      const left = row[i] as Hash256
      next.push(hashPair(left, row[i + 1] ?? left))
    }
    row = next
  }
  return branch
}

/** Root from the first leaf and its branch. */
export function computeRootFromBranch(leaf: Hash256, branch: readonly Hash256[]): Hash256 {
  return branch.reduce((hash, sibling) => hashPair(hash, sibling), leaf)
}
