/** @module Whether the mempool would take transactions. */

import * as z from 'zod'
import type { MempoolEntry, Refusal } from '../../mempool/index.ts'
import { computeTxid, computeWtxid, toDisplayHex } from '../../primitives/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { decodePackage, describeFees, FEES_SCHEMA, findPackageError } from './package-argument.ts'
import {
  computeMaxFee,
  describeReason,
  describeRefusal,
  hasUnspentOutput,
  MAX_FEE_RATE_PARAM,
} from './raw-transaction-argument.ts'

const RESULT_SCHEMA = z.object({
  txid: z.string().describe('The transaction id.'),
  wtxid: z.string().describe('Its hash with witnesses.'),
  'package-error': z.string().optional().describe('What is wrong with all of them together.'),
  allowed: z
    .boolean()
    .optional()
    .describe('Whether it would be taken; absent if it was not looked at.'),
  vsize: z.number().optional().describe('Virtual bytes, if it would be taken.'),
  fees: FEES_SCHEMA.optional(),
  'reject-reason': z.string().optional().describe('Why it would not be taken.'),
  'reject-details': z.string().optional().describe('The same in more words.'),
})

function isTooDear({ fee }: MempoolEntry, maxFee: bigint): boolean {
  return maxFee > 0n && fee > maxFee
}

function describeTaken(entry: MempoolEntry, maxFee: bigint) {
  if (isTooDear(entry, maxFee)) {
    return { allowed: false, 'reject-reason': 'max-fee-exceeded' }
  }
  return {
    allowed: true,
    vsize: entry.virtualSize,
    fees: describeFees(entry, [entry]),
  }
}

function describeRefused(refusal: Refusal) {
  const isMissing = refusal.code === 'missing-inputs'
  return {
    allowed: false,
    'reject-reason': isMissing ? refusal.code : describeReason(refusal),
    ...(!isMissing && { 'reject-details': describeRefusal(refusal) }),
  }
}

/** `testmempoolaccept` */
export const testMempoolAccept = defineMethod({
  name: 'testmempoolaccept',
  category: 'rawtransactions',
  summary: 'Tells whether the mempool would take transactions, and takes none.',
  params: [
    {
      name: 'rawtxs',
      schema: z.array(z.string()),
      description:
        'One encoded transaction in hexadecimal, or several: parents first, as if those before had been taken.',
    },
    MAX_FEE_RATE_PARAM,
  ],
  result: { schema: z.array(RESULT_SCHEMA) },
  examples: [[['signedhex']]],
  handler: async ({ chain, mempool }: RpcContext, { rawtxs, maxfeerate }) => {
    const transactions = decodePackage(rawtxs)
    const maxFees = transactions.map((tx) => computeMaxFee(tx, maxfeerate))
    const names = transactions.map((tx) => ({
      txid: toDisplayHex(computeTxid(tx)),
      wtxid: toDisplayHex(computeWtxid(tx)),
    }))
    const packageError = findPackageError(transactions)
    if (packageError !== undefined) {
      return names.map((name) => ({ ...name, 'package-error': packageError }))
    }
    const { taken, refusal, refusedAt } = await mempool.check(transactions)
    if (refusal !== undefined && refusedAt === undefined) {
      const whole = describeRefusal(refusal)
      return names.map((name) => ({ ...name, 'package-error': whole }))
    }
    const refused = refusedAt === undefined ? undefined : transactions[refusedAt]
    const isKnown = refused !== undefined && (await hasUnspentOutput(chain, refused))
    const maxFeeOf = (i: number): bigint => maxFees[i] ?? 0n
    const dear = taken.findIndex((entry, i) => isTooDear(entry, maxFeeOf(i)))
    return names.map((name, i) => {
      if (dear >= 0 && i > dear) return name
      const entry = taken[i]
      if (entry !== undefined) return { ...name, ...describeTaken(entry, maxFeeOf(i)) }
      if (i !== refusedAt || refusal === undefined) return name
      if (isKnown) return { ...name, allowed: false, 'reject-reason': 'txn-already-known' }
      return { ...name, ...describeRefused(refusal) }
    })
  },
})
