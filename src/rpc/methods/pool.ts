/** @module Miners of others on this node. */

import * as z from 'zod'
import type { PoolBlock } from '../../pool/index.ts'
import { toDisplayHex } from '../../primitives/index.ts'
import { defineMethod } from '../define-method.ts'
import type { PoolControl, RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

const MS_PER_SECOND = 1_000

/** @throws {@link RpcError} -1 if the node serves no miners. */
function requirePool({ pool }: Pick<RpcContext, 'pool'>): PoolControl {
  if (pool !== undefined) return pool
  throw new RpcError(
    RPC_CODES.MISC_ERROR,
    'This node serves no miners. Start it with --stratum to let miners connect.',
  )
}

const HASH_RATE = z.number().describe('Hashes per second, estimated from accepted shares.')

const WORKER_FIELDS = {
  worker: z.string().describe('The user name that the miner gave.'),
  connections: z.number().describe('Connections that are logged in with this name.'),
  accepted: z.number().describe('Accepted shares since the node started.'),
  refused: z
    .record(z.string(), z.number())
    .describe('Refused shares by reason: stale, duplicate, low-difficulty, other.'),
  late_ms: z.number().describe('Sum of how late the stale shares were, in milliseconds.'),
  work: z.string().describe('Expected hashes of the accepted shares, as hex.'),
  hashps: HASH_RATE,
  best_difficulty: z.number().describe('Difficulty of the best share.'),
  blocks_found: z.number().describe('Blocks in the chain that this worker has found.'),
  last_share: z.number().nullable().describe('Unix time of the last accepted share.'),
}

/** `getpoolinfo` */
export const getPoolInfo = defineMethod({
  name: 'getpoolinfo',
  category: 'mining',
  summary: 'Describes the pool: who is connected, how fast they are, and what they have found.',
  params: [],
  result: {
    schema: z.object({
      scheme: z.literal('solo').describe('Who is paid: the finder of a block gets all of it.'),
      connections: z.number().describe('Open connections.'),
      workers: z.number().describe('Workers that are logged in.'),
      hashps: HASH_RATE,
      accepted: z.number().describe('Accepted shares since the node started.'),
      refused: z.number().describe('Refused shares since the node started.'),
      best_difficulty: z.number().describe('Difficulty of the best share.'),
      blocks_found: z.number().describe('Blocks in the chain that the miners have found.'),
    }),
  },
  examples: [[]],
  handler: (context: Pick<RpcContext, 'pool'>) => {
    const { pool, server } = requirePool(context)
    const workers = pool.workers.list()
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
    return {
      scheme: 'solo' as const,
      connections: server.sessions.size,
      workers: workers.filter(({ sessions }) => sessions > 0).length,
      hashps: sum(workers.map(({ hashesPerSecond }) => hashesPerSecond)),
      accepted: sum(workers.map(({ acceptedShares }) => acceptedShares)),
      refused: sum(workers.map(({ refusedShares }) => sum(Object.values(refusedShares)))),
      best_difficulty: Math.max(0, ...workers.map(({ bestDifficulty }) => bestDifficulty)),
      blocks_found: sum(workers.map(({ blocksFound }) => blocksFound)),
    }
  },
})

/** `listpoolworkers` */
export const listPoolWorkers = defineMethod({
  name: 'listpoolworkers',
  category: 'mining',
  summary: 'Lists the workers of the pool, the one that was heard of last at the end.',
  params: [],
  result: { schema: z.array(z.object(WORKER_FIELDS)) },
  examples: [[]],
  handler: (context: Pick<RpcContext, 'pool'>) =>
    requirePool(context)
      .pool.workers.list()
      .map((worker) => ({
        worker: worker.name,
        connections: worker.sessions,
        accepted: worker.acceptedShares,
        refused: worker.refusedShares,
        late_ms: Math.round(worker.lateMs),
        work: worker.acceptedWork.toString(16),
        hashps: worker.hashesPerSecond,
        best_difficulty: worker.bestDifficulty,
        blocks_found: worker.blocksFound,
        last_share:
          worker.lastShareAt === undefined ? null : Math.floor(worker.lastShareAt / MS_PER_SECOND),
      })),
})

function describePoolBlock({ hash, height, worker, foundAt, outcome, reason }: PoolBlock) {
  return {
    hash: toDisplayHex(hash),
    height,
    worker,
    time: Math.floor(foundAt / MS_PER_SECOND),
    outcome: outcome ?? 'submitted',
    ...(reason === undefined ? {} : { reason }),
  }
}

/** `listpoolblocks` */
export const listPoolBlocks = defineMethod({
  name: 'listpoolblocks',
  category: 'mining',
  summary: 'Lists the blocks that the miners of the pool have found since the node started.',
  params: [],
  result: {
    schema: z.array(
      z.object({
        hash: z.string().describe('The block hash.'),
        height: z.number().describe('Its height.'),
        worker: z.string().describe('The user name of the miner.'),
        time: z.number().describe('Unix time at which it was found.'),
        outcome: z
          .string()
          .describe("'connected', 'stored' beside the active chain, 'refused', or 'submitted'."),
        reason: z.string().optional().describe('Why the chain refused it.'),
      }),
    ),
  },
  examples: [[]],
  handler: (context: Pick<RpcContext, 'pool'>) =>
    requirePool(context).pool.blocks.map(describePoolBlock),
})

/** `disconnectworker` */
export const disconnectWorker = defineMethod({
  name: 'disconnectworker',
  category: 'mining',
  summary: 'Closes the connections of a worker, which may connect again.',
  params: [
    {
      name: 'worker',
      schema: z.string(),
      description: 'The user name, as listpoolworkers has it.',
    },
  ],
  result: { schema: z.number().describe('Connections that were closed.') },
  examples: [['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080.rig1']],
  handler: (context: Pick<RpcContext, 'pool'>, { worker }) => {
    const { server } = requirePool(context)
    const closed = [...server.sessions].filter((session) =>
      [...session.workers].some(({ name }) => name === worker),
    )
    for (const session of closed) session.close()
    return closed.length
  },
})
