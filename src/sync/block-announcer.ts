/** @module Telling every peer which blocks are new on the active chain. */

import type { BlockEntry, Chain, TipEvent } from '../chain/index.ts'
import type { Clock, Timer } from '../util/index.ts'
import type { Announcement, PeerNetwork } from './peer-network.ts'

/** Of a longer run of new blocks only the last are announced. @see Bitcoin Core `MAX_BLOCKS_TO_ANNOUNCE` */
const MAX_BLOCKS_TO_ANNOUNCE = 8
/**
 * Tips that follow one another more quickly are announced together: while a node that counts as level fetches a long
 * chain, its peers would take one announcement for each block for a flood.
 */
const ANNOUNCE_INTERVAL_MS = 200

/** What the announcer works with. */
export interface BlockAnnouncerDeps {
  readonly chain: Chain
  readonly network: PeerNetwork
  readonly clock: Clock
}

/** Announces tips: the first at once, what follows it closely together. */
export class BlockAnnouncer {
  readonly #deps: BlockAnnouncerDeps
  /** Runs for a while after each announcement. */
  #timer: Timer | undefined
  /** Height of the first block that is still to be announced. */
  #firstUnannounced: number | undefined

  constructor(deps: BlockAnnouncerDeps) {
    this.#deps = deps
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Announces the blocks that lead to a tip, now or soon. */
  announce({ tip, forkPoint }: TipEvent): void {
    const first = forkPoint.height + 1
    this.#firstUnannounced = Math.min(first, this.#firstUnannounced ?? first)
    if (this.#timer === undefined) this.#announceTip(tip)
  }

  /** Announces what is new on the active chain, the last of it if it is much. */
  #announceTip(tip: BlockEntry): void {
    const unannounced = this.#firstUnannounced
    this.#firstUnannounced = undefined
    this.#timer = undefined
    if (unannounced === undefined) return
    const items: Announcement[] = []
    let height = Math.max(unannounced, tip.height - MAX_BLOCKS_TO_ANNOUNCE + 1)
    for (; height <= tip.height; height++) {
      const entry = tip.getAncestor(height)
      if (entry !== undefined) items.push({ kind: 'block', hash: entry.hash, header: entry.header })
    }
    void this.#deps.network.publishAnnouncements(items)
    const { clock, chain } = this.#deps
    this.#timer = clock.schedule(ANNOUNCE_INTERVAL_MS, () => this.#announceTip(chain.tip))
  }
}
