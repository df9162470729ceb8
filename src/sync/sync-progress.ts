/** @module How far a node is that fetches a long chain, for the log and for RPC. */

import type { Clock, Logger } from '../util/index.ts'

/** Whoever is no more blocks behind is level but for what is on its way. */
export const FAR_BEHIND_BLOCKS = 24
/** The log tells how far it is, so often. */
const TELL_INTERVAL_MS = 5_000
/** Without a block for so long nothing is being fetched: headers may be lies, and peers may be gone. */
const IDLE_MS = 15_000
const MS_PER_SECOND = 1_000

/** Where a node is. */
export interface SyncPosition {
  /** Height of the tip. */
  readonly height: number
  /** Height of the best header that a peer has, or of the tip if none has a better one. */
  readonly headerHeight: number
  /** How many blocks peers have sent on request, since the start. */
  readonly delivered: number
}

/** A stretch of blocks that is being fetched. */
interface Stretch {
  readonly startMs: number
  readonly startHeight: number
  told: { readonly ms: number; readonly height: number }
  /** When a block was last delivered. */
  movedMs: number
}

/** Follows a node that is far behind: a line in the log every few seconds, and one at the end. */
export class SyncProgress {
  readonly #clock: Clock
  readonly #log: Logger
  #delivered = 0
  #stretch: Stretch | undefined

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  /** Whether blocks are being fetched of which many are still missing. */
  get isFarBehind(): boolean {
    return this.#stretch !== undefined
  }

  /** Takes note of where the node is. To be called every second or so. */
  update(position: SyncPosition): void {
    const now = this.#clock.monotonic()
    const hasMoved = position.delivered > this.#delivered
    this.#delivered = position.delivered
    const behind = position.headerHeight - position.height
    const stretch = this.#stretch
    if (stretch === undefined) {
      if (behind > FAR_BEHIND_BLOCKS && hasMoved) this.#begin(position.height, now)
      return
    }
    if (hasMoved) stretch.movedMs = now
    if (behind <= 0 || now - stretch.movedMs >= IDLE_MS) this.#end(stretch, position, now)
    else if (now - stretch.told.ms >= TELL_INTERVAL_MS) this.#tell(stretch, position, now)
  }

  #begin(height: number, now: number): void {
    this.#stretch = {
      startMs: now,
      startHeight: height,
      told: { ms: now, height },
      movedMs: now,
    }
  }

  #tell(stretch: Stretch, { height, headerHeight }: SyncPosition, now: number): void {
    const seconds = (now - stretch.told.ms) / MS_PER_SECOND
    const blocksPerSecond = (height - stretch.told.height) / seconds
    stretch.told = { ms: now, height }
    this.#log.info('catching up', {
      height,
      headers: headerHeight,
      blocksPerSecond: round(blocksPerSecond),
      secondsLeft:
        blocksPerSecond > 0 ? Math.ceil((headerHeight - height) / blocksPerSecond) : null,
    })
  }

  #end(stretch: Stretch, { height, headerHeight }: SyncPosition, now: number): void {
    this.#stretch = undefined
    const seconds = Math.max(now - stretch.startMs, 1) / MS_PER_SECOND
    const blocks = height - stretch.startHeight
    this.#log.info(height >= headerHeight ? 'fetched the chain' : 'stopped fetching the chain', {
      height,
      headers: headerHeight,
      blocks,
      seconds: round(seconds),
      blocksPerSecond: round(blocks / seconds),
    })
  }
}

/** One decimal is enough for people. */
function round(value: number): number {
  return Math.round(value * 10) / 10
}
