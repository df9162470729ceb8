/** @module Telling another node which chain we have, in a few hashes. */

import { type BlockHash, toDisplayHex } from '../primitives/index.ts'
import type { BlockEntry } from './block-entry.ts'
import type { Chain } from './chain.ts'

/** After so many single steps the locator's strides double. */
const SINGLE_STEPS = 10

/**
 * Hashes from an entry back to genesis: ten in a row, then ever further apart.
 *
 * @see Bitcoin Core `GetLocator`
 */
export function createLocator(from: BlockEntry): readonly BlockHash[] {
  const hashes: BlockHash[] = []
  let stride = 1
  let entry: BlockEntry | undefined = from
  while (entry !== undefined) {
    hashes.push(entry.hash)
    if (entry.height === 0) break
    if (hashes.length > SINGLE_STEPS) stride *= 2
    entry = entry.getAncestor(Math.max(entry.height - stride, 0))
  }
  return hashes
}

/**
 * The last block of our active chain that a locator's owner has: genesis if nothing else.
 *
 * @see Bitcoin Core `FindForkInGlobalIndex`
 */
export function findLocatorFork(chain: Chain, locator: readonly BlockHash[]): BlockEntry {
  for (const hash of locator) {
    const entry = chain.getEntry(toDisplayHex(hash))
    if (entry === undefined) continue
    if (chain.isActive(entry)) return entry
    // The asker is ahead of us on a branch that contains our tip.
    if (entry.getAncestor(chain.tip.height) === chain.tip) return chain.tip
  }
  return chain.genesis
}
