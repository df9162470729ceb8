/** @module A transaction's bytes in words. */

import * as z from 'zod'
import { decodeTransaction, hasWitness } from '../../primitives/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeHexArgument } from './arguments.ts'
import { describeTransaction, TRANSACTION_FIELDS } from './transaction-json.ts'

const MESSAGE = 'TX decode failed'

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
    {
      name: 'iswitness',
      schema: z.boolean().optional(),
      description: 'False if it must have no witnesses; otherwise both forms are read.',
    },
  ],
  result: { schema: z.object(TRANSACTION_FIELDS) },
  examples: [['hexstring']],
  handler: ({ params }: RpcContext, { hexstring, iswitness }) => {
    const tx = decodeHexArgument(hexstring, decodeTransaction, MESSAGE)
    if (iswitness === false && hasWitness(tx)) {
      throw new RpcError(RPC_CODES.DESERIALIZATION_ERROR, MESSAGE)
    }
    return describeTransaction(tx, { params })
  },
})
