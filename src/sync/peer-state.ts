/** @module What synchronisation remembers of each peer. */

import type { BlockEntry } from '../chain/index.ts'
import type { HeaderPresync } from './header-presync.ts'
import type { PeerId, PeerInfo } from './peer-network.ts'

/**
 * How long a peer's claim to have more work holds us up while no header of it comes: as long as one request
 * may take. Repeating the claim does not prolong it.
 */
export const CLAIM_PATIENCE_MS = 15_000

/** A peer as synchronisation sees it. Only this folder changes it. */
export class PeerState {
  readonly id: PeerId
  info: PeerInfo
  /** The header with the most work that the peer is known to have. */
  bestKnown: BlockEntry | undefined
  /** Whether the peer's latest claim has been looked into: it has no headers that we lack. */
  isSettled = false
  /** When it made the oldest claim that has brought us no header since; of the monotonic clock. */
  claimedMs: number | undefined
  /** While it sends headers: the last of them that was taken. */
  lastSent: BlockEntry | undefined
  /** A chain of headers that it is sending and that has had too little work so far. */
  presync: HeaderPresync | undefined
  /** When it last sent a block that we lacked, of the monotonic clock; before that, -1. */
  deliveredMs = -1
  isGone = false
  /** How many requests for blocks in a row it has answered without one. */
  refusals = 0
  isSendingHeaders = false
  /** Whether it has told of a header that we lack since it was asked for headers. */
  hasNewHeaders = false
  isSendingBlocks = false
  isSendingTransactions = false

  constructor(info: PeerInfo) {
    this.id = info.id
    this.info = info
  }

  /** Whether its claim is to be looked into before we count ourselves as level. */
  isHoldingUp(nowMs: number): boolean {
    return !this.isSettled && nowMs - (this.claimedMs ?? nowMs) < CLAIM_PATIENCE_MS
  }

  /** Whether it has blocks of more work than a tip's, and the one after that tip still. */
  canContinue(tip: BlockEntry): boolean {
    const { prunedHeight = 0 } = this.info.status
    return (this.bestKnown?.chainWork ?? 0n) > tip.chainWork && prunedHeight <= tip.height
  }

  /** Notes that the peer has a header. */
  learn(entry: BlockEntry): void {
    if (this.bestKnown === undefined || entry.chainWork > this.bestKnown.chainWork) {
      this.bestKnown = entry
    }
  }
}

/** Whether we have reason to believe that a peer sends what it announces: we chose it, or it has. */
export function isTrusted({ info, deliveredMs }: PeerState): boolean {
  return info.direction === 'outbound' || deliveredMs >= 0
}

/** Peers whom we chose come first, then those who have sent blocks, the latest first; for `sort`. */
export function compareTrust(a: PeerState, b: PeerState): number {
  const chosen = (peer: PeerState): number => (peer.info.direction === 'outbound' ? 1 : 0)
  return chosen(b) - chosen(a) || b.deliveredMs - a.deliveredMs
}
