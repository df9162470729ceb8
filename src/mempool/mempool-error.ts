/** @module Why a transaction is not taken, when no consensus rule is broken by it. */

import type { ErrorData } from '../util/index.ts'

/** Reject reasons of relay policy, spelled as in Bitcoin Core. */
export type MempoolErrorCode =
  | 'coinbase'
  | 'tx-size'
  | 'non-final'
  | 'non-BIP68-final'
  | 'no-witness-yet'
  | 'txn-already-in-mempool'
  | 'txn-already-known'
  | 'txn-mempool-conflict'
  | 'missing-inputs'
  | 'min relay fee not met'
  | 'too-long-mempool-chain'
  | 'bad-txns-nonstandard-inputs'
  | 'bad-txns-too-many-sigops'
  | 'mempool full'
  | 'too-many-prioritised'
  | 'mempool-script-verify-flag-failed'

/**
 * A transaction is not relayed by our policy. Never a reason to blame a peer: other nodes may have
 * other policies.
 */
export class MempoolError extends Error {
  override readonly name = 'MempoolError'
  readonly code: MempoolErrorCode
  readonly data: ErrorData

  constructor(code: MempoolErrorCode, data: ErrorData = {}) {
    super(code)
    this.code = code
    this.data = data
  }
}
