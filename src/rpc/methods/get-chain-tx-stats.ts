/** @module How many transactions the chain has taken in, and how fast. */

import * as z from 'zod'
import type { BlockEntry, Chain } from '../../chain/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, requireEntry } from './arguments.ts'

const SECONDS_PER_MONTH = 30 * 24 * 60 * 60

/** Transactions of an entry and those before it, down to a height which is not counted; undefined if one is unknown. */
function countTransactions(last: BlockEntry, endHeight: number): number | undefined {
  let count = 0
  let entry: BlockEntry | undefined = last
  for (; entry !== undefined && entry.height > endHeight; entry = entry.prev) {
    if (entry.transactionCount === 0) return undefined
    count += entry.transactionCount
  }
  return count
}

function findLast(chain: Chain, hash: string | undefined): BlockEntry {
  if (hash === undefined) return chain.tip
  const entry = requireEntry(chain, hash)
  if (chain.isActive(entry)) return entry
  throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Block is not in main chain')
}

/** `getchaintxstats` */
export const getChainTxStats = defineMethod({
  name: 'getchaintxstats',
  category: 'blockchain',
  summary: 'Counts the transactions of the chain, and tells their rate within a window of blocks.',
  params: [
    {
      name: 'nblocks',
      schema: z.int().optional(),
      description: 'The size of the window; a month if nothing is said.',
    },
    {
      name: 'blockhash',
      schema: hashSchema('blockhash').optional(),
      description: 'The block that ends the window; the tip if nothing is said.',
    },
  ],
  result: {
    schema: z.object({
      time: z.number().describe('The time of the last block in Unix seconds.'),
      txcount: z.number().optional().describe('Transactions up to there, if all are known.'),
      window_final_block_hash: z.string().describe('The hash of the last block.'),
      window_final_block_height: z.number().describe('Its height.'),
      window_block_count: z.number().describe('The size of the window.'),
      window_interval: z.number().optional().describe('Its seconds, by median times.'),
      window_tx_count: z.number().optional().describe('The transactions in it.'),
      txrate: z.number().optional().describe('Transactions per second in it.'),
    }),
  },
  examples: [[], [2016]],
  handler: ({ chain, params }: RpcContext, { nblocks, blockhash }) => {
    const last = findLast(chain, blockhash)
    const month = Math.trunc(SECONDS_PER_MONTH / params.targetSpacingSeconds)
    const blockCount = nblocks ?? Math.min(month, Math.max(0, last.height - 1))
    if (blockCount < 0 || (blockCount > 0 && blockCount >= last.height)) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        "Invalid block count: should be between 0 and the block's height - 1",
      )
    }
    const startHeight = last.height - blockCount
    const interval = last.medianTimePast - (last.getAncestor(startHeight)?.medianTimePast ?? 0)
    const windowCount = countTransactions(last, startHeight)
    return {
      time: last.time,
      txcount: countTransactions(last, -1),
      window_final_block_hash: last.hashHex,
      window_final_block_height: last.height,
      window_block_count: blockCount,
      ...(blockCount > 0 && {
        window_interval: interval,
        window_tx_count: windowCount,
        ...(interval > 0 && windowCount !== undefined && { txrate: windowCount / interval }),
      }),
    }
  },
})
