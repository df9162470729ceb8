/**
 * @module Transactions of version 3: they ask to wait in families of at most two, small enough that either can always be
 * replaced or paid for.
 *
 * @see BIP-0431; Bitcoin Core `policy/truc_policy.cpp`
 */

import { type Transaction, type TxidHex, toDisplayHex } from '../primitives/index.ts'
import type { WaitingTransaction } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'

/** "Topologically restricted until confirmation". */
export const TRUC_VERSION = 3
/** Virtual bytes of one, and of one that spends another. */
const MAX_SIZE = 10_000
const MAX_CHILD_SIZE = 1_000
/** One that waits has no more than one parent, and that no more than one child. */
const MAX_ANCESTORS = 1

/** How a transaction is named in a refusal. */
type Named = Pick<WaitingTransaction, 'tx' | 'txid' | 'wtxid'>

/** A transaction that may be taken, with what waits around it. */
export interface TrucQuestion extends Named {
  readonly virtualSize: number
  /** Waiting transactions that it needs. */
  readonly ancestors: ReadonlySet<WaitingTransaction>
  /** Waiting transactions that spend the same. */
  readonly conflicts: ReadonlySet<WaitingTransaction>
  /** Whether it may push others out. */
  readonly mayReplace: boolean
}

function violation(detail: string): MempoolError {
  return new MempoolError('TRUC-violation', { detail })
}

function nameOf({ txid, wtxid }: Named): string {
  return `tx ${txid} (wtxid=${wtxid})`
}

function isTruc(tx: Transaction): boolean {
  return tx.version === TRUC_VERSION
}

function versionOf({ tx }: Named): string {
  return isTruc(tx) ? 'version=3' : 'non-version=3'
}

function checkSameVersion(child: Named, parent: Named): void {
  if (isTruc(child.tx) === isTruc(parent.tx)) return
  throw violation(
    `${versionOf(child)} ${nameOf(child)} cannot spend from ${versionOf(parent)} ${nameOf(parent)}`,
  )
}

function checkChildSize(child: Named & Pick<TrucQuestion, 'virtualSize'>): void {
  const { virtualSize } = child
  if (virtualSize <= MAX_CHILD_SIZE) return
  throw violation(
    `version=3 child ${nameOf(child)} is too big: ${virtualSize} > ${MAX_CHILD_SIZE} virtual bytes`,
  )
}

function tooManyAncestors(child: Named): MempoolError {
  return violation(`${nameOf(child)} would have too many ancestors`)
}

function tooManyDescendants(parent: Named): MempoolError {
  return violation(`${nameOf(parent)} would exceed descendant count limit`)
}

/**
 * Checks the rules for transactions of version 3 and those that spend them.
 *
 * @returns Another child of its parent, whose place it may take as if both spent the same.
 * @throws {@link MempoolError} `TRUC-violation`
 * @see Bitcoin Core `SingleTRUCChecks`
 */
export function checkTruc(question: TrucQuestion): WaitingTransaction | undefined {
  const { tx, virtualSize, ancestors, conflicts } = question
  for (const ancestor of ancestors) checkSameVersion(question, ancestor)
  if (!isTruc(tx)) return undefined
  if (virtualSize > MAX_SIZE) {
    throw violation(
      `version=3 ${nameOf(question)} is too big: ${virtualSize} > ${MAX_SIZE} virtual bytes`,
    )
  }
  if (ancestors.size > MAX_ANCESTORS) throw tooManyAncestors(question)
  const [parent] = ancestors
  if (parent === undefined) return undefined
  checkChildSize(question)
  const children = [...parent.children]
  const [sibling] = children
  if (sibling === undefined || children.some((child) => conflicts.has(child))) return undefined
  const isAlone = parent.descendants.count === 2 && sibling.ancestors.count === 2
  if (isAlone && question.mayReplace) return sibling
  throw tooManyDescendants(parent)
}

/** One of several transactions that would come together. */
export interface TrucMember {
  /** What it would be; its parents include those that would come with it. */
  readonly entry: WaitingTransaction
  /** Waiting transactions that it needs, by what waits alone. */
  readonly waitingAncestors: ReadonlySet<WaitingTransaction>
}

/**
 * Checks the rules for transactions of version 3 among several that would come together, each of which has passed
 * {@link checkTruc} alone.
 *
 * @throws {@link MempoolError} `TRUC-violation`
 * @see Bitcoin Core `PackageTRUCChecks`
 */
export function checkPackageTruc(members: readonly TrucMember[]): void {
  const inside = new Set(members.map(({ entry }) => entry))
  for (const { entry, waitingAncestors } of members) {
    const parentsInside = [...entry.parents].filter((parent) => inside.has(parent))
    if (!isTruc(entry.tx)) {
      for (const parent of parentsInside) checkSameVersion(entry, parent)
      continue
    }
    if (waitingAncestors.size + parentsInside.length > MAX_ANCESTORS) throw tooManyAncestors(entry)
    const parent = [...waitingAncestors, ...parentsInside][0]
    if (parent === undefined) continue
    checkChildSize(entry)
    checkSameVersion(entry, parent)
    checkBeside(entry, parent, members)
  }
}

/** Refuses another child of the parent, and a child of the child. */
function checkBeside(
  entry: WaitingTransaction,
  parent: WaitingTransaction,
  members: readonly TrucMember[],
): void {
  const spends = ({ inputs }: Transaction, txid: TxidHex): boolean =>
    inputs.some(({ prevout }) => toDisplayHex(prevout.txid) === txid)
  for (const { entry: other } of members) {
    if (other === entry) continue
    if (spends(other.tx, parent.txid)) throw tooManyDescendants(parent)
    if (spends(other.tx, entry.txid)) throw tooManyAncestors(other)
  }
}
