import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  computeCoinbaseBranch,
  computeMerkleRoot,
  computeRootFromBranch,
} from '../../../src/consensus/index.ts'
import { hashPairs } from '../../../src/primitives/index.ts'
import { concatBytes } from '../../../src/util/index.ts'

/** The root as the words have it: by Node.js' hash, a row at a time, nothing shared with the code under test. */
function rootByNode(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length <= 1) return leaves[0] ?? new Uint8Array(32)
  const row: Uint8Array[] = []
  for (let i = 0; i < leaves.length; i += 2) {
    const left = leaves[i] as Uint8Array
    const once = createHash('sha256')
      .update(left)
      .update(leaves[i + 1] ?? left)
    row.push(new Uint8Array(createHash('sha256').update(once.digest()).digest()))
  }
  return rootByNode(row)
}

const SIZES = [...Array.from({ length: 34 }, (_, i) => i), 63, 64, 65, 1_000, 1_025]

describe('merkle trees', () => {
  it.each(SIZES)(
    'have one root, by leaves or by branch, behind a coinbase and %i more',
    (count) => {
      const coinbase = new Uint8Array(randomBytes(32))
      const others = Array.from({ length: count }, () => new Uint8Array(randomBytes(32)))
      const root = rootByNode([coinbase, ...others])
      expect(computeMerkleRoot([coinbase, ...others])).toEqual({ root, isMutated: false })
      let hashed = 0
      const leaves = concatBytes(...others)
      const branch = computeCoinbaseBranch(leaves, (pairs) => {
        hashed += pairs.length / 64
        return hashPairs(pairs)
      })
      expect(computeRootFromBranch(coinbase, branch)).toEqual(root)
      expect(branch).toEqual(computeCoinbaseBranch(leaves))
      expect(hashed).toBeLessThanOrEqual(count)
    },
  )
})
