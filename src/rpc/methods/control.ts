/** @module The process, and its indexes. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'

const MS_PER_SECOND = 1_000
const TXINDEX_NAME = 'txindex'

/** `uptime` */
export const uptime = defineMethod({
  name: 'uptime',
  category: 'control',
  summary: 'Tells how long the node has been running.',
  params: [],
  result: { schema: z.number(), description: 'Seconds.' },
  examples: [[]],
  handler: ({ clock, startedMs }: RpcContext) =>
    Math.trunc((clock.now() - startedMs) / MS_PER_SECOND),
})

/** `stop` */
export const stop = defineMethod({
  name: 'stop',
  category: 'control',
  summary: 'Asks the node to stop.',
  params: [],
  result: { schema: z.string(), description: 'That it will.' },
  examples: [[]],
  handler: ({ requestStop }: RpcContext) => {
    requestStop()
    return 'Quarry stopping'
  },
})

/** `getindexinfo` */
export const getIndexInfo = defineMethod({
  name: 'getindexinfo',
  category: 'util',
  summary: 'Tells which indexes there are: txindex, if the node keeps it.',
  params: [
    {
      name: 'index_name',
      schema: z.string().optional(),
      description: 'Only this one.',
    },
  ],
  result: {
    schema: z.record(
      z.string(),
      z.object({
        synced: z.boolean().describe('Whether it is up to date.'),
        best_block_height: z.number().describe('How far it has come.'),
      }),
    ),
  },
  examples: [[], ['txindex']],
  handler: ({ chain: { txIndex } }: RpcContext, { index_name: name = TXINDEX_NAME }) =>
    txIndex === undefined || (name !== '' && name !== TXINDEX_NAME)
      ? {}
      : { [TXINDEX_NAME]: { synced: txIndex.isSynced, best_block_height: txIndex.height } },
})
