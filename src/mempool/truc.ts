/**
 * @module Transactions of version 3: they ask to wait in families of at most two, small enough that either can always be
 * replaced or paid for.
 *
 * @see BIP-0431; Bitcoin Core `policy/truc_policy.cpp`
 */

import type { Transaction, TxidHex } from '../primitives/index.ts'
import type { WaitingTransaction } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'

/** "Topologically restricted until confirmation". */
export const TRUC_VERSION = 3
/** Virtual bytes of one, and of one that spends another. */
const MAX_SIZE = 10_000
const MAX_CHILD_SIZE = 1_000
/** One that waits has no more than one parent, and that no more than one child. */
const MAX_ANCESTORS = 1

/** A transaction that may be taken, with what waits around it. */
export interface TrucQuestion {
  readonly tx: Transaction
  readonly txid: TxidHex
  readonly wtxid: TxidHex
  readonly virtualSize: number
  /** Waiting transactions that it needs. */
  readonly ancestors: ReadonlySet<WaitingTransaction>
  /** Waiting transactions that spend the same. */
  readonly conflicts: ReadonlySet<WaitingTransaction>
  /** Others that would come with it. */
  readonly beside: Iterable<WaitingTransaction>
  /** Whether it may push others out. */
  readonly mayReplace: boolean
}

function violation(detail: string): MempoolError {
  return new MempoolError('TRUC-violation', { detail })
}

function nameOf({ tx, txid, wtxid }: Pick<TrucQuestion, 'tx' | 'txid' | 'wtxid'>): string {
  const version = tx.version === TRUC_VERSION ? 'version=3' : 'non-version=3'
  return `${version} tx ${txid} (wtxid=${wtxid})`
}

/** The child of a parent of which there may be only one. */
function findSibling({ conflicts, beside }: TrucQuestion, parent: WaitingTransaction) {
  const children = [...parent.children]
  for (const other of beside) if (other.parents.has(parent)) children.push(other)
  return children.find((child) => !conflicts.has(child))
}

/**
 * Checks the rules for transactions of version 3 and those that spend them.
 *
 * @returns Another child of its parent, whose place it may take as if both spent the same.
 * @throws {@link MempoolError} `TRUC-violation`
 * @see Bitcoin Core `SingleTRUCChecks`
 */
export function checkTruc(question: TrucQuestion): WaitingTransaction | undefined {
  const { tx, virtualSize, ancestors } = question
  const name = nameOf(question)
  for (const ancestor of ancestors) {
    if ((ancestor.tx.version === TRUC_VERSION) === (tx.version === TRUC_VERSION)) continue
    throw violation(`${name} cannot spend from ${nameOf(ancestor)}`)
  }
  if (tx.version !== TRUC_VERSION) return undefined
  if (virtualSize > MAX_SIZE) {
    throw violation(`${name} is too big: ${virtualSize} > ${MAX_SIZE} virtual bytes`)
  }
  const [parent] = ancestors
  if (parent === undefined) return undefined
  if (ancestors.size > MAX_ANCESTORS) throw violation(`${name} would have too many ancestors`)
  if (virtualSize > MAX_CHILD_SIZE) {
    throw violation(`${name} is too big: ${virtualSize} > ${MAX_CHILD_SIZE} virtual bytes`)
  }
  const sibling = findSibling(question, parent)
  const isAlone =
    sibling === undefined || (sibling.ancestors.count === 2 && sibling.children.size === 0)
  if (isAlone && (sibling === undefined || question.mayReplace)) return sibling
  throw violation(`${nameOf(parent)} would exceed descendant count limit`)
}
