/** @module A child with its parents from outside. */

import * as z from 'zod'
import { createMember, type PackageMember, type PackageOutcome } from '../../mempool/index.ts'
import {
  computeTxid,
  computeWtxid,
  type Transaction,
  toDisplayHex,
} from '../../primitives/index.ts'
import { parseBtcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodePackage, describeFees, FEES_SCHEMA, findPackageError } from './package-argument.ts'
import {
  checkBurnAmounts,
  describeRefusal,
  MAX_BURN_AMOUNT_PARAM,
  MAX_FEE_RATE_PARAM,
  parseMaxFeeRate,
} from './raw-transaction-argument.ts'

const NOT_JUDGED = 'package-not-validated'

const MEMBER_SCHEMA = z.object({
  txid: z.string().describe('The transaction id.'),
  vsize: z.number().optional().describe('Virtual bytes, if it waits now.'),
  fees: FEES_SCHEMA.optional(),
  'other-wtxid': z
    .string()
    .optional()
    .describe('It waits with other witnesses: the hash over those.'),
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
  if (entry.wtxid !== toDisplayHex(computeWtxid(tx))) return { txid, 'other-wtxid': entry.wtxid }
  return { txid, vsize: entry.virtualSize, fees: describeFees(entry, group) }
}

/** @see Bitcoin Core `PackageValidationState::ToString` */
function describePackage(
  members: readonly PackageMember[],
  refusal: PackageOutcome['refusal'],
): string {
  if (refusal !== undefined) return describeRefusal(refusal)
  return members.every(({ entry }) => entry !== undefined) ? 'success' : 'transaction failed'
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
    MAX_FEE_RATE_PARAM,
    MAX_BURN_AMOUNT_PARAM,
  ],
  result: {
    schema: z.object({
      package_msg: z.string().describe('success, or what is wrong.'),
      'tx-results': z.record(z.string(), MEMBER_SCHEMA).describe('By hash with witnesses.'),
      'replaced-transactions': z.array(z.string()).describe('Those that had to go, by id.'),
    }),
  },
  examples: [[['parenthex', 'childhex']]],
  handler: async ({ mempool, submitTransaction }: RpcContext, args) => {
    const maxFeeRate = parseMaxFeeRate(args.maxfeerate)
    const maxBurnAmount = parseBtcAmount(args.maxburnamount)
    const transactions = decodePackage(args.package)
    for (const tx of transactions) checkBurnAmounts(tx, maxBurnAmount)
    if (!isChildWithParents(transactions)) {
      throw new RpcError(
        RPC_CODES.VERIFY_ERROR,
        'package topology disallowed. not child-with-parents or parents depend on each other.',
      )
    }
    const problem = findPackageError(transactions)
    const { members, refusal } =
      problem === undefined
        ? await mempool.acceptPackage(transactions, maxFeeRate === 0n ? undefined : maxFeeRate)
        : { members: transactions.map(createMember), refusal: undefined }
    for (const { tx, entry } of members) {
      const isWaiting = entry !== undefined && mempool.get(entry.txid) !== undefined
      if (isWaiting) await submitTransaction(tx)
    }
    return {
      package_msg: problem ?? describePackage(members, refusal),
      'tx-results': Object.fromEntries(
        members.map((member) => [toDisplayHex(computeWtxid(member.tx)), describeMember(member)]),
      ),
      'replaced-transactions': members.flatMap(({ replaced }) => replaced.map(({ txid }) => txid)),
    }
  },
})
