/** @module Telling every peer which transactions we have. */

import { fromDisplayHex, type TxidHex } from '../primitives/index.ts'
import { type Clock, LimitedLog, type Logger, type Quota, type Timer } from '../util/index.ts'
import { MAX_INV_ITEMS, type PeerNetwork } from './peer-network.ts'

/** How long from one INV to the next: one carries many transactions, and a flood does not go out all at once. */
const ANNOUNCE_DELAY_MS = 100
/** How many of our announcements may wait: ten seconds' worth of full INVs. */
export const MAX_QUEUED_ANNOUNCEMENTS = 100_000
/** How often is told that there were more. */
const OVERFLOW_LOG_QUOTA: Quota = { burst: 1, perSecond: 1 / 60 }

/** What the announcer works with. */
export interface TransactionAnnouncerDeps {
  readonly network: Pick<PeerNetwork, 'publishAnnouncements'>
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Announces transactions, those that follow one another closely together. */
export class TransactionAnnouncer {
  readonly #deps: TransactionAnnouncerDeps
  readonly #queue: TxidHex[] = []
  readonly #overflowLog: LimitedLog
  #timer: Timer | undefined

  constructor(deps: TransactionAnnouncerDeps) {
    this.#deps = deps
    this.#overflowLog = new LimitedLog(deps.log, 'warn', OVERFLOW_LOG_QUOTA, deps.clock)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Announces a transaction, soon. */
  announce(wtxid: TxidHex): void {
    if (this.#queue.length >= MAX_QUEUED_ANNOUNCEMENTS) {
      // Peers that lack it learn of it when it is mined, or from others.
      this.#overflowLog.write('Transactions come faster than they can be announced', { wtxid })
      return
    }
    this.#queue.push(wtxid)
    this.#schedule()
  }

  #schedule(): void {
    this.#timer ??= this.#deps.clock.schedule(ANNOUNCE_DELAY_MS, () => void this.#flush())
  }

  async #flush(): Promise<void> {
    const { network, signal } = this.#deps
    const items = this.#queue
      .splice(0, MAX_INV_ITEMS)
      .map((wtxid) => ({ kind: 'tx', hash: fromDisplayHex(wtxid) }) as const)
    await network.publishAnnouncements(items)
    this.#timer = undefined
    if (this.#queue.length > 0 && !signal.aborted) this.#schedule()
  }
}
