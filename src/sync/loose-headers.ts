/** @module Which headers without blocks stay in memory when there are too many. */

import type { BlockEntry, Chain } from '../chain/index.ts'
import type { PeerState } from './peer-state.ts'

/**
 * How many headers may be in memory that lead to no stored block: side branches, and what is ahead of the
 * bodies. Where work is cheap nothing else bounds them.
 */
export const MAX_LOOSE_HEADERS = 50_000
/** How many of them may be of one peer's best branch before its next ones have to wait for bodies. */
export const MAX_LOOSE_HEADERS_AHEAD = 20_000
/** How many stay when there are too many. */
export const MAX_LOOSE_HEADERS_SPARED = 20_000
/** How many stay for one peer: what is downloaded now, and next. */
export const MAX_LOOSE_HEADERS_SPARED_PER_PEER = 2_048

/** How many headers of a branch are not stored. */
export function countLooseHeaders(end: BlockEntry | undefined): number {
  let count = 0
  for (let entry = end; entry?.isStored === false; entry = entry.prev) {
    count += 1
  }
  return count
}

/** Who sent us blocks most recently comes first; of those who never did, who burdens us least. */
function compareMerit(a: Branch, b: Branch): number {
  return b.peer.deliveredMs - a.peer.deliveredMs || a.count - b.count
}

interface Branch {
  readonly peer: PeerState
  readonly best: BlockEntry
  readonly count: number
}

/**
 * Forgets headers if there are too many: all but the beginnings of the best branches of peers, as far as
 * they fit. What peers are known to have is cut to that.
 *
 * Whoever sends blocks is spared before others, so that headers alone never keep an honest peer's out.
 */
export function forgetExcessHeaders(chain: Chain, peers: readonly PeerState[]): void {
  if (chain.looseHeaderCount < MAX_LOOSE_HEADERS) return
  const branches: Branch[] = []
  for (const peer of peers) {
    const best = peer.bestKnown
    if (best !== undefined) branches.push({ peer, best, count: countLooseHeaders(best) })
  }
  let room = MAX_LOOSE_HEADERS_SPARED
  const ends: BlockEntry[] = []
  for (const { peer, best, count } of branches.sort(compareMerit)) {
    const spared = Math.min(count, MAX_LOOSE_HEADERS_SPARED_PER_PEER, room)
    const end = best.getAncestor(best.height - count + spared)
    room -= spared
    peer.bestKnown = end
    if (end !== undefined) ends.push(end)
  }
  chain.forgetLooseHeaders(ends)
  for (const peer of peers) {
    const last = peer.lastSent
    if (last !== undefined && chain.getEntry(last.hashHex) === undefined) peer.lastSent = undefined
  }
}
