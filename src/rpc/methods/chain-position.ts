/** @module Where the chain stands, one value a method. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { describeDifficulty } from './header-json.ts'

/** `getblockcount` */
export const getBlockCount = defineMethod({
  name: 'getblockcount',
  category: 'blockchain',
  summary: 'Tells the height of the tip. Genesis has height 0.',
  params: [],
  result: { schema: z.number(), description: 'The height.' },
  examples: [[]],
  handler: ({ chain }: RpcContext) => chain.tip.height,
})

/** `getbestblockhash` */
export const getBestBlockHash = defineMethod({
  name: 'getbestblockhash',
  category: 'blockchain',
  summary: 'Tells the hash of the tip.',
  params: [],
  result: { schema: z.string(), description: 'The block hash.' },
  examples: [[]],
  handler: ({ chain }: RpcContext) => chain.tip.hashHex,
})

/** `getdifficulty` */
export const getDifficulty = defineMethod({
  name: 'getdifficulty',
  category: 'blockchain',
  summary: 'Tells the difficulty of the tip.',
  params: [],
  result: {
    schema: z.number(),
    description: 'How many times harder than the easiest target of mainnet.',
  },
  examples: [[]],
  handler: ({ chain }: RpcContext) => describeDifficulty(chain.tip.bits),
})

/** `getblockhash` */
export const getBlockHash = defineMethod({
  name: 'getblockhash',
  category: 'blockchain',
  summary: 'Tells the hash of the block at a height of the active chain.',
  params: [{ name: 'height', schema: z.int(), description: 'The height.' }],
  result: { schema: z.string(), description: 'The block hash.' },
  examples: [[1000]],
  handler: ({ chain }: RpcContext, { height }) => {
    const entry = chain.getActiveEntry(height)
    if (entry === undefined) {
      throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Block height out of range')
    }
    return entry.hashHex
  },
})
