/** @module How difficult a miner's shares are made, from how fast they come. */

import { floorDifficulty, MAX_DIFFICULTY, MIN_DIFFICULTY } from './difficulty.ts'

/** The aim: one share in so many milliseconds. */
export const SHARE_INTERVAL_MS = 5_000
/** Shares that tell a difficulty that is far off: the estimate is good to within 12 % or so. */
const ENOUGH_SHARES = 72
/** Shares that tell one that is a little off, and the ratio from which it is far. */
const MANY_SHARES = 200
const FAR_OFF = 6
/** With fewer shares, how long is waited in either case, in milliseconds. */
const SLOW_DECISION_MS = 240_000
const SLOWER_DECISION_MS = 900_000
/** Time constant of the estimate, in milliseconds: about as many shares at the aim as are enough. */
const DECAY_MS = 360_000
/** An estimate from fewer shares is a guess: the difficulty goes well below it, where shares come fast enough to tell. */
const FEW_SHARES = 24
const GUESS_STEP = 8
/** Expected hashes for a share of difficulty 1, as all pools count. */
const HASHES_PER_DIFFICULTY = 2 ** 32
/** The difficulty stays while shares come between these multiples of the aim. */
const KEEP_ABOVE = 0.4
const KEEP_BELOW = 2.5
/** After so long without any share the difficulty drops by a large step: the next estimate corrects it. */
const SILENCE_MS = 90_000
const SILENCE_STEP = 1_024

/**
 * Estimates a miner's speed by an average that forgets, and says when its difficulty has to change.
 *
 * An estimate acts once it rests on {@link ENOUGH_SHARES}, or after {@link SLOW_DECISION_MS}. Then the new difficulty
 * fits at once: no ladder of small steps, each of which would cost a job. Times are monotonic milliseconds.
 *
 * @see ckpool `add_submit`, whose estimator and hysteresis these are in other numbers
 */
export class Vardiff {
  #difficulty: number
  /** Difficulty of all shares, each weighed by its age. */
  #sum = 0
  #sumAt: number
  #since: number
  #lastShareAt: number
  #shares = 0
  /** The estimate before the difficulty changed, for as long as the new one rests on nothing. */
  #priorRate = 0

  constructor(difficulty: number, now: number) {
    this.#difficulty = difficulty
    this.#sumAt = now
    this.#since = now
    this.#lastShareAt = now
  }

  get difficulty(): number {
    return this.#difficulty
  }

  /** Sets the difficulty from outside, and begins to measure anew. */
  reset(difficulty: number, now: number): void {
    this.#difficulty = difficulty
    this.#begin(now)
  }

  /** Counts an accepted share of a difficulty, which need not be the current one. */
  addShare(difficulty: number, now: number): void {
    this.#decay(now)
    this.#sum += difficulty
    this.#shares += 1
    this.#lastShareAt = now
  }

  /** Hashes per second, as estimated: from before the last change of difficulty while shares are few. */
  hashesPerSecond(now: number): number {
    const isYoung = this.#shares < FEW_SHARES && this.#priorRate > 0
    const rate = isYoung ? this.#priorRate : this.#rate(now)
    return rate * HASHES_PER_DIFFICULTY
  }

  /** Difficulty per second. */
  #rate(now: number): number {
    const elapsed = now - this.#since
    if (elapsed <= 0) return 0
    this.#decay(now)
    // The average of a young estimate is made up for the time before it began.
    return this.#sum / (DECAY_MS * (1 - Math.exp(-elapsed / DECAY_MS)) * 1e-3)
  }

  /**
   * The difficulty that the miner should get, if another than it has.
   *
   * @param maxDifficulty - That of the network: harder shares would hide blocks.
   */
  next(now: number, maxDifficulty: number): number | undefined {
    const wanted = this.#want(now)
    if (wanted === undefined) return undefined
    const bounded = Math.min(Math.max(wanted, MIN_DIFFICULTY), maxDifficulty, MAX_DIFFICULTY)
    if (bounded === this.#difficulty) return undefined
    this.#difficulty = bounded
    this.#begin(now)
    return bounded
  }

  #want(now: number): number | undefined {
    const elapsed = now - this.#since
    if (this.#shares === 0) {
      return elapsed >= SILENCE_MS ? this.#difficulty / SILENCE_STEP : undefined
    }
    if (this.#shares < ENOUGH_SHARES && elapsed < SLOW_DECISION_MS) return undefined
    const fit = this.#rate(now) * (SHARE_INTERVAL_MS / 1_000)
    const ratio = fit / this.#difficulty
    if (ratio > KEEP_ABOVE && ratio < KEEP_BELOW) return undefined
    const isFar = ratio < 1 / FAR_OFF || ratio > FAR_OFF
    if (!isFar && this.#shares < MANY_SHARES && elapsed < SLOWER_DECISION_MS) return undefined
    if (this.#shares < FEW_SHARES) return floorDifficulty(fit / GUESS_STEP)
    // The nearest power of two by ratio.
    return floorDifficulty(fit * Math.SQRT2)
  }

  #begin(now: number): void {
    if (this.#shares > 0) this.#priorRate = this.#rate(now)
    this.#sum = 0
    this.#sumAt = now
    this.#since = now
    this.#shares = 0
  }

  #decay(now: number): void {
    this.#sum *= Math.exp(-(now - this.#sumAt) / DECAY_MS)
    this.#sumAt = now
  }

  /** When the last share came. */
  get lastShareAt(): number {
    return this.#lastShareAt
  }
}
