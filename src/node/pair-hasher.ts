/** @module Rows of merkle trees, hashed by the compiled core where that pays. */

import type { HashEngine } from '../mining/index.ts'
import { HASH_SIZE, type HashPairs, hashPairs } from '../primitives/index.ts'
import { type Logger, toErrorMessage } from '../util/index.ts'

/** Shorter rows are hashed before an engine would be there. */
const MIN_ENGINE_PAIRS = 256

/**
 * Hashes long rows with an engine: in a fifth of the time. It is loaded when the first long row comes; that one and
 * those that come meanwhile are hashed without.
 */
export function createPairHasher(
  loadHashEngine: () => Promise<HashEngine>,
  log: Logger,
): HashPairs {
  let engine: HashEngine | undefined
  let isAsked = false
  const load = async (): Promise<void> => {
    try {
      engine = await loadHashEngine()
    } catch (error) {
      log.warn('merkle trees are hashed slowly', { error: toErrorMessage(error) })
    }
  }
  return (pairs) => {
    if (pairs.length < MIN_ENGINE_PAIRS * 2 * HASH_SIZE) return hashPairs(pairs)
    if (engine !== undefined) return engine.hashPairs(pairs)
    if (!isAsked) void load()
    isAsked = true
    return hashPairs(pairs)
  }
}
