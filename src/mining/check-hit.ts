/** @module Whether what a worker claims is true, by another implementation than the one that found it. */

import { hashToNumber } from '../consensus/index.ts'
import { type BlockHash, computeBlockHash } from '../primitives/index.ts'
import { computeWorkMerkleRoot } from './coinbase.ts'
import type { SolvedWork, WorkUnit } from './work-unit.ts'

/**
 * Hashes a claimed solution with `@noble/hashes`.
 *
 * @returns The hash; nothing if it does not meet the unit's share target, or the header is not one of the
 * unit's.
 */
export function checkHit(unit: WorkUnit, solved: SolvedWork): BlockHash | undefined {
  const isOfUnit =
    solved.extraNonce2.length === unit.extraNonce2Size &&
    solved.time >= unit.timeMin &&
    solved.time <= unit.timeMax &&
    ((solved.version ^ unit.version) & ~unit.versionMask) === 0
  if (!isOfUnit) return undefined
  const hash = computeBlockHash({
    version: solved.version,
    prevBlockHash: unit.prevBlockHash,
    merkleRoot: computeWorkMerkleRoot(unit, solved.extraNonce2),
    time: solved.time,
    bits: unit.bits,
    nonce: solved.nonce,
  })
  return hashToNumber(hash) <= hashToNumber(unit.shareTarget) ? hash : undefined
}
