/** @module A transaction's bytes in words. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { decodeAnyTransaction, IS_WITNESS_PARAM } from './raw-transaction-argument.ts'
import { describeTransaction, TRANSACTION_FIELDS } from './transaction-json.ts'

/** `decoderawtransaction` */
export const decodeRawTransaction = defineMethod({
  name: 'decoderawtransaction',
  category: 'rawtransactions',
  summary: 'Shows what an encoded transaction says. Whether it is valid is not asked.',
  params: [
    {
      name: 'hexstring',
      schema: z.string(),
      description: 'The encoded transaction in hexadecimal.',
    },
    IS_WITNESS_PARAM,
  ],
  result: { schema: z.object(TRANSACTION_FIELDS) },
  examples: [['hexstring']],
  handler: ({ params }: RpcContext, { hexstring, iswitness }) =>
    describeTransaction(decodeAnyTransaction(hexstring, iswitness), { params }),
})
