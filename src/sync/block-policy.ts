/** @module Which headers are worth keeping, and who is to blame for those that are not. */

import type { Chain } from '../chain/index.ts'
import { ConsensusError, type ConsensusErrorCode, computeWork } from '../consensus/index.ts'
import { type BlockHeader, toDisplayHex } from '../primitives/index.ts'
import { DecodeError } from '../util/index.ts'
import type { GossipVerdict } from './peer-network.ts'

/** Branches that would end further behind the tip than this many blocks' work are not taken. */
export const ANTI_DOS_WORK_BUFFER_BLOCKS = 144n

/**
 * What every honest forwarder has checked, so that breaking it blames whoever sent it: the header, that the body is
 * the one that the header commits to, and its size.
 */
const FORWARDER_RULES: ReadonlySet<ConsensusErrorCode> = new Set<ConsensusErrorCode>([
  'high-hash',
  'bad-diffbits',
  'time-too-old',
  'time-timewarp-attack',
  'bad-version',
  'bad-txnmrklroot',
  'bad-txns-duplicate',
  'bad-cb-missing',
  'bad-witness-nonce-size',
  'bad-witness-merkle-match',
  'unexpected-witness',
  'bad-blk-length',
])

/** What gossip does about an error. Anything that is not objectively the sender's fault is ignored. */
export function verdictOf(error: unknown): GossipVerdict {
  if (error instanceof DecodeError) return 'reject'
  if (error instanceof ConsensusError && FORWARDER_RULES.has(error.code)) return 'reject'
  return 'ignore'
}

/** Whether an error is a reason to drop a peer that answered a request with it. */
export function isPeerFault(error: unknown): boolean {
  return verdictOf(error) === 'reject'
}

/** Tells whether a branch with so much work in all is far behind the active chain. */
export function isFarBehind(chain: Chain, chainWork: bigint): boolean {
  const { tip } = chain
  return chainWork + ANTI_DOS_WORK_BUFFER_BLOCKS * computeWork(tip.bits) < tip.chainWork
}

/**
 * Tells whether taking headers would be a waste: even with all of them their branch stays far behind
 * the active chain. Keeps cheap old headers from filling memory.
 *
 * @returns False if the first one's parent is unknown.
 * @see Bitcoin Core `GetAntiDoSWorkThreshold`
 */
export function hasTooLittleWork(chain: Chain, headers: readonly BlockHeader[]): boolean {
  const [first] = headers
  if (first === undefined) return false
  const parent = chain.getEntry(toDisplayHex(first.prevBlockHash))
  if (parent === undefined) return false
  const work = headers.reduce((sum, header) => sum + computeWork(header.bits), parent.chainWork)
  return isFarBehind(chain, work)
}
