/** @module Merkle roots, branches and the mutation that CVE-2012-2459 is about. */

import {
  computeTxid,
  computeWtxid,
  HASH_SIZE,
  type Hash256,
  type HashPairs,
  hashPair,
  hashPairs,
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
 * @param others - Every leaf but the first, 32 bytes each.
 * @param hash - Does the hashing, which is nearly all of the time.
 */
export function computeCoinbaseBranch(
  others: Uint8Array,
  hash: HashPairs = hashPairs,
): readonly Hash256[] {
  const branch: Hash256[] = []
  // The first place stands for the unknown coinbase; only its siblings matter. The last is for pairing an odd one.
  const row = new Uint8Array(others.length + 2 * HASH_SIZE)
  row.set(others, HASH_SIZE)
  for (let count = others.length / HASH_SIZE + 1; count > 1; count = Math.ceil(count / 2)) {
    branch.push(row.slice(HASH_SIZE, 2 * HASH_SIZE))
    const end = count * HASH_SIZE
    if (count % 2 === 1) row.copyWithin(end, end - HASH_SIZE, end)
    const pairs = row.subarray(2 * HASH_SIZE, end + (count % 2) * HASH_SIZE)
    row.set(hash(pairs), HASH_SIZE)
  }
  return branch
}

/** Root from the first leaf and its branch. */
export function computeRootFromBranch(leaf: Hash256, branch: readonly Hash256[]): Hash256 {
  return branch.reduce((hash, sibling) => hashPair(hash, sibling), leaf)
}
