/** @module Which soft forks bind. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { hashSchema, requireEntry } from './arguments.ts'

/** `getdeploymentinfo` */
export const getDeploymentInfo = defineMethod({
  name: 'getdeploymentinfo',
  category: 'blockchain',
  summary: 'Tells which soft forks bind the block after a block, and from which heights.',
  params: [
    {
      name: 'blockhash',
      schema: hashSchema('blockhash').optional(),
      description: 'The block; the tip if nothing is said.',
    },
  ],
  result: {
    schema: z.object({
      hash: z.string().describe('The hash of the block.'),
      height: z.number().describe('Its height.'),
      deployments: z.record(
        z.string(),
        z.object({
          type: z.string().describe('buried: by height, once and for all.'),
          height: z.number().describe('The first height that is bound.'),
          active: z.boolean().describe('Whether the next block is bound.'),
        }),
      ),
    }),
  },
  examples: [[]],
  handler: ({ chain, params }: RpcContext, { blockhash }) => {
    const entry = blockhash === undefined ? chain.tip : requireEntry(chain, blockhash)
    const { bip34, bip66, bip65, csv, segwit } = params.deployments
    // Taproot binds every block, but for the exceptions that are in Bitcoin's chain.
    const heights = { bip34, bip66, bip65, csv, segwit, taproot: 0 }
    const deployments = Object.entries(heights).map(([name, height]) => [
      name,
      { type: 'buried', height, active: entry.height + 1 >= height },
    ])
    return {
      hash: entry.hashHex,
      height: entry.height,
      deployments: Object.fromEntries(deployments),
    }
  },
})
