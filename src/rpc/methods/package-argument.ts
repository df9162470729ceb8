/** @module Transactions that are handed in together, and what is told of their fees. */

import * as z from 'zod'
import type { MempoolEntry } from '../../mempool/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  outPointKey,
  type Transaction,
  toDisplayHex,
} from '../../primitives/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeTransactionArgument } from './raw-transaction-argument.ts'

/** How many may be handed in together. @see Bitcoin Core `MAX_PACKAGE_COUNT` */
const MAX_PACKAGE_COUNT = 25
/** Weight of several transactions together. @see Bitcoin Core `MAX_PACKAGE_WEIGHT` */
const MAX_PACKAGE_WEIGHT = 404_000
const BYTES_PER_KVB = 1_000n

/** Reads transactions that are handed in together. @throws {@link RpcError} -8, -22 */
export function decodePackage(hexes: readonly string[]): readonly Transaction[] {
  if (hexes.length === 0 || hexes.length > MAX_PACKAGE_COUNT) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      `Array must contain between 1 and ${MAX_PACKAGE_COUNT} transactions.`,
    )
  }
  return hexes.map((hex) => decodeTransactionArgument(hex, `TX decode failed: ${hex}`))
}

/** What is wrong with transactions that are judged together. @see Bitcoin Core `IsWellFormedPackage` */
export function findPackageError(transactions: readonly Transaction[]): string | undefined {
  const weight = transactions.reduce((sum, tx) => sum + computeTransactionSize(tx).weight, 0)
  // A single transaction has a limit of its own.
  if (transactions.length > 1 && weight > MAX_PACKAGE_WEIGHT) return 'package-too-large'
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

/** The field `fees`. */
export const FEES_SCHEMA = z.object({
  base: z.number().describe('Its fee in coins.'),
  'effective-feerate': z.number().optional().describe('Coins per 1,000 virtual bytes.'),
  'effective-includes': z
    .array(z.string())
    .optional()
    .describe('Whose fees and sizes are in that, by hash with witnesses.'),
})

/**
 * Fills {@link FEES_SCHEMA}.
 *
 * @param group - Those whose fees and sizes were judged together; none if nothing was.
 */
export function describeFees({ fee }: MempoolEntry, group: readonly MempoolEntry[]) {
  const base = btcAmount(fee)
  if (group.length === 0) return { base }
  let fees = 0n
  let virtualSize = 0
  for (const member of group) {
    fees += member.modifiedFee
    virtualSize += member.virtualSize
  }
  return {
    base,
    'effective-feerate': btcAmount((fees * BYTES_PER_KVB) / BigInt(virtualSize)),
    'effective-includes': group.map(({ wtxid }) => wtxid),
  }
}
