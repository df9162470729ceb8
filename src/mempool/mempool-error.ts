/** @module Why a transaction is not taken, when no consensus rule is broken by it. */

import type { TxidHex } from '../primitives/index.ts'
import type { ErrorData } from '../util/index.ts'

/** Reject reasons of relay policy, spelled as in Bitcoin Core. */
export type MempoolErrorCode =
  | 'coinbase'
  | 'version'
  | 'tx-size'
  | 'tx-size-small'
  | 'scriptsig-size'
  | 'scriptsig-not-pushonly'
  | 'scriptpubkey'
  | 'bare-multisig'
  | 'datacarrier'
  | 'dust'
  | 'missing-ephemeral-spends'
  | 'non-final'
  | 'non-BIP68-final'
  | 'no-witness-yet'
  | 'txn-already-in-mempool'
  | 'txn-same-nonwitness-data-in-mempool'
  | 'txn-already-known'
  | 'bip125-replacement-disallowed'
  | 'bad-txns-spends-conflicting-tx'
  | 'replacement-adds-unconfirmed'
  | 'too many potential replacements'
  | 'insufficient fee'
  | 'missing-inputs'
  | 'min relay fee not met'
  | 'mempool min fee not met'
  | 'too-long-mempool-chain'
  | 'TRUC-violation'
  | 'package-mempool-limits'
  | 'unspent-dust'
  | 'max feerate exceeded'
  | 'bad-txns-nonstandard-inputs'
  | 'bad-witness-nonstandard'
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
  /** Bitcoin Core's debug text is in the field `detail`. */
  readonly data: ErrorData

  constructor(code: MempoolErrorCode, data: ErrorData = {}) {
    super(code)
    this.code = code
    this.data = data
  }
}

/** Outputs that a transaction spends are not there: unknown as yet, or spent. */
export class MissingInputsError extends MempoolError {
  /** Transactions that these outputs are of and that do not wait here, each once. */
  readonly parents: readonly TxidHex[]

  constructor(parents: readonly TxidHex[], data: ErrorData = {}) {
    super('missing-inputs', data)
    this.parents = parents
  }
}
