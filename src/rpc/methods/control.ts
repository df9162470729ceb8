/** @module The process, and its indexes. */

import * as z from 'zod'
import { sleep } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { int32Schema } from './arguments.ts'

const MS_PER_SECOND = 1_000
const TXINDEX_NAME = 'txindex'
/** Block times have 32 bits. */
const MAX_TIMESTAMP = 0xffff_ffff

/** `uptime` */
export const uptime = defineMethod({
  name: 'uptime',
  category: 'control',
  summary: 'Tells how long the node has been running.',
  params: [],
  result: { schema: z.number(), description: 'Seconds.' },
  examples: [[]],
  handler: ({ clock, startedMs }: RpcContext) =>
    Math.trunc((clock.monotonic() - startedMs) / MS_PER_SECOND),
})

/** `stop` */
export const stop = defineMethod({
  name: 'stop',
  category: 'control',
  summary: 'Asks the node to stop.',
  params: [
    {
      name: 'wait',
      schema: int32Schema().optional(),
      description: 'Milliseconds until the answer, at most those until the RPC server stops.',
    },
  ],
  result: { schema: z.string(), description: 'That it will.' },
  examples: [[]],
  handler: async ({ clock, requestStop }: RpcContext, { wait }, { signal }) => {
    requestStop()
    // The server ends the wait when it stops: the answer goes out in any case.
    if (wait !== undefined && wait > 0) await sleep(clock, wait, signal).catch(() => undefined)
    return 'Quarry stopping'
  },
})

/** `setmocktime` */
export const setMockTime = defineMethod({
  name: 'setmocktime',
  category: 'hidden',
  summary:
    "Stops the node's time at a moment: what rules compare with the time, and what goes into new blocks.",
  params: [
    {
      name: 'timestamp',
      schema: z.int(),
      description: 'Unix seconds; 0 goes back to the real time.',
    },
  ],
  result: { schema: z.null() },
  examples: [[1_700_000_000]],
  handler: ({ params, mockTime }: RpcContext, { timestamp }) => {
    if (params.rpcChain !== 'regtest') {
      throw new RpcError(
        RPC_CODES.MISC_ERROR,
        'setmocktime is for regression testing (-regtest mode) only',
      )
    }
    if (timestamp < 0 || timestamp > MAX_TIMESTAMP) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        `Mocktime must be in the range [0, ${MAX_TIMESTAMP}], not ${timestamp}.`,
      )
    }
    mockTime(timestamp === 0 ? undefined : timestamp * MS_PER_SECOND)
    return null
  },
})

/** `getmemoryinfo` */
export const getMemoryInfo = defineMethod({
  name: 'getmemoryinfo',
  category: 'control',
  summary: 'Tells of memory that is locked, as Bitcoin Core holds keys in: there is none here.',
  params: [
    {
      name: 'mode',
      schema: z.string().default('stats'),
      description: 'stats, the only one.',
    },
  ],
  result: {
    schema: z.object({
      locked: z.object({
        used: z.number().describe('Bytes used.'),
        free: z.number().describe('Bytes free.'),
        total: z.number().describe('Bytes managed.'),
        locked: z.number().describe('Bytes that were really locked.'),
        chunks_used: z.number().describe('Pieces used.'),
        chunks_free: z.number().describe('Pieces free.'),
      }),
    }),
  },
  examples: [[]],
  handler: (_context: RpcContext, { mode }) => {
    if (mode !== 'stats') {
      throw new RpcError(RPC_CODES.INVALID_PARAMETER, `unknown mode ${mode}`)
    }
    return {
      locked: { used: 0, free: 0, total: 0, locked: 0, chunks_used: 0, chunks_free: 0 },
    }
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
