/** @module Which waiting transactions go into a block. */

import type { TxidHex } from '../primitives/index.ts'
import type { Mempool, MempoolEntry } from './mempool.ts'

/** What a block has room for. */
export interface SelectionLimits {
  /** Weight units left for transactions. */
  readonly maxWeight: number
  /** Cost of signature operations left for transactions. */
  readonly maxSigopsCost: number
}

interface Package {
  readonly entries: readonly MempoolEntry[]
  readonly fee: bigint
  readonly weight: number
  readonly sigopsCost: number
}

/** An entry with those of its ancestors that are not chosen yet, parents first. */
function collectPackage(
  mempool: Mempool,
  entry: MempoolEntry,
  chosen: ReadonlySet<TxidHex>,
): Package {
  const entries = new Map<TxidHex, MempoolEntry>()
  const visit = (next: MempoolEntry): void => {
    if (chosen.has(next.txid) || entries.has(next.txid)) return
    for (const parent of next.parents) {
      const parentEntry = mempool.get(parent)
      if (parentEntry !== undefined) visit(parentEntry)
    }
    entries.set(next.txid, next)
  }
  visit(entry)
  const list = [...entries.values()]
  return {
    entries: list,
    fee: list.reduce((sum, { fee }) => sum + fee, 0n),
    weight: list.reduce((sum, { weight }) => sum + weight, 0),
    sigopsCost: list.reduce((sum, { sigopsCost }) => sum + sigopsCost, 0),
  }
}

/** Compares fee rates without dividing: above 0 if `a` pays more per weight. */
function compareFeeRates(a: Package, b: Package): number {
  const difference = a.fee * BigInt(b.weight) - b.fee * BigInt(a.weight)
  if (difference === 0n) return 0
  return difference > 0n ? 1 : -1
}

/**
 * Chooses transactions by the fee rate of each with its unconfirmed ancestors, best first; what does not
 * fit is passed over.
 *
 * @returns Parents before children.
 */
export function selectTransactions(
  mempool: Mempool,
  limits: SelectionLimits,
): readonly MempoolEntry[] {
  const nothing = new Set<TxidHex>()
  const ranked = [...mempool.entries()]
    .map((entry) => ({ entry, rank: collectPackage(mempool, entry, nothing) }))
    .sort((a, b) => compareFeeRates(b.rank, a.rank))
  const chosen = new Map<TxidHex, MempoolEntry>()
  const chosenIds = new Set<TxidHex>()
  let weight = 0
  let sigopsCost = 0
  for (const { entry } of ranked) {
    const rest = collectPackage(mempool, entry, chosenIds)
    const fits =
      weight + rest.weight <= limits.maxWeight &&
      sigopsCost + rest.sigopsCost <= limits.maxSigopsCost
    if (!fits) continue
    for (const member of rest.entries) {
      chosen.set(member.txid, member)
      chosenIds.add(member.txid)
    }
    weight += rest.weight
    sigopsCost += rest.sigopsCost
  }
  return [...chosen.values()]
}
