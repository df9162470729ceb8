/** @module Bytes that are to be sent later: latency, jitter and a cap of the bandwidth. */

import type { Uint8ArrayList } from 'uint8arraylist'
import type { RandomSource } from '../util/index.ts'
import type { Faults } from './fault-controls.ts'

/** What may wait in one line, in bytes: beyond it the sender waits. */
export const MAX_DELAYED_BYTES = 4 * 1_048_576
/** What a piece weighs beside its bytes, so that very small ones are bounded, too. */
const PIECE_OVERHEAD_BYTES = 128
/** Under a cap bytes trickle in pieces of this size. */
const CAPPED_PIECE_BYTES = 1_024
const MS_PER_SECOND = 1_000

interface Piece {
  readonly bytes: Uint8ArrayList
  /** Monotonic milliseconds. */
  readonly dueAt: number
}

/** Whether bytes have to wait. */
export function isSlow({ latencyMs, jitterMs, bytesPerSecond }: Faults): boolean {
  return latencyMs > 0 || jitterMs > 0 || bytesPerSecond !== undefined
}

/** First in, first out, each piece at its time. Reads no clock: times are passed in. */
export class DelayLine {
  readonly #random: RandomSource
  #pieces: Piece[] = []
  /** Where the next piece is: taking it out of the array itself would move all the others. */
  #head = 0
  #weight = 0
  /** When the last piece is due: none overtakes it. */
  #lastDueAt = 0
  /** Until when the capped wire is taken. */
  #busyUntil = 0

  constructor(random: RandomSource) {
    this.#random = random
  }

  get isEmpty(): boolean {
    return this.#head === this.#pieces.length
  }

  /** Bytes that may still be put in. */
  get room(): number {
    return Math.max(0, MAX_DELAYED_BYTES - this.#weight)
  }

  /** When the next piece is due, in monotonic milliseconds; undefined if there is none. */
  get nextDueAt(): number | undefined {
    return this.#pieces[this.#head]?.dueAt
  }

  /** Puts bytes in, at most {@link room} of them. */
  push(bytes: Uint8ArrayList, faults: Faults, now: number): void {
    const { latencyMs, jitterMs, bytesPerSecond } = faults
    const step = bytesPerSecond === undefined ? bytes.byteLength : CAPPED_PIECE_BYTES
    const delayMs = latencyMs + jitterMs * this.#random.float()
    for (let at = 0; at < bytes.byteLength; at += step) {
      const piece = bytes.sublist(at, Math.min(at + step, bytes.byteLength))
      const sendMs =
        bytesPerSecond === undefined ? 0 : (MS_PER_SECOND * piece.byteLength) / bytesPerSecond
      this.#busyUntil = Math.max(this.#busyUntil, now) + sendMs
      this.#lastDueAt = Math.max(this.#lastDueAt, this.#busyUntil + delayMs)
      this.#pieces.push({ bytes: piece, dueAt: this.#lastDueAt })
      this.#weight += piece.byteLength + PIECE_OVERHEAD_BYTES
    }
  }

  /** Takes the next piece out if it is due. */
  shift(now: number): Uint8ArrayList | undefined {
    const next = this.#pieces[this.#head]
    if (next === undefined || next.dueAt > now) return undefined
    this.#head++
    this.#weight -= next.bytes.byteLength + PIECE_OVERHEAD_BYTES
    if (2 * this.#head >= this.#pieces.length) {
      this.#pieces = this.#pieces.slice(this.#head)
      this.#head = 0
    }
    return next.bytes
  }

  /** Sets what waits on its way anew, under other faults. */
  restart(faults: Faults, now: number): void {
    const pieces = this.#pieces.slice(this.#head)
    this.clear()
    for (const { bytes } of pieces) this.push(bytes, faults, now)
  }

  /** Drops everything. */
  clear(): void {
    this.#pieces = []
    this.#head = 0
    this.#weight = 0
    this.#lastDueAt = 0
    this.#busyUntil = 0
  }
}
