/** @module When a transaction may take the place of others that spend the same. */

import { type TxidHex, toDisplayHex } from '../primitives/index.ts'
import { feeFor, INCREMENTAL_RELAY_FEE_SATS_PER_KVB } from './fee-rate.ts'
import { collectRelatives, type MempoolEntry } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'

/** So many may be pushed out at a time. @see Bitcoin Core `MAX_REPLACEMENT_CANDIDATES` */
export const MAX_REPLACEMENT_CANDIDATES = 100

/** A transaction that spends what others spend. */
export interface Replacement<Entry extends MempoolEntry> {
  /** Satoshis as mining counts them. */
  readonly modifiedFee: bigint
  /** Virtual bytes. */
  readonly virtualSize: number
  /** Those that spend the same. */
  readonly conflicts: ReadonlySet<Entry>
  /** Waiting transactions whose outputs it spends. */
  readonly parents: ReadonlySet<Entry>
  /** Those, with all that they need. */
  readonly ancestors: ReadonlySet<Entry>
}

/** Everything that would have to go: what is replaced, and what needs that. */
export function collectReplaced<Entry extends MempoolEntry>(
  conflicts: ReadonlySet<Entry>,
): ReadonlySet<Entry> {
  const replaced = new Set<Entry>()
  for (const conflict of conflicts) {
    for (const entry of collectRelatives(conflict, 'children')) replaced.add(entry)
    if (replaced.size > MAX_REPLACEMENT_CANDIDATES) {
      throw new MempoolError('too many potential replacements', {
        detail: `more than ${MAX_REPLACEMENT_CANDIDATES}`,
      })
    }
  }
  return replaced
}

/**
 * Checks the rules of replacement, for every transaction, whether it signals that it may be replaced or not.
 *
 * @param replaced - What {@link collectReplaced} found.
 * @throws {@link MempoolError} `bad-txns-spends-conflicting-tx`, `replacement-adds-unconfirmed` or `insufficient fee`.
 * @see Bitcoin Core `policy/rbf.cpp`; BIP-0125, whose rule of signalling is not kept any more
 */
export function checkReplacement<Entry extends MempoolEntry>(
  replacement: Replacement<Entry>,
  replaced: ReadonlySet<Entry>,
): void {
  const { conflicts, ancestors, modifiedFee, virtualSize } = replacement
  for (const ancestor of ancestors) {
    if (conflicts.has(ancestor)) {
      throw new MempoolError('bad-txns-spends-conflicting-tx', { txid: ancestor.txid })
    }
  }
  for (const conflict of conflicts) {
    // Cross-multiplied: no division, no rounding.
    const own = modifiedFee * BigInt(conflict.virtualSize)
    if (own <= conflict.modifiedFee * BigInt(virtualSize)) {
      throw new MempoolError('insufficient fee', {
        detail: `rejecting replacement of ${conflict.txid}: its fee rate is no lower`,
      })
    }
  }
  checkNoNewParents(replacement)
  let fees = 0n
  for (const entry of replaced) fees += entry.modifiedFee
  const wanted = fees + feeFor(INCREMENTAL_RELAY_FEE_SATS_PER_KVB, virtualSize)
  if (modifiedFee < wanted) {
    throw new MempoolError('insufficient fee', {
      detail: `rejecting replacement: ${modifiedFee} < ${wanted} satoshis for what is replaced and its own relay`,
    })
  }
}

/** It must not lean on unconfirmed outputs that what it replaces did not: they may be worth nothing. */
function checkNoNewParents<Entry extends MempoolEntry>(replacement: Replacement<Entry>): void {
  const known = new Set<TxidHex>()
  for (const { tx } of replacement.conflicts) {
    for (const { prevout } of tx.inputs) known.add(toDisplayHex(prevout.txid))
  }
  for (const { txid } of replacement.parents) {
    if (!known.has(txid)) throw new MempoolError('replacement-adds-unconfirmed', { txid })
  }
}
