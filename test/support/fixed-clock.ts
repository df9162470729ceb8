/** @module A clock that stands and a log that nobody reads: parts of a real chain that a test can do without. */

import type { Clock, Logger } from '../../src/util/index.ts'

/** A browser has no `setImmediate`. */
const runSoon =
  (globalThis as { setImmediate?: (action: () => void) => unknown }).setImmediate ?? setTimeout

/** A log that nobody reads. */
export const silentLog: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** A clock that stands where it is put; timers never fire, but for those that only let others have a turn. */
export function createFixedClock(seconds: number): Clock & { set(seconds: number): void } {
  let nowMs = seconds * 1_000
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    schedule: (delayMs, action) => {
      if (delayMs === 0) runSoon(action)
      return { cancel: () => undefined }
    },
    set: (next) => {
      nowMs = next * 1_000
    },
  }
}
