/** @module Telling every peer which blocks are new on the active chain. */

import type { Chain, TipEvent } from '../chain/index.ts'
import type { Clock, Timer } from '../util/index.ts'
import type { Announcement, PeerNetwork } from './peer-network.ts'

/** Of a longer run of new blocks only the last are announced. @see Bitcoin Core `MAX_BLOCKS_TO_ANNOUNCE` */
const MAX_BLOCKS_TO_ANNOUNCE = 8
/**
 * Tips wait so long to be announced: the block itself, which may travel by gossip, is to come first. And tips that
 * follow one another more quickly are announced together: while a node that counts as level fetches a long chain, its
 * peers would take one announcement for each block for a flood.
 */
const ANNOUNCE_DELAY_MS = 200

/** What the announcer works with. */
export interface BlockAnnouncerDeps {
  readonly chain: Chain
  readonly network: PeerNetwork
  readonly clock: Clock
}

/** Announces tips, those that follow one another closely together. */
export class BlockAnnouncer {
  readonly #deps: BlockAnnouncerDeps
  #timer: Timer | undefined
  /** Height of the first block that is still to be announced. */
  #firstUnannounced: number | undefined

  constructor(deps: BlockAnnouncerDeps) {
    this.#deps = deps
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Announces the blocks that lead to a tip, soon. */
  announce({ forkPoint }: TipEvent): void {
    const first = forkPoint.height + 1
    this.#firstUnannounced = Math.min(first, this.#firstUnannounced ?? first)
    this.#timer ??= this.#deps.clock.schedule(ANNOUNCE_DELAY_MS, () => this.#announceTip())
  }

  /** Announces what is new on the active chain, the last of it if it is much. */
  #announceTip(): void {
    const { tip } = this.#deps.chain
    const first = this.#firstUnannounced ?? tip.height
    this.#firstUnannounced = undefined
    this.#timer = undefined
    const items: Announcement[] = []
    let height = Math.max(first, tip.height - MAX_BLOCKS_TO_ANNOUNCE + 1)
    for (; height <= tip.height; height++) {
      const entry = tip.getAncestor(height)
      if (entry !== undefined) items.push({ kind: 'block', hash: entry.hash, header: entry.header })
    }
    if (items.length > 0) void this.#deps.network.publishAnnouncements(items)
  }
}
