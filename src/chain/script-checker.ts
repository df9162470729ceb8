/** @module The port through which the chain has scripts verified, and its simplest adapter. */

import { ConsensusError, type ScriptCheck } from '../consensus/index.ts'
import { computeTxid, toDisplayHex } from '../primitives/index.ts'
import {
  precomputeTransactionData,
  ScriptError,
  type SignatureEngine,
  verifyInput,
} from '../script/index.ts'

/**
 * Verifies the scripts of a block's transactions, in any order and on any thread.
 *
 * Rejects with `block-script-verify-flag-failed` as soon as one fails.
 */
export interface ScriptChecker {
  verify(checks: readonly ScriptCheck[]): Promise<void>
}

/**
 * Verifies every input of one transaction, here and now.
 *
 * @throws {@link ScriptError} of the first input that fails.
 */
export function verifyTransactionScripts(check: ScriptCheck, signatures: SignatureEngine): void {
  const { tx, spentOutputs, flags } = check
  const precomputed = precomputeTransactionData(tx, spentOutputs)
  for (const index of tx.inputs.keys()) {
    verifyInput(tx, index, spentOutputs, flags, precomputed, signatures)
  }
}

/** Verifies on the thread that asks. */
export function createInlineScriptChecker(signatures: SignatureEngine): ScriptChecker {
  return {
    async verify(checks) {
      for (const check of checks) {
        try {
          verifyTransactionScripts(check, signatures)
        } catch (error) {
          if (!(error instanceof ScriptError)) throw error
          throw new ConsensusError('block-script-verify-flag-failed', {
            reason: error.reason,
            txid: toDisplayHex(computeTxid(check.tx)),
          })
        }
      }
    },
  }
}
