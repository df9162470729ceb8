/** @module Transactions that are handed in together. */

import { computeTxid, outPointKey, type Transaction, toDisplayHex } from '../../primitives/index.ts'

/** How many may be handed in together. @see Bitcoin Core `MAX_PACKAGE_COUNT` */
export const MAX_PACKAGE_COUNT = 25

/** What is wrong with transactions that are judged together. @see Bitcoin Core `IsWellFormedPackage` */
export function findPackageError(transactions: readonly Transaction[]): string | undefined {
  const ids = transactions.map((tx) => toDisplayHex(computeTxid(tx)))
  if (new Set(ids).size < ids.length) return 'package-contains-duplicates'
  const spent = new Set<string>()
  for (const [i, { inputs }] of transactions.entries()) {
    const later = new Set(ids.slice(i))
    if (inputs.some(({ prevout }) => later.has(toDisplayHex(prevout.txid)))) {
      return 'package-not-sorted'
    }
    const keys = inputs.map(({ prevout }) => outPointKey(prevout))
    if (keys.some((key) => spent.has(key))) return 'conflict-in-package'
    for (const key of keys) spent.add(key)
  }
  return undefined
}
