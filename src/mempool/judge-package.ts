/** @module Whether transactions may be taken together. */

import { ConsensusError } from '../consensus/index.ts'
import type { Transaction, TxidHex } from '../primitives/index.ts'
import { checkPackageFamily } from './family-limits.ts'
import {
  type Candidate,
  checkFeeRate,
  checkSpends,
  type JudgeOptions,
} from './judge-transaction.ts'
import type { MempoolEntry, WaitingTransaction } from './mempool-entry.ts'
import { MempoolError, type MempoolErrorCode } from './mempool-error.ts'
import type { MempoolPolicy } from './mempool-policy.ts'
import { checkPackageTruc } from './truc.ts'

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

/** A transaction of a package of which nothing is known yet. */
export function createMember(tx: Transaction): PackageMember {
  return { tx, entry: undefined, group: [], replaced: [], refusal: undefined }
}

/** What became of a package. */
export interface PackageOutcome {
  readonly members: readonly PackageMember[]
  /** Why all are refused together; undefined if the members say it all. */
  readonly refusal: MempoolError | undefined
}

/** What others of a package may make good. */
const RECONSIDERABLE: ReadonlySet<MempoolErrorCode> = new Set<MempoolErrorCode>([
  'min relay fee not met',
  'mempool min fee not met',
  'missing-inputs',
  'mempool full',
])

/** Whether others of its package may have a transaction taken that is refused alone. */
export function isReconsiderable(refusal: Refusal): boolean {
  return refusal instanceof MempoolError && RECONSIDERABLE.has(refusal.code)
}

/** Whether an error is a verdict on a transaction. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof MempoolError || error instanceof ConsensusError
}

/** How transactions are judged together. */
export interface PackageRules {
  /** Judges one of them, with the transactions before it, as {@link judgeTransaction} does. */
  readonly judge: (tx: Transaction, before: JudgeOptions['before']) => Promise<Candidate>
  /** Verifies the scripts of one. */
  readonly checkScripts: (candidate: Candidate) => Promise<void>
  readonly policy: MempoolPolicy
  /** The least fee rate of all together, satoshis per 1,000 virtual bytes; undefined if each pays for itself. */
  readonly minFeeRate: bigint | undefined
}

/** What became of transactions that were judged together. */
export interface PackageVerdict {
  /** Transactions that would be taken, from the first. If one is refused, those before it of which that is known. */
  readonly taken: readonly WaitingTransaction[]
  /** Why not all would be taken. */
  readonly refusal: Refusal | undefined
  /** The transaction that is refused; undefined if it is none of them, or all together. */
  readonly refusedAt: number | undefined
}

/**
 * Judges transactions together, each spending what it likes of those before it.
 *
 * @param transactions - Parents first.
 * @see Bitcoin Core `AcceptMultipleTransactions`
 */
export async function judgePackage(
  transactions: readonly Transaction[],
  rules: PackageRules,
): Promise<PackageVerdict> {
  const taken: WaitingTransaction[] = []
  let refusedAt: number | undefined
  try {
    const candidates: Candidate[] = []
    const before = new Map<TxidHex, WaitingTransaction>()
    for (const [i, tx] of transactions.entries()) {
      refusedAt = i
      const candidate = await rules.judge(tx, before)
      candidates.push(candidate)
      before.set(candidate.entry.txid, candidate.entry)
    }
    refusedAt = undefined
    if (candidates.length > 1) checkPackageTruc(candidates)
    // The child is to pay for all.
    refusedAt = candidates.length - 1
    const size = checkTotals(candidates, rules)
    refusedAt = undefined
    if (candidates.length > 1) {
      const parents = new Set(candidates.flatMap(({ waitingParents }) => [...waitingParents]))
      checkPackageFamily(candidates.length, size, parents, rules.policy.familyLimits)
    }
    for (const [i, candidate] of candidates.entries()) {
      refusedAt = i
      checkSpends(candidate, rules.policy)
    }
    for (const [i, candidate] of candidates.entries()) {
      refusedAt = i
      await rules.checkScripts(candidate)
      taken.push(candidate.entry)
    }
    return { taken, refusal: undefined, refusedAt: undefined }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { taken, refusal: error, refusedAt }
  }
}

/** @returns Virtual bytes of all. @throws {@link MempoolError} if all together pay too little. */
function checkTotals(
  candidates: readonly Candidate[],
  { minFeeRate, policy }: PackageRules,
): number {
  let fee = 0n
  let virtualSize = 0
  for (const { entry } of candidates) {
    fee += entry.modifiedFee
    virtualSize += entry.virtualSize
  }
  if (minFeeRate !== undefined) {
    checkFeeRate(fee, virtualSize, minFeeRate, policy.minRelayFeeRate)
  }
  return virtualSize
}
