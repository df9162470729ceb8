/** @module The machine's clock against the chain's time: whether blocks can be accepted, and what operators must know. */

import { type Chain, toUnixSeconds } from '../chain/index.ts'
import { ConsensusError } from '../consensus/index.ts'
import type { Clock, Logger, Timer } from '../util/index.ts'
import { countOf } from '../util/index.ts'
import { computeMinTime } from './sources.ts'

const WATCH_INTERVAL_MS = 1_000
/** Trouble is over so far from the limit only, or at half of it: a chain that is mined too fast stays at the limit. */
const CLEAR_MARGIN_SECONDS = 60
const MS_PER_SECOND = 1_000

/** The watch's collaborators. */
export interface ClockWatchDeps {
  readonly chain: Chain
  readonly clock: Clock
  readonly log: Logger
}

/** Which rule is the matter: no next block can be accepted, or the tip itself would not be. */
type ClockTrouble = 'next-block-too-new' | 'tip-too-new'

/**
 * Compares the chain's time with the clock. After a clock went back, or on a chain that is mined faster than its time
 * runs, the next block would be refused with `time-too-new` until the clock has caught up.
 */
export class ClockWatch {
  readonly #deps: ClockWatchDeps
  #timer: Timer | undefined
  #trouble: ClockTrouble | undefined

  constructor(deps: ClockWatchDeps) {
    this.#deps = deps
  }

  /** Whether the next block would be accepted, as far as its time goes. */
  get isTimely(): boolean {
    return computeMinTime(this.#deps.chain) <= this.#maxTime
  }

  /** Warnings for operators, none while all is well. */
  get warnings(): readonly string[] {
    this.#look()
    return this.#trouble === undefined ? [] : [this.#describe(this.#trouble)]
  }

  /** Logs when trouble begins and when it ends, from now on. */
  start(): void {
    this.#look()
    this.#timer = this.#deps.clock.schedule(WATCH_INTERVAL_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** @throws {@link ConsensusError} `time-too-new` if the next block would be refused. */
  requireTimely(): void {
    if (this.isTimely) return
    const { chain, clock } = this.#deps
    const time = computeMinTime(chain)
    throw new ConsensusError('time-too-new', { time, now: toUnixSeconds(clock.now()) })
  }

  /** Latest time that a block may have now, Unix seconds. */
  get #maxTime(): number {
    const { chain, clock } = this.#deps
    return toUnixSeconds(clock.now()) + chain.params.maxFutureSeconds
  }

  #findTrouble(): ClockTrouble | undefined {
    const { chain } = this.#deps
    const margin = Math.min(CLEAR_MARGIN_SECONDS, chain.params.maxFutureSeconds / 2)
    const limit = this.#maxTime - (this.#trouble === undefined ? 0 : margin)
    if (computeMinTime(chain) > limit) return 'next-block-too-new'
    return chain.tip.time > limit ? 'tip-too-new' : undefined
  }

  #describe(trouble: ClockTrouble): string {
    const { chain } = this.#deps
    const limit = `more than ${countOf(chain.params.maxFutureSeconds, 'second')} ahead of this clock`
    const cause =
      trouble === 'tip-too-new'
        ? `The newest block has the time ${toIso(chain.tip.time)}, ${limit}: new blocks of other nodes are refused (time-too-new) until the clock has caught up.`
        : `The next block needs the time ${toIso(computeMinTime(chain))} or later, ${limit}: no block can be accepted (time-too-new), and none is mined, until the clock has caught up.`
    return `Please check that your computer's date and time are correct! ${cause}`
  }

  #look(): void {
    const trouble = this.#findTrouble()
    if (trouble === this.#trouble) return
    const { log } = this.#deps
    if (trouble !== undefined) log.warn(this.#describe(trouble))
    else log.info('the clock has caught up with the chain: blocks are accepted again')
    this.#trouble = trouble
  }
}

function toIso(seconds: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: It formats a given time and reads no clock.
  return new Date(seconds * MS_PER_SECOND).toISOString()
}
