/** @module Where all known branches end. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'

/** `getchaintips` */
export const getChainTips = defineMethod({
  name: 'getchaintips',
  category: 'blockchain',
  summary: 'Lists the ends of all known branches, the active chain among them.',
  params: [],
  result: {
    schema: z.array(
      z.object({
        height: z.number().describe('The height of the end.'),
        hash: z.string().describe('Its block hash.'),
        branchlen: z
          .number()
          .describe('Blocks since the branch left the active chain; 0 for the active chain.'),
        status: z
          .string()
          .describe(
            'active; valid-fork: verified once; valid-headers: bodies are known, not verified; ' +
              'headers-only: bodies are missing; invalid: some block breaks a rule.',
          ),
        quarry_first_seen: z
          .number()
          .describe('When the header was first seen, in milliseconds since the Unix epoch.'),
      }),
    ),
  },
  examples: [[]],
  handler: ({ chain }: RpcContext) =>
    chain.getChainTips().map(({ entry, branchLength, status }) => ({
      height: entry.height,
      hash: entry.hashHex,
      branchlen: branchLength,
      status,
      quarry_first_seen: entry.firstSeenMs,
    })),
})
