/**
 * The runtime's own clock and random source, made of what Node.js and browsers share.
 *
 * @module
 */

import type { Clock, RandomSource } from '../util/index.ts'

/** The longest delay that the runtime's timers take; a longer one fires at once. */
const MAX_TIMER_DELAY_MS = 2_147_483_647
/** The most that one call of `crypto.getRandomValues` gives. */
const MAX_RANDOM_CHUNK_BYTES = 65_536

/** Real time. A timer that is waiting keeps a Node.js process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (delayMs, action) => {
    let handle: ReturnType<typeof setTimeout>
    const arm = (restMs: number): void => {
      handle =
        restMs > MAX_TIMER_DELAY_MS
          ? setTimeout(() => arm(restMs - MAX_TIMER_DELAY_MS), MAX_TIMER_DELAY_MS)
          : setTimeout(action, Math.max(0, restMs))
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Real randomness; `bytes` come from the runtime's cryptographic source. */
export const systemRandom: RandomSource = {
  float: () => Math.random(),
  bytes: (size) => {
    const bytes = new Uint8Array(size)
    for (let start = 0; start < size; start += MAX_RANDOM_CHUNK_BYTES) {
      crypto.getRandomValues(bytes.subarray(start, start + MAX_RANDOM_CHUNK_BYTES))
    }
    return bytes
  },
}
