/** @module What synchronisation remembers of each peer. */

import type { BlockEntry } from '../chain/index.ts'
import type { PeerId, PeerInfo } from './peer-network.ts'

/** A peer as synchronisation sees it. Only this folder changes it. */
export class PeerState {
  readonly id: PeerId
  info: PeerInfo
  /** The header with the most work that the peer is known to have. */
  bestKnown: BlockEntry | undefined
  /** Whether the peer's latest claim has been looked into: it has no headers that we lack. */
  isSettled = false
  /** Headers that it has sent of branches far behind our tip. */
  lowWorkHeaderCount = 0
  isSendingHeaders = false
  isSendingBlocks = false
  isSendingTransactions = false

  constructor(info: PeerInfo) {
    this.id = info.id
    this.info = info
  }

  /** Notes that the peer has a header. */
  learn(entry: BlockEntry): void {
    if (this.bestKnown === undefined || entry.chainWork > this.bestKnown.chainWork) {
      this.bestKnown = entry
    }
  }
}
