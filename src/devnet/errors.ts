/** @module What can go wrong with a devnet. */

/** Why a devnet cannot be started or go on. */
export type DevnetErrorCode =
  /** A node ended, or said nothing, before it was up. */
  | 'node-not-started'
  /** The chain in the folder is not the one that was asked for. */
  | 'devnet-mismatch'
  /** A node's answer is not what a node answers. */
  | 'bad-answer'
  /** There is no such node, or it is not as the command needs it. */
  | 'bad-command'
  /** Nobody runs a devnet in the folder. */
  | 'no-devnet'

/** A devnet's world is not as it should be; the message says what to do. */
export class DevnetError extends Error {
  override readonly name = 'DevnetError'
  readonly code: DevnetErrorCode

  constructor(code: DevnetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
