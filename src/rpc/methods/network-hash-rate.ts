/** @module How fast the whole network hashes, guessed from the times of blocks. */

import * as z from 'zod'
import type { BlockEntry, Chain } from '../../chain/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

const DEFAULT_BLOCKS = 120
/** Stands for the tip, or for all blocks since the last change of difficulty. */
const AUTOMATIC = -1

/**
 * Estimates hashes per second from the work and the times of the last blocks up to a height.
 *
 * @param blockCount - How many blocks; -1 for those since the last retarget.
 * @param height - Of the last block to look at; -1 for the tip.
 * @throws {@link RpcError} -8 if there are no such blocks.
 * @see Bitcoin Core `GetNetworkHashPS`
 */
export function estimateNetworkHashRate(
  chain: Chain,
  blockCount = DEFAULT_BLOCKS,
  height = AUTOMATIC,
): number {
  if (blockCount < AUTOMATIC || blockCount === 0) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      'Invalid nblocks. Must be a positive number or -1.',
    )
  }
  const last = height === AUTOMATIC ? chain.tip : chain.getActiveEntry(height)
  if (last === undefined) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Block does not exist at specified height')
  }
  const sinceRetarget = (last.height % chain.params.retargetWindowBlocks) + 1
  const wanted = blockCount === AUTOMATIC ? sinceRetarget : blockCount
  return computeRate(last, Math.min(wanted, last.height))
}

function computeRate(last: BlockEntry, blockCount: number): number {
  let first = last
  let minTime = last.time
  let maxTime = last.time
  for (let i = 0; i < blockCount && first.prev !== undefined; i++) {
    first = first.prev
    minTime = Math.min(minTime, first.time)
    maxTime = Math.max(maxTime, first.time)
  }
  if (minTime === maxTime) return 0
  return Number(last.chainWork - first.chainWork) / (maxTime - minTime)
}

/** `getnetworkhashps` */
export const getNetworkHashPs = defineMethod({
  name: 'getnetworkhashps',
  category: 'mining',
  summary: "Estimates the network's hashes per second from the last blocks.",
  params: [
    {
      name: 'nblocks',
      schema: z.int().default(DEFAULT_BLOCKS),
      description: 'How many blocks to look at; -1 for those since the last change of difficulty.',
    },
    {
      name: 'height',
      schema: z.int().default(AUTOMATIC),
      description: 'The height of the last block to look at; -1 for the tip.',
    },
  ],
  result: { schema: z.number(), description: 'Hashes per second.' },
  examples: [[], [120, 1000]],
  handler: ({ chain }: RpcContext, { nblocks, height }) =>
    estimateNetworkHashRate(chain, nblocks, height),
})
