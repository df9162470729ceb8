/** @module The rules for one transaction that need neither chain nor unspent outputs. */

import {
  encodeTransactionWithoutWitness,
  isCoinbase,
  isNullOutPoint,
  outPointKey,
  SEQUENCE_FINAL,
  type Transaction,
  WITNESS_SCALE_FACTOR,
} from '../primitives/index.ts'
import { isMoney } from './amount.ts'
import { ConsensusError } from './errors.ts'

/** The most that a block may weigh (BIP-0141). */
export const MAX_BLOCK_WEIGHT = 4_000_000
/** Lock times below are block heights, others are Unix seconds. */
export const LOCKTIME_THRESHOLD = 500_000_000
const MIN_COINBASE_SCRIPT_SIZE = 2
const MAX_COINBASE_SCRIPT_SIZE = 100

function checkOutputs(tx: Transaction): void {
  let total = 0n
  for (const { value } of tx.outputs) {
    if (value < 0n) throw new ConsensusError('bad-txns-vout-negative')
    if (!isMoney(value)) throw new ConsensusError('bad-txns-vout-toolarge')
    total += value
    if (!isMoney(total)) throw new ConsensusError('bad-txns-txouttotal-toolarge')
  }
}

function checkInputs(tx: Transaction): void {
  // CVE-2018-17144: one output spent twice by one transaction.
  const seen = new Set(tx.inputs.map((input) => outPointKey(input.prevout)))
  if (seen.size !== tx.inputs.length) throw new ConsensusError('bad-txns-inputs-duplicate')
  if (isCoinbase(tx)) {
    const size = tx.inputs[0]?.scriptSig.length ?? 0
    if (size < MIN_COINBASE_SCRIPT_SIZE || size > MAX_COINBASE_SCRIPT_SIZE) {
      throw new ConsensusError('bad-cb-length', { size })
    }
  } else if (tx.inputs.some((input) => isNullOutPoint(input.prevout))) {
    throw new ConsensusError('bad-txns-prevout-null')
  }
}

/**
 * Checks a transaction by itself.
 *
 * @throws {@link ConsensusError} `bad-txns-vin-empty`, `bad-txns-vout-empty`, `bad-txns-oversize`,
 * `bad-txns-vout-negative`, `bad-txns-vout-toolarge`, `bad-txns-txouttotal-toolarge`,
 * `bad-txns-inputs-duplicate`, `bad-cb-length` or `bad-txns-prevout-null` (all reject).
 * @see Bitcoin Core `CheckTransaction`
 */
export function checkTransaction(tx: Transaction): void {
  if (tx.inputs.length === 0) throw new ConsensusError('bad-txns-vin-empty')
  if (tx.outputs.length === 0) throw new ConsensusError('bad-txns-vout-empty')
  const strippedSize = encodeTransactionWithoutWitness(tx).length
  if (strippedSize * WITNESS_SCALE_FACTOR > MAX_BLOCK_WEIGHT) {
    throw new ConsensusError('bad-txns-oversize', { strippedSize })
  }
  checkOutputs(tx)
  checkInputs(tx)
}

/**
 * Tells whether a transaction's lock time allows it into a block.
 *
 * @param lockTimeCutoff - Unix seconds that time locks are compared with: the parent's median time
 * past where BIP-0113 binds, else the block's own time.
 * @see Bitcoin Core `IsFinalTx`
 */
export function isFinal(tx: Transaction, height: number, lockTimeCutoff: number): boolean {
  if (tx.lockTime === 0) return true
  const cutoff = tx.lockTime < LOCKTIME_THRESHOLD ? height : lockTimeCutoff
  return tx.lockTime < cutoff || tx.inputs.every((input) => input.sequence === SEQUENCE_FINAL)
}
