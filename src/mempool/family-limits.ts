/** @module Limits on the unconfirmed relatives of a transaction. */

import type { WaitingTransaction } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'
import { TRUC_VERSION } from './truc.ts'

/** Limits on a transaction with its unconfirmed ancestors, and with its unconfirmed descendants; itself included. */
export interface FamilyLimits {
  readonly ancestorCount: number
  /** Virtual bytes. */
  readonly ancestorSize: number
  readonly descendantCount: number
  /** Virtual bytes. */
  readonly descendantSize: number
}

/** @see Bitcoin Core `MemPoolLimits` */
export const DEFAULT_FAMILY_LIMITS: FamilyLimits = {
  ancestorCount: 25,
  ancestorSize: 101_000,
  descendantCount: 25,
  descendantSize: 101_000,
}

/** Virtual bytes of a child that may come beside the limits, to raise the fee. @see Bitcoin Core `EXTRA_DESCENDANT_TX_SIZE_LIMIT` */
const MAX_EXTRA_CHILD_SIZE = 10_000

/** One transaction or several that would wait. */
interface Newcomers {
  readonly count: number
  readonly virtualSize: number
  /** Waiting transactions whose outputs they spend. */
  readonly parents: ReadonlySet<WaitingTransaction>
}

function findExcessParents(
  { count, parents }: Newcomers,
  { ancestorCount }: FamilyLimits,
): string | undefined {
  const isExceeded = parents.size > 0 && parents.size + count > ancestorCount
  return isExceeded ? `too many unconfirmed parents [limit: ${ancestorCount}]` : undefined
}

/**
 * Looks for a limit that is exceeded.
 *
 * @returns Bitcoin Core's words for it; undefined if there is none.
 * @see Bitcoin Core `CalculateAncestorsAndCheckLimits`
 */
function findExcess(
  { count, virtualSize, parents }: Newcomers,
  limits: FamilyLimits,
): string | undefined {
  const { ancestorCount, ancestorSize, descendantCount, descendantSize } = limits
  const ancestors = new Set(parents)
  let size = virtualSize
  // A set yields what is added to it while it is walked through.
  for (const { txid, descendants, virtualSize: own, parents: next } of ancestors) {
    size += own
    if (descendants.virtualSize + virtualSize > descendantSize) {
      return `exceeds descendant size limit for tx ${txid} [limit: ${descendantSize}]`
    }
    if (descendants.count + count > descendantCount) {
      return `too many descendants for tx ${txid} [limit: ${descendantCount}]`
    }
    if (size > ancestorSize) return `exceeds ancestor size limit [limit: ${ancestorSize}]`
    for (const ancestor of next) {
      ancestors.add(ancestor)
      if (ancestors.size + count > ancestorCount) {
        return `too many unconfirmed ancestors [limit: ${ancestorCount}]`
      }
    }
  }
  return undefined
}

/** A transaction whose relatives are counted. */
export interface FamilyQuestion {
  readonly version: number
  readonly virtualSize: number
  /** Waiting transactions whose outputs it spends. */
  readonly parents: ReadonlySet<WaitingTransaction>
  /** Waiting transactions that spend the same. */
  readonly conflicts: ReadonlySet<WaitingTransaction>
  /** Whether one small child may come beside the limits. */
  readonly mayExceed: boolean
}

/**
 * Checks the limits on the relatives of one transaction.
 *
 * @throws {@link MempoolError} `too-long-mempool-chain`.
 * @see Bitcoin Core `MemPoolAccept::PreChecks`
 */
export function checkFamily(question: FamilyQuestion, policy: FamilyLimits): void {
  const { version, virtualSize, parents, conflicts, mayExceed } = question
  const newcomer = { count: 1, virtualSize, parents }
  const [conflict] = conflicts
  const isOne = conflict !== undefined && conflicts.size === 1
  // One replaced transaction makes room for the other.
  const limits: FamilyLimits = {
    ...policy,
    descendantCount: policy.descendantCount + (isOne ? 1 : 0),
    descendantSize: policy.descendantSize + (isOne ? conflict.descendants.virtualSize : 0),
  }
  const find = (within: FamilyLimits): string | undefined =>
    findExcessParents(newcomer, within) ?? findExcess(newcomer, within)
  const excess = find(limits)
  if (excess === undefined) return
  const isExtra = mayExceed && version !== TRUC_VERSION && virtualSize <= MAX_EXTRA_CHILD_SIZE
  const isAllowed =
    isExtra &&
    find({
      ancestorCount: 2,
      ancestorSize: limits.ancestorSize,
      descendantCount: limits.descendantCount + 1,
      descendantSize: limits.descendantSize + MAX_EXTRA_CHILD_SIZE,
    }) === undefined
  if (!isAllowed) throw new MempoolError('too-long-mempool-chain', { detail: excess })
}

/**
 * Checks the limits on several transactions that would come together, as if each were a relative of all others.
 *
 * @throws {@link MempoolError} `package-mempool-limits`.
 * @see Bitcoin Core `CTxMemPool::CheckPackageLimits`
 */
export function checkPackageFamily(
  count: number,
  virtualSize: number,
  parents: ReadonlySet<WaitingTransaction>,
  limits: FamilyLimits,
): void {
  const newcomers = { count, virtualSize, parents }
  const excess = findOwnExcess(newcomers, limits) ?? findExcessParents(newcomers, limits)
  if (excess !== undefined) throw new MempoolError('package-mempool-limits', { detail: excess })
  const possible = findExcess(newcomers, limits)
  if (possible === undefined) return
  throw new MempoolError('package-mempool-limits', { detail: `possibly ${possible}` })
}

/** What is too much whatever else waits. */
function findOwnExcess(
  { count, virtualSize }: Newcomers,
  limits: FamilyLimits,
): string | undefined {
  for (const kind of ['ancestor', 'descendant'] as const) {
    const limit = limits[`${kind}Count`]
    if (count > limit) {
      return `package count ${count} exceeds ${kind} count limit [limit: ${limit}]`
    }
  }
  for (const kind of ['ancestor', 'descendant'] as const) {
    const limit = limits[`${kind}Size`]
    if (virtualSize > limit) {
      return `package size ${virtualSize} exceeds ${kind} size limit [limit: ${limit}]`
    }
  }
  return undefined
}
