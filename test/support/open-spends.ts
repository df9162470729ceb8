/** @module Transactions that need no key, for tests that are not about signatures. */

import {
  computeTxid,
  SEQUENCE_FINAL,
  type Transaction,
  type TxOut,
} from '../../src/primitives/index.ts'
import { OP_TRUE_SCRIPT } from './chain-generator.ts'

/** An output that anyone can spend. */
export interface OpenOutput {
  readonly tx: Transaction
  readonly vout: number
}

/** What an open output is worth, in satoshis. */
export function satsOf({ tx, vout }: OpenOutput): bigint {
  return tx.outputs[vout]?.value ?? 0n
}

/**
 * Spends outputs of {@link OP_TRUE_SCRIPT} into as many, less a fee.
 *
 * @param extra - A last output, such as one that only takes up room.
 */
export function spendOpen(
  from: readonly OpenOutput[],
  fee: bigint,
  outputCount = 1,
  extra: readonly TxOut[] = [],
): Transaction {
  const total = from.reduce((sum, output) => sum + satsOf(output), 0n) - fee
  const each = total / BigInt(outputCount)
  const outputs = Array.from({ length: outputCount }, (_, i) => ({
    value: i === 0 ? total - each * BigInt(outputCount - 1) : each,
    scriptPubKey: OP_TRUE_SCRIPT,
  }))
  return {
    version: 2,
    inputs: from.map(({ tx, vout }) => ({
      prevout: { txid: computeTxid(tx), vout },
      scriptSig: new Uint8Array(0),
      sequence: SEQUENCE_FINAL,
      witness: [],
    })),
    outputs: [...outputs, ...extra],
    lockTime: 0,
  }
}

/** An output that nobody can spend and that takes up so many bytes. */
export function createBallast(size: number): TxOut {
  return { value: 0n, scriptPubKey: new Uint8Array(size).fill(0x6a) }
}
