/** @module The jobs of one session, and the difficulty that each was sent with. */

import type { Clock } from '../util/index.ts'
import { difficultyToTarget, MIN_DIFFICULTY, targetToDifficulty } from './difficulty.ts'
import { type NotifyText, type SessionJob, toJobId } from './job.ts'
import type { StratumPool, StratumWork, Worker } from './ports.ts'
import { formatNotification } from './request.ts'
import { Vardiff } from './vardiff.ts'

/** Jobs of a session that shares may still be for. */
export const MAX_SESSION_JOBS = 16
/** How long shares for a job are taken, in milliseconds. */
export const JOB_LIFETIME_MS = 600_000

/** What the jobs of a session are made with. */
export interface SessionJobsDeps {
  readonly pool: Pick<StratumPool, 'getWork'>
  /** The lines that announce a work, made once for all sessions. */
  readonly textOf: (work: StratumWork) => NotifyText
  readonly send: (text: string) => void
  readonly clock: Clock
}

interface SentJob extends SessionJob {
  readonly sentAt: number
}

/**
 * Sends work, remembers what it demanded, and moves the difficulty.
 *
 * A new difficulty always comes with a job of its own, whose headers differ from those of the job before: shares of the
 * old job count by the old difficulty, and no work is done twice.
 */
export class SessionJobs {
  readonly #deps: SessionJobsDeps
  /** Oldest first. */
  readonly #jobs: SentJob[] = []
  readonly #vardiff: Vardiff
  #sentDifficulty: number | undefined
  #minDifficulty = MIN_DIFFICULTY
  #isFixed = false

  constructor(deps: SessionJobsDeps, startDifficulty: number) {
    this.#deps = deps
    this.#vardiff = new Vardiff(startDifficulty, deps.clock.monotonic())
  }

  /** The difficulty of the newest job; of the next one before there is any. */
  get difficulty(): number {
    return this.#sentDifficulty ?? this.#vardiff.difficulty
  }

  get hashesPerSecond(): number {
    return this.#vardiff.hashesPerSecond(this.#deps.clock.monotonic())
  }

  /** When the newest job was sent, on the monotonic clock; undefined before the first. */
  get sentAt(): number | undefined {
    return this.#jobs.at(-1)?.sentAt
  }

  /**
   * Begins anew with a difficulty that the miner asks for, or that fits its kind.
   *
   * @param isFixed - Whether it stays whatever the miner's speed; then only another fixed one replaces it.
   */
  suggest(difficulty: number, isFixed = false): void {
    if (this.#isFixed && !isFixed) return
    this.#isFixed = isFixed
    this.#vardiff.reset(Math.max(difficulty, this.#minDifficulty), this.#deps.clock.monotonic())
  }

  /** Sets the least difficulty that the miner wants. @see BIP-0310 */
  setMinDifficulty(difficulty: number): void {
    this.#minDifficulty = difficulty
    if (this.#vardiff.difficulty < difficulty) this.suggest(difficulty, this.#isFixed)
  }

  /** The job of that id, if its shares are still taken. */
  find(jobId: string): SessionJob | undefined {
    const now = this.#deps.clock.monotonic()
    const job = this.#jobs.findLast(({ id }) => id === jobId)
    return job !== undefined && now - job.sentAt <= JOB_LIFETIME_MS ? job : undefined
  }

  /**
   * Sends the newest work, after its difficulty if that is another than before.
   *
   * @param isClean - Whether older jobs are of no use any more.
   * @returns Whether there was any.
   */
  sendWork({ payee }: Worker, isClean: boolean): boolean {
    const shared = this.#deps.pool.getWork(payee, false)
    if (shared === undefined) return false
    const difficulty = this.#boundDifficulty(shared)
    const isChanged = difficulty !== this.#sentDifficulty
    // The search space of a work that was sent before is used up in part.
    const isKnown = this.#jobs.some(({ work }) => work === shared)
    const work = isKnown ? this.#deps.pool.getWork(payee, true) : shared
    if (work === undefined) return false
    if (isChanged) {
      this.#sentDifficulty = difficulty
      this.#deps.send(formatNotification('mining.set_difficulty', [difficulty]))
    }
    this.#remember(work, difficulty)
    const text = this.#deps.textOf(work)
    this.#deps.send(isClean ? text.clean : text.keeping)
    return true
  }

  /** Counts a share that the pool has accepted, by what its job demanded. */
  addShare(job: SessionJob): void {
    this.#vardiff.addShare(job.difficulty, this.#deps.clock.monotonic())
  }

  /** Whether the difficulty has to change now; if so the next work carries the new one. */
  adjust(): boolean {
    const newest = this.#jobs.at(-1)
    if (newest === undefined || this.#isFixed) return false
    const now = this.#deps.clock.monotonic()
    const next = this.#vardiff.next(now, targetToDifficulty(newest.work.target))
    return next !== undefined && this.#boundDifficulty(newest.work) !== this.#sentDifficulty
  }

  /** No harder than the block itself: a harder share would hide blocks. */
  #boundDifficulty({ target }: StratumWork): number {
    const wanted = Math.max(this.#vardiff.difficulty, this.#minDifficulty)
    return Math.min(wanted, targetToDifficulty(target))
  }

  #remember(work: StratumWork, difficulty: number): void {
    // Every block is a share: rounding a network's difficulty must not say otherwise.
    const shareTarget = maxTarget(difficultyToTarget(difficulty), work.target)
    const sentAt = this.#deps.clock.monotonic()
    this.#jobs.push({ id: toJobId(work), work, difficulty, shareTarget, sentAt })
    if (this.#jobs.length > MAX_SESSION_JOBS) this.#jobs.shift()
  }
}

function maxTarget(one: bigint, other: bigint): bigint {
  return one >= other ? one : other
}
