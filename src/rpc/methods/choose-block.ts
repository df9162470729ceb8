/** @module What an operator decides about blocks: out, in again, and first among equals. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, requireEntry } from './arguments.ts'

const EXAMPLES = [['0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206']] as const
const NOTHING = { schema: z.null() } as const

/** `invalidateblock` */
export const invalidateBlock = defineMethod({
  name: 'invalidateblock',
  category: 'hidden',
  summary: 'Treats a block and all that builds on it as invalid, until reconsiderblock.',
  params: [
    {
      name: 'blockhash',
      schema: hashSchema('blockhash'),
      description: 'The block to leave out. Of genesis nothing is changed.',
    },
  ],
  result: NOTHING,
  examples: EXAMPLES,
  handler: async ({ chain }: RpcContext, { blockhash }) => {
    const entry = requireEntry(chain, blockhash)
    if (chain.isActive(entry) && entry.height > 0 && entry.height <= chain.prunedHeight) {
      throw new RpcError(
        RPC_CODES.MISC_ERROR,
        `Block ${blockhash} cannot be taken back: blocks up to height ${chain.prunedHeight} were pruned.`,
      )
    }
    await chain.invalidateBlock(entry)
    return null
  },
})

/** `reconsiderblock` */
export const reconsiderBlock = defineMethod({
  name: 'reconsiderblock',
  category: 'hidden',
  summary: 'Judges a block, its ancestors and its descendants anew. Undoes invalidateblock.',
  params: [
    {
      name: 'blockhash',
      schema: hashSchema('blockhash'),
      description: 'The block to look at again.',
    },
  ],
  result: NOTHING,
  examples: EXAMPLES,
  handler: async ({ chain }: RpcContext, { blockhash }) => {
    await chain.reconsiderBlock(requireEntry(chain, blockhash))
    return null
  },
})

/** `preciousblock` */
export const preciousBlock = defineMethod({
  name: 'preciousblock',
  category: 'blockchain',
  summary:
    'Treats a block as if it had come before all others with the same work. A later call wins over ' +
    'an earlier one; none outlasts a restart.',
  params: [
    {
      name: 'blockhash',
      schema: hashSchema('blockhash'),
      description: 'The block to prefer.',
    },
  ],
  result: NOTHING,
  examples: EXAMPLES,
  handler: async ({ chain }: RpcContext, { blockhash }) => {
    await chain.preciousBlock(requireEntry(chain, blockhash))
    return null
  },
})
