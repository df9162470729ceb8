/** @module Telling every peer which transactions we have. */

import { fromDisplayHex, type TxidHex } from '../primitives/index.ts'
import type { Clock, Timer } from '../util/index.ts'
import { MAX_INV_ITEMS, type PeerNetwork } from './peer-network.ts'

/** Transactions wait this long so that one INV carries many. */
const ANNOUNCE_DELAY_MS = 100
/** How many of our announcements may wait. */
export const MAX_QUEUED_ANNOUNCEMENTS = 10_000

/** What the announcer works with. */
export interface TransactionAnnouncerDeps {
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Announces transactions, those that follow one another closely together. */
export class TransactionAnnouncer {
  readonly #deps: TransactionAnnouncerDeps
  #queue: TxidHex[] = []
  #timer: Timer | undefined

  constructor(deps: TransactionAnnouncerDeps) {
    this.#deps = deps
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Announces a transaction, soon. */
  announce(wtxid: TxidHex): void {
    if (this.#queue.length < MAX_QUEUED_ANNOUNCEMENTS) this.#queue.push(wtxid)
    this.#timer ??= this.#deps.clock.schedule(ANNOUNCE_DELAY_MS, () => {
      this.#timer = undefined
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0 && !this.#deps.signal.aborted) {
      const wtxids = this.#queue.splice(0, MAX_INV_ITEMS)
      await this.#deps.network.publishAnnouncements(
        wtxids.map((wtxid) => ({ kind: 'tx', hash: fromDisplayHex(wtxid) }) as const),
      )
    }
  }
}
