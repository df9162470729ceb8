/** @module The port through which the chain has scripts verified, and its simplest adapter. */

import { ConsensusError, type ScriptCheck } from '../consensus/index.ts'
import { computeTransactionSize, computeTxid, toDisplayHex } from '../primitives/index.ts'
import {
  countLegacySigops,
  type PrecomputedTransactionData,
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
  verify(checks: readonly ScriptCheck[], options?: VerifyOptions): Promise<void>
}

/** What is known of checks that are to be verified. */
export interface VerifyOptions {
  /** Whether they take long although there are few inputs. */
  readonly isHeavy?: boolean
}

/** Beyond either, a tenth of a second's work or so, a transaction is not verified on the thread that asks. */
const HEAVY_SIGOPS = 320
const HEAVY_WEIGHT = 20_000

/** Tells whether verifying a transaction may take long, however few inputs it has. */
export function isHeavyCheck({ tx, spentOutputs }: ScriptCheck): boolean {
  if (computeTransactionSize(tx).weight > HEAVY_WEIGHT) return true
  let sigops = 0
  for (const { scriptPubKey } of spentOutputs) sigops += countLegacySigops(scriptPubKey, true)
  for (const { scriptSig } of tx.inputs) sigops += countLegacySigops(scriptSig, true)
  return sigops > HEAVY_SIGOPS
}

const precomputedData = new WeakMap<ScriptCheck, PrecomputedTransactionData>()

/** Hashes that all inputs share. Remembered while the check lives: its inputs may be verified a few at a time. */
function precompute(check: ScriptCheck): PrecomputedTransactionData {
  let data = precomputedData.get(check)
  if (data === undefined) {
    data = precomputeTransactionData(check.tx, check.spentOutputs)
    precomputedData.set(check, data)
  }
  return data
}

/**
 * Verifies the inputs of one transaction, here and now.
 *
 * @param range - The first input, and one more than the last; all of them by default.
 * @throws {@link ScriptError} of the first input that fails.
 */
export function verifyTransactionScripts(
  check: ScriptCheck,
  signatures: SignatureEngine,
  range?: { readonly start: number; readonly end: number },
): void {
  const { tx, spentOutputs, flags } = check
  const precomputed = precompute(check)
  const { start, end } = range ?? { start: 0, end: tx.inputs.length }
  for (let index = start; index < end; index++) {
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
