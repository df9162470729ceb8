/** @module Error families that belong to no blockchain word. */

/** Plain values only, so that an error can cross a worker boundary or become JSON. */
export type ErrorData = Readonly<Record<string, string | number | boolean | null>>

/** Why bytes could not be decoded. */
export type DecodeErrorCode =
  | 'unexpected-end'
  | 'trailing-bytes'
  | 'non-canonical'
  | 'too-long'
  | 'bad-value'

/**
 * Bytes from outside are not what they claim to be. Always the sender's fault; never retried.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly code: DecodeErrorCode
  /** Position in bytes at which decoding failed. */
  readonly offset: number

  constructor(code: DecodeErrorCode, offset: number, detail?: string) {
    super(`${code} at byte ${offset}${detail === undefined ? '' : `: ${detail}`}`)
    this.code = code
    this.offset = offset
  }
}

/** Our own bug: something that cannot happen has happened. The program stops loudly. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
  readonly code = 'invariant'
}

/** Settings are wrong. The message names the setting and the cure. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * Stops the program if a condition that must hold does not.
 *
 * @throws {@link InvariantError} with `why` as its message.
 */
export function assertInvariant(condition: boolean, why: string): asserts condition {
  if (!condition) throw new InvariantError(why)
}

/**
 * Turns anything that was thrown into a one-line text for a log or an answer.
 */
export function toErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
