/** @module A child with its parents from outside. */

import * as z from 'zod'
import type { PackageMember } from '../../mempool/index.ts'
import {
  computeTxid,
  computeWtxid,
  type Transaction,
  toDisplayHex,
} from '../../primitives/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { findPackageError, MAX_PACKAGE_COUNT } from './package-argument.ts'
import { decodeTransactionArgument, describeRefusal } from './raw-transaction-argument.ts'

const BYTES_PER_KVB = 1_000n
const NOT_JUDGED = 'package-not-validated'

const MEMBER_SCHEMA = z.object({
  txid: z.string().describe('The transaction id.'),
  vsize: z.number().optional().describe('Virtual bytes, if it waits now.'),
  fees: z
    .object({
      base: z.number().describe('Its fee in coins.'),
      'effective-feerate': z.number().describe('Coins per 1,000 virtual bytes.'),
      'effective-includes': z.array(z.string()).describe('Whose fees and sizes are in that.'),
    })
    .optional(),
  error: z.string().optional().describe('Why it is not taken.'),
})

/** Whether the last spends all others, and they do not spend each other. @see Bitcoin Core `IsChildWithParentsTree` */
function isChildWithParents(transactions: readonly Transaction[]): boolean {
  const parents = new Set(transactions.slice(0, -1).map((tx) => toDisplayHex(computeTxid(tx))))
  const spentBy = (tx: Transaction | undefined) =>
    new Set(tx?.inputs.map(({ prevout }) => toDisplayHex(prevout.txid)))
  const child = spentBy(transactions.at(-1))
  const areAllSpent = [...parents].every((txid) => child.has(txid))
  return (
    areAllSpent &&
    transactions.slice(0, -1).every((tx) => [...spentBy(tx)].every((txid) => !parents.has(txid)))
  )
}

function describeMember({ tx, entry, group, refusal }: PackageMember) {
  const txid = toDisplayHex(computeTxid(tx))
  if (entry === undefined) {
    return { txid, error: refusal === undefined ? NOT_JUDGED : describeRefusal(refusal) }
  }
  let fee = 0n
  let virtualSize = 0
  for (const one of group) {
    fee += one.modifiedFee
    virtualSize += one.virtualSize
  }
  return {
    txid,
    vsize: entry.virtualSize,
    fees: {
      base: btcAmount(entry.fee),
      'effective-feerate': btcAmount((fee * BYTES_PER_KVB) / BigInt(virtualSize)),
      'effective-includes': group.map(({ wtxid }) => wtxid),
    },
  }
}

/** `submitpackage` */
export const submitPackage = defineMethod({
  name: 'submitpackage',
  category: 'rawtransactions',
  summary: 'Takes a child with its parents, whose fees may be too low without it, and relays them.',
  params: [
    {
      name: 'package',
      schema: z.array(z.string()),
      description: 'Encoded transactions in hexadecimal: the parents, then the child.',
    },
  ],
  result: {
    schema: z.object({
      package_msg: z.string().describe('success, or what is wrong.'),
      'tx-results': z.record(z.string(), MEMBER_SCHEMA).describe('By hash with witnesses.'),
      'replaced-transactions': z.array(z.string()).describe('Those that had to go, by id.'),
    }),
  },
  examples: [[['parenthex', 'childhex']]],
  handler: async ({ mempool, submitTransaction }: RpcContext, { package: hexes }) => {
    if (hexes.length === 0 || hexes.length > MAX_PACKAGE_COUNT) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        `Array must contain between 1 and ${MAX_PACKAGE_COUNT} transactions.`,
      )
    }
    const transactions = hexes.map((hex) =>
      decodeTransactionArgument(hex, `TX decode failed: ${hex}`),
    )
    if (!isChildWithParents(transactions)) {
      throw new RpcError(
        RPC_CODES.VERIFY_ERROR,
        'package topology disallowed. not child-with-parents or parents depend on each other.',
      )
    }
    const problem = findPackageError(transactions)
    const members =
      problem === undefined
        ? await mempool.acceptPackage(transactions)
        : transactions.map(
            (tx): PackageMember => ({
              tx,
              entry: undefined,
              group: [],
              replaced: [],
              refusal: undefined,
            }),
          )
    for (const { tx, entry } of members) {
      const isWaiting = entry !== undefined && mempool.get(entry.txid) !== undefined
      if (isWaiting) await submitTransaction(tx)
    }
    const isTaken = members.every(({ entry }) => entry !== undefined)
    return {
      package_msg: problem ?? (isTaken ? 'success' : 'transaction failed'),
      'tx-results': Object.fromEntries(
        members.map((member) => [toDisplayHex(computeWtxid(member.tx)), describeMember(member)]),
      ),
      'replaced-transactions': members.flatMap(({ replaced }) => replaced.map(({ txid }) => txid)),
    }
  },
})
