/** @module A log that other nodes cannot flood. */

import type { Clock, LogFields, Logger } from './ports.ts'
import { type Quota, TokenBucket } from './token-bucket.ts'

/** Writes at one level within a quota, and counts what it leaves out. */
export class LimitedLog {
  readonly #write: (message: string, fields: LogFields) => void
  readonly #bucket: TokenBucket
  #suppressed = 0

  constructor(log: Logger, level: 'debug' | 'info' | 'warn', quota: Quota, clock: Clock) {
    this.#write = (message, fields) => log[level](message, fields)
    this.#bucket = new TokenBucket(quota, clock)
  }

  write(message: string, fields: LogFields): void {
    if (!this.#bucket.tryTake(1)) {
      this.#suppressed++
      return
    }
    const left = this.#suppressed
    this.#suppressed = 0
    this.#write(message, left === 0 ? fields : { ...fields, linesSuppressed: left })
  }
}
