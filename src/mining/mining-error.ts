/** @module What can be wrong with a request to the miner. */

/** Why the miner refused. */
export type MiningErrorCode =
  /** As many jobs wait as may. */
  'too-many-jobs'

/** The miner cannot take what it was given. Says nothing about any block. */
export class MiningError extends Error {
  override readonly name = 'MiningError'
  readonly code: MiningErrorCode

  constructor(code: MiningErrorCode, detail: string) {
    super(`${code}: ${detail}`)
    this.code = code
  }
}
