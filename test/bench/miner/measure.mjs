// @ts-check
/** Medians, and what a piece of work costs in processor time. */

import { readFileSync } from 'node:fs'

const MICROS_PER_MS = 1_000
const NANOS_PER_MICRO = 1_000

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

/**
 * The value that so many of a hundred do not exceed.
 *
 * @param {readonly number[]} values
 * @param {number} percent
 */
export function percentile(values, percent) {
  const sorted = [...values].sort((one, other) => one - other)
  return (
    sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ??
    Number.NaN
  )
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
export function round(value, digits = 3) {
  return Number(value.toFixed(digits))
}

/** Microseconds of processor time that this thread has used; of the wall clock where that is not told. */
export function threadMicros() {
  try {
    return (
      Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / NANOS_PER_MICRO
    )
  } catch {
    return performance.now() * MICROS_PER_MS
  }
}

/** Microseconds of processor time that all threads of this process have used. */
export function processMicros() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/**
 * Repeats a step for some time.
 *
 * @param {() => number} step - Returns how many hashes it did.
 * @param {number} milliseconds
 * @param {() => number} micros - The clock.
 * @returns Hashes per second of that clock.
 */
export function measureSlice(step, milliseconds, micros) {
  const start = micros()
  let hashes = 0
  let elapsed = 0
  while (elapsed < milliseconds * MICROS_PER_MS) {
    hashes += step()
    elapsed = micros() - start
  }
  return (hashes / elapsed) * 1e6
}
