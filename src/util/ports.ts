/**
 * Ports that every folder may ask for and only `platform/` supplies.
 *
 * @module
 */

/** A timer that can be cancelled. */
export interface Timer {
  /** Idempotent; does nothing once the timer has fired. */
  cancel(): void
}

/** Time, injected so that whole-network runs can be replayed. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. May jump. */
  now(): number
  /** Milliseconds from an arbitrary start, never going back. For durations. */
  monotonic(): number
  /** Calls `action` once after `delayMs`. */
  schedule(delayMs: number, action: () => void): Timer
}

/** Randomness, injected for the same reason as {@link Clock}. */
export interface RandomSource {
  /** A number in [0, 1). Not for keys. */
  float(): number
  /** Bytes from a cryptographic source. */
  bytes(size: number): Uint8Array
}

/** Fields beside a log message: plain data, no objects of ours. */
export type LogFields = Readonly<Record<string, unknown>>

/** A structured log: the message is constant, data goes into the fields. */
export interface Logger {
  trace(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Gives each folder its own log, named by the folder. */
export interface LoggerSource {
  /** @param subsystem - The folder's name. */
  child(subsystem: string): Logger
}

/** What {@link sleep} needs of an `AbortSignal`; spelled out so that util needs no runtime's types. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Waits on a {@link Clock}; rejects with the signal's reason when aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: CancelSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      reject(signal?.reason)
    }
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort)
  })
}
