/** @module The local miner's workers, changed while it runs. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { LocalMiner, RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

const MIN_THROTTLE = 0.01

/** @throws {@link RpcError} -1 if the node does not mine. */
export function requireMiner({ mining }: RpcContext): LocalMiner {
  const miner = mining.miner()
  if (miner !== undefined) return miner
  throw new RpcError(
    RPC_CODES.MISC_ERROR,
    'The miner of this node is off: start the node with --mine.',
  )
}

/** `setminers` */
export const setMiners = defineMethod({
  name: 'setminers',
  category: 'mining',
  summary: 'Changes how many workers the local miner has and how much they may do, at once.',
  params: [
    {
      name: 'threads',
      schema: z.union([z.int().min(0), z.literal('auto')]).optional(),
      description:
        'How many workers, up to four a core; auto is all cores but one; without it, as many as there are.',
    },
    {
      name: 'throttle',
      schema: z.number().min(MIN_THROTTLE).max(1).optional(),
      description: 'The share of a core that each may use; without it, as before.',
    },
    {
      name: 'paused',
      schema: z.boolean().optional(),
      description: 'Whether they are to rest; without it, as before.',
    },
  ],
  result: {
    schema: z.object({
      threads: z.number().describe('How many workers there are now.'),
      throttle: z.number().describe('The share of a core that each may use now.'),
      paused: z.boolean().describe('Whether they rest now.'),
    }),
  },
  examples: [[2], ['auto', 0.5], [1, 1, true]],
  handler: (context: RpcContext, { threads, throttle, paused }) => {
    const miner = requireMiner(context)
    const { autoThreads, maxThreads } = context.mining
    const wanted = threads === 'auto' ? autoThreads : threads
    if (wanted !== undefined && wanted > maxThreads) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        `Invalid parameter threads: this machine has cores for at most ${maxThreads}`,
      )
    }
    miner.configure({ threads: wanted, throttle, isPaused: paused })
    const { stats } = miner
    return { threads: stats.threads, throttle: stats.throttle, paused: stats.isPaused }
  },
})
