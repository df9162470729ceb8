/** @module What can be wrong with a request to the miner, or with what it found. */

/** Why nothing came of it. */
export type MiningErrorCode =
  /** As many jobs wait as may. */
  | 'too-many-jobs'
  /** Whoever takes blocks found ours invalid; the message has the reason. */
  | 'block-refused'

/** The miner cannot take what it was given, or nobody takes what it found. */
export class MiningError extends Error {
  override readonly name = 'MiningError'
  readonly code: MiningErrorCode

  constructor(code: MiningErrorCode, detail: string) {
    super(`${code}: ${detail}`)
    this.code = code
  }
}
