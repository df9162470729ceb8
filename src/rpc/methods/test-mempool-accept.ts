/** @module Whether the mempool would take transactions. */

import * as z from 'zod'
import type { MempoolEntry, MempoolTrial } from '../../mempool/index.ts'
import { computeTxid, computeWtxid, toDisplayHex } from '../../primitives/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { findPackageError, MAX_PACKAGE_COUNT } from './package-argument.ts'
import {
  computeMaxFee,
  decodeTransactionArgument,
  describeRefusal,
  hasUnspentOutput,
  MAX_FEE_RATE_PARAM,
} from './raw-transaction-argument.ts'

const BYTES_PER_KVB = 1_000n

const RESULT_SCHEMA = z.object({
  txid: z.string().describe('The transaction id.'),
  wtxid: z.string().describe('Its hash with witnesses.'),
  'package-error': z.string().optional().describe('What is wrong with all of them together.'),
  allowed: z
    .boolean()
    .optional()
    .describe('Whether it would be taken; absent if it was not looked at.'),
  vsize: z.number().optional().describe('Virtual bytes, if it would be taken.'),
  fees: z
    .object({
      base: z.number().describe('Its fee in coins.'),
      'effective-feerate': z.number().describe('Coins per 1,000 virtual bytes.'),
      'effective-includes': z.array(z.string()).describe('Whose fees and sizes are in that.'),
    })
    .optional(),
  'reject-reason': z.string().optional().describe('Why it would not be taken.'),
  'reject-details': z.string().optional().describe('The same in more words.'),
})

function describeTaken(entry: MempoolEntry, maxFee: bigint) {
  if (maxFee > 0n && entry.fee > maxFee) {
    return { allowed: false, 'reject-reason': 'max-fee-exceeded' }
  }
  return {
    allowed: true,
    vsize: entry.virtualSize,
    fees: {
      base: btcAmount(entry.fee),
      'effective-feerate': btcAmount((entry.fee * BYTES_PER_KVB) / BigInt(entry.virtualSize)),
      'effective-includes': [entry.wtxid],
    },
  }
}

function describeRefused({ refusal }: MempoolTrial) {
  if (refusal === undefined) return {}
  const isMissing = refusal.code === 'missing-inputs'
  const reason = isMissing ? refusal.code : refusal.message
  return {
    allowed: false,
    'reject-reason': reason,
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
    if (rawtxs.length === 0 || rawtxs.length > MAX_PACKAGE_COUNT) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        `Array must contain between 1 and ${MAX_PACKAGE_COUNT} transactions.`,
      )
    }
    const transactions = rawtxs.map((hex) =>
      decodeTransactionArgument(hex, `TX decode failed: ${hex}`),
    )
    const maxFees = transactions.map((tx) => computeMaxFee(tx, maxfeerate))
    const names = transactions.map((tx) => ({
      txid: toDisplayHex(computeTxid(tx)),
      wtxid: toDisplayHex(computeWtxid(tx)),
    }))
    const packageError = findPackageError(transactions)
    if (packageError !== undefined) {
      return names.map((name) => ({ ...name, 'package-error': packageError }))
    }
    const trial = await mempool.check(transactions)
    const refused = transactions[trial.taken.length]
    const isKnown = refused !== undefined && (await hasUnspentOutput(chain, refused))
    return names.map((name, i) => {
      const entry = trial.taken[i]
      if (entry !== undefined) return { ...name, ...describeTaken(entry, maxFees[i] ?? 0n) }
      if (i > trial.taken.length) return name
      if (isKnown) return { ...name, allowed: false, 'reject-reason': 'txn-already-known' }
      return { ...name, ...describeRefused(trial) }
    })
  },
})
