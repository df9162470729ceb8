// @ts-check
/** Random numbers that a seed repeats. */

const STEP = 0x6d2b_79f5
const RANGE = 2 ** 32

/** A generator of 32 bits of state: enough to choose moments and shapes, and short to read. */
export class SeededRandom {
  #state

  /** @param {number} seed - A whole number; its low 32 bits count. */
  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** At least 0, below 1. */
  float() {
    this.#state = (this.#state + STEP) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / RANGE
  }

  /**
   * A whole number within limits, both inclusive.
   *
   * @param {number} min
   * @param {number} max
   */
  integer(min, max) {
    return min + Math.floor(this.float() * (max - min + 1))
  }

  /** @param {number} share - From 0 to 1. */
  chance(share) {
    return this.float() < share
  }

  /**
   * @template Value
   * @param {readonly Value[]} values - At least one.
   * @returns {Value}
   */
  pick(values) {
    return /** @type {Value} */ (values[this.integer(0, values.length - 1)])
  }

  /** @param {number} size */
  bytes(size) {
    return Uint8Array.from({ length: size }, () => this.integer(0, 255))
  }
}
