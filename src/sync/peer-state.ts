/** @module What synchronisation remembers of each peer. */

import type { BlockEntry } from '../chain/index.ts'
import type { HeaderPresync } from './header-presync.ts'
import type { PeerId, PeerInfo } from './peer-network.ts'

/**
 * How long a peer's claim to have more work holds us up while no header of it comes: as long as one request
 * may take. Repeating the claim does not prolong it.
 */
export const CLAIM_PATIENCE_MS = 15_000

/**
 * What a peer's announcements are worth: `doubted` if it has let us wait for what it announced, `proven` once it has sent
 * something of it in time.
 */
export type Standing = 'doubted' | 'unproven' | 'proven'

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
  /** When it last sent a block that we lacked, of the monotonic clock; before that, and once it fails to, -1. */
  deliveredMs = -1
  /** Whether it has failed to send a block that it announced, and sent none that we lacked since. */
  isWithholdingBlocks = false
  /** What it has made of its announcements of transactions. */
  standing: Standing = 'unproven'
  /** How many answers in a row were headers that follow none of ours. */
  unconnectedAnswers = 0
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

  /** It has sent a block that we lacked. @param nowMs - Of the monotonic clock. */
  noteBlock(nowMs: number): void {
    this.deliveredMs = nowMs
    this.isWithholdingBlocks = false
  }

  /** It has announced a block, and does not send it. What it sent before is no reason to believe it any longer. */
  noteWithheldBlock(): void {
    this.deliveredMs = -1
    this.isWithholdingBlocks = true
  }

  /** Notes that the peer has a header. */
  learn(entry: BlockEntry): void {
    if (this.bestKnown === undefined || entry.chainWork > this.bestKnown.chainWork) {
      this.bestKnown = entry
    }
  }
}

function isChosen({ info }: PeerState): boolean {
  return info.direction === 'outbound'
}

/** Whether we have reason to believe that a peer sends the blocks it announces: we chose it, or it has. */
export function isTrusted(peer: PeerState): boolean {
  return !peer.isWithholdingBlocks && (isChosen(peer) || peer.deliveredMs >= 0)
}

/**
 * Peers whom we chose come first, then those who have sent blocks, the latest first, and last those who failed to; for
 * `sort`.
 */
export function compareTrust(a: PeerState, b: PeerState): number {
  const rank = (peer: PeerState): number => {
    if (peer.isWithholdingBlocks) return 0
    return isChosen(peer) ? 2 : 1
  }
  return rank(b) - rank(a) || b.deliveredMs - a.deliveredMs
}

/** The same for transactions; of equals none comes first. */
export function compareStanding(a: PeerState, b: PeerState): number {
  const rank = (peer: PeerState): number => {
    if (peer.standing === 'doubted') return 0
    if (isChosen(peer)) return 3
    return peer.standing === 'proven' ? 2 : 1
  }
  return rank(b) - rank(a)
}
