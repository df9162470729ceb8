/** @module Having mining count a transaction as paying more than it does, or less. */

import * as z from 'zod'
import { MempoolError } from '../../mempool/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema } from './arguments.ts'

/** `prioritisetransaction` */
export const prioritiseTransaction = defineMethod({
  name: 'prioritisetransaction',
  category: 'mining',
  summary:
    'Has mining count a transaction as paying a higher or lower fee. Adds to what was said before, and may be ' +
    'said before the transaction is there.',
  params: [
    { name: 'txid', schema: hashSchema('txid'), description: 'The transaction.' },
    {
      name: 'dummy',
      schema: z.number().nullish(),
      description: 'Not used; 0 or null.',
    },
    {
      name: 'fee_delta',
      schema: z.int(),
      description: 'By how many satoshis, not per anything; below 0 to count it as paying less.',
    },
  ],
  result: { schema: z.literal(true) },
  examples: [['txid', 0, 10_000]],
  handler: ({ mempool }: RpcContext, { txid, dummy, fee_delta: delta }) => {
    if (dummy !== undefined && dummy !== null && dummy !== 0) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        'Priority is no longer supported, dummy argument to prioritisetransaction must be 0.',
      )
    }
    try {
      mempool.prioritise(txid, BigInt(delta))
    } catch (error) {
      if (!(error instanceof MempoolError)) throw error
      throw new RpcError(RPC_CODES.MISC_ERROR, error.message, { cause: error })
    }
    return true
  },
})

/** `getprioritisedtransactions` */
export const getPrioritisedTransactions = defineMethod({
  name: 'getprioritisedtransactions',
  category: 'mining',
  summary: 'Tells which transactions mining counts as paying more or less than they do.',
  params: [],
  result: {
    schema: z.record(
      z.string(),
      z.object({
        fee_delta: z.number().describe('By how many satoshis.'),
        in_mempool: z.boolean().describe('Whether it waits.'),
        modified_fee: z
          .number()
          .optional()
          .describe('Its fee as mining counts it, in satoshis, if it waits.'),
      }),
    ),
    description: 'By transaction id.',
  },
  examples: [[]],
  handler: ({ mempool }: RpcContext) =>
    Object.fromEntries(
      Array.from(mempool.feeDeltas(), ([txid, delta]) => {
        const entry = mempool.get(txid)
        const described = { fee_delta: delta, in_mempool: entry !== undefined }
        return [
          txid,
          entry === undefined ? described : { ...described, modified_fee: entry.modifiedFee },
        ]
      }),
    ),
})
