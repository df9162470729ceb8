/** @module When a transaction may take the place of others that spend the same. */

import { formatMoney } from '../consensus/index.ts'
import { type Transaction, type TxidHex, toDisplayHex } from '../primitives/index.ts'
import { feeFor, feeRateOf } from './fee-rate.ts'
import { collectRelatives, type MempoolEntry } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'

/** So many may be pushed out at a time. @see Bitcoin Core `MAX_REPLACEMENT_CANDIDATES` */
export const MAX_REPLACEMENT_CANDIDATES = 100

function formatRate(fee: bigint, virtualSize: number): string {
  const digits = feeRateOf(fee, virtualSize).toString().padStart(9, '0')
  return `${digits.slice(0, -8)}.${digits.slice(-8)} BTC/kvB`
}

/** A transaction that spends what others spend. */
export interface Replacement<Entry extends MempoolEntry> {
  readonly tx: Transaction
  readonly txid: TxidHex
  /** Satoshis as mining counts them. */
  readonly modifiedFee: bigint
  /** Virtual bytes. */
  readonly virtualSize: number
  /** Those that spend the same. */
  readonly conflicts: ReadonlySet<Entry>
  /** Whether one of those is only another child of the same parent (version 3). */
  readonly isSibling: boolean
  /** Waiting transactions whose outputs it spends. */
  readonly parents: ReadonlySet<Entry>
  /** Those, with all that they need. */
  readonly ancestors: ReadonlySet<Entry>
}

/** Why a transaction may not take the place of others. */
function refuse(
  code: 'insufficient fee' | 'too many potential replacements',
  isSibling: boolean,
  what: string,
): MempoolError {
  return new MempoolError(code, {
    ...(isSibling && { reason: 'including sibling eviction' }),
    detail: `rejecting replacement ${what}`,
  })
}

/**
 * Everything that would have to go: what is replaced, and what needs that.
 *
 * @param isSibling - Whether one of the conflicts is only another child of the same parent.
 */
export function collectReplaced<Entry extends MempoolEntry>(
  txid: TxidHex,
  conflicts: ReadonlySet<Entry>,
  isSibling: boolean,
): ReadonlySet<Entry> {
  let count = 0
  for (const { descendants } of conflicts) count += descendants.count
  if (count > MAX_REPLACEMENT_CANDIDATES) {
    throw refuse(
      'too many potential replacements',
      isSibling,
      `${txid}; too many potential replacements (${count} > ${MAX_REPLACEMENT_CANDIDATES})`,
    )
  }
  const replaced = new Set<Entry>()
  for (const conflict of conflicts) {
    for (const entry of collectRelatives(conflict, 'children')) replaced.add(entry)
  }
  return replaced
}

/**
 * Checks the rules of replacement, for every transaction, whether it signals that it may be replaced or not.
 *
 * @param replaced - What {@link collectReplaced} found.
 * @param incrementalFeeRate - What it has to pay for its own room, satoshis per 1,000 virtual bytes.
 * @throws {@link MempoolError} `bad-txns-spends-conflicting-tx`, `replacement-adds-unconfirmed` or `insufficient fee`.
 * @see Bitcoin Core `policy/rbf.cpp`; BIP-0125, whose rule of signalling is not kept any more
 */
export function checkReplacement<Entry extends MempoolEntry>(
  replacement: Replacement<Entry>,
  replaced: ReadonlySet<Entry>,
  incrementalFeeRate: bigint,
): void {
  const { txid, conflicts, ancestors, modifiedFee, virtualSize, isSibling } = replacement
  for (const ancestor of ancestors) {
    if (conflicts.has(ancestor)) {
      throw new MempoolError('bad-txns-spends-conflicting-tx', {
        detail: `${txid} spends conflicting transaction ${ancestor.txid}`,
      })
    }
  }
  for (const conflict of conflicts) {
    // Cross-multiplied: no division, no rounding.
    const own = modifiedFee * BigInt(conflict.virtualSize)
    if (own <= conflict.modifiedFee * BigInt(virtualSize)) {
      const rate = formatRate(modifiedFee, virtualSize)
      const old = formatRate(conflict.modifiedFee, conflict.virtualSize)
      throw refuse(
        'insufficient fee',
        isSibling,
        `${txid}; new feerate ${rate} <= old feerate ${old}`,
      )
    }
  }
  checkNoNewParents(replacement)
  let fees = 0n
  for (const entry of replaced) fees += entry.modifiedFee
  if (modifiedFee < fees) {
    throw refuse(
      'insufficient fee',
      isSibling,
      `${txid}, less fees than conflicting txs; ${formatMoney(modifiedFee)} < ${formatMoney(fees)}`,
    )
  }
  const added = modifiedFee - fees
  const wanted = feeFor(incrementalFeeRate, virtualSize)
  if (added < wanted) {
    throw refuse(
      'insufficient fee',
      isSibling,
      `${txid}, not enough additional fees to relay; ${formatMoney(added)} < ${formatMoney(wanted)}`,
    )
  }
}

/** It must not lean on unconfirmed outputs that what it replaces did not: they may be worth nothing. */
function checkNoNewParents<Entry extends MempoolEntry>(replacement: Replacement<Entry>): void {
  const known = new Set<TxidHex>()
  for (const { tx } of replacement.conflicts) {
    for (const { prevout } of tx.inputs) known.add(toDisplayHex(prevout.txid))
  }
  for (const [i, { prevout }] of replacement.tx.inputs.entries()) {
    const parent = toDisplayHex(prevout.txid)
    const isWaiting = [...replacement.parents].some(({ txid }) => txid === parent)
    if (!isWaiting || known.has(parent)) continue
    throw new MempoolError('replacement-adds-unconfirmed', {
      detail: `replacement ${replacement.txid} adds unconfirmed input, idx ${i}`,
    })
  }
}
