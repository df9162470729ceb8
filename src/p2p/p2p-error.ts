/** @module What can go wrong between nodes without anybody's bytes being wrong. */

/** Why talking to another node failed. */
export type P2pErrorCode =
  | 'banned'
  | 'dial-failed'
  | 'fault'
  | 'feeler'
  | 'handshake-failed'
  | 'inactive'
  | 'invalid-address'
  | 'not-running'
  | 'stream-failed'
  | 'timeout'
  | 'too-busy'
  | 'too-many-bans'
  | 'too-many-peers'
  | 'unknown-peer'
  | 'wrong-chain'

/** The network's fault, or nobody's: retry, ask somebody else, or report. */
export class P2pError extends Error {
  override readonly name = 'P2pError'
  readonly code: P2pErrorCode

  constructor(code: P2pErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Wraps whatever libp2p threw, unless it is an error of ours already. */
export function toP2pError(code: P2pErrorCode, message: string, cause: unknown): Error {
  if (cause instanceof P2pError) return cause
  const detail = cause instanceof Error ? `: ${cause.message}` : ''
  return new P2pError(code, `${message}${detail}`, { cause })
}
