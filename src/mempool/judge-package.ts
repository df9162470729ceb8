/** @module Whether transactions that pay too little by themselves pay enough together. */

import { ConsensusError } from '../consensus/index.ts'
import type { Transaction, TxidHex } from '../primitives/index.ts'
import { type Candidate, checkFeeRate, type JudgeOptions } from './judge-transaction.ts'
import type { MempoolEntry, WaitingTransaction } from './mempool-entry.ts'
import { MempoolError, type MempoolErrorCode } from './mempool-error.ts'

/** Why a transaction is not taken. */
export type Refusal = MempoolError | ConsensusError

/** What became of one transaction of a package. */
export interface PackageMember {
  readonly tx: Transaction
  /** Where it waits now, or did before. */
  readonly entry: MempoolEntry | undefined
  /** Those whose fees and sizes were judged together: it alone, or all that paid too little by themselves. None if it waited before. */
  readonly group: readonly MempoolEntry[]
  /** Those that had to go for it. */
  readonly replaced: readonly MempoolEntry[]
  /** Why it is not taken; undefined too if an earlier refusal left it unjudged. */
  readonly refusal: Refusal | undefined
}

/** What others of a package may make good. */
const RECONSIDERABLE: ReadonlySet<MempoolErrorCode> = new Set<MempoolErrorCode>([
  'min relay fee not met',
  'mempool min fee not met',
  'missing-inputs',
])

/** Whether others of its package may have a transaction taken that is refused alone. */
export function isReconsiderable(refusal: Refusal): boolean {
  return refusal instanceof MempoolError && RECONSIDERABLE.has(refusal.code)
}

/** Whether an error is a verdict on a transaction. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof MempoolError || error instanceof ConsensusError
}

/**
 * Judges transactions by their fees together.
 *
 * @param transactions - Parents first.
 * @param judge - Judges one of them.
 * @param minFeeRate - The least that a full mempool takes, satoshis per 1,000 virtual bytes.
 * @throws Why one of them, or all together, are refused.
 * @see Bitcoin Core `AcceptMultipleTransactions`
 */
export async function judgeTogether(
  transactions: readonly Transaction[],
  judge: (tx: Transaction, wishes: Partial<JudgeOptions>) => Promise<Candidate>,
  minFeeRate: bigint,
): Promise<readonly WaitingTransaction[]> {
  const before = new Map<TxidHex, WaitingTransaction>()
  let fee = 0n
  let virtualSize = 0
  for (const tx of transactions) {
    const { entry } = await judge(tx, { before, minFeeRate: undefined, mayReplace: false })
    before.set(entry.txid, entry)
    fee += entry.modifiedFee
    virtualSize += entry.virtualSize
  }
  checkFeeRate(fee, virtualSize, minFeeRate)
  return [...before.values()]
}
