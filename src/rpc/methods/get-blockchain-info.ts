/** @module The chain at a glance. */

import * as z from 'zod'
import type { Chain } from '../../chain/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { BITS_FIELDS, describeBits, workToHex } from './header-json.ts'
import { WARNINGS_FIELD } from './warnings.ts'

/** Steps between 0 and 1 that the progress is told in. */
const PROGRESS_STEPS = 1_000_000_000n

/** How much of the best known chain's work is verified; 1 only when all of it is. */
function computeProgress(chain: Chain): number {
  const done = chain.tip.chainWork
  const all = chain.bestHeader.chainWork
  return done >= all ? 1 : Number((done * PROGRESS_STEPS) / all) / Number(PROGRESS_STEPS)
}

/** Height of the next block whose bits may differ; undefined where they never do. */
function findNextRetarget({ tip, params }: Chain): number | undefined {
  if (params.noRetargeting) return undefined
  if (params.retargetAlgorithm === 'asert') return tip.height + 1
  const window = params.retargetWindowBlocks
  return (Math.trunc(tip.height / window) + 1) * window
}

/** `getblockchaininfo` */
export const getBlockchainInfo = defineMethod({
  name: 'getblockchaininfo',
  category: 'blockchain',
  summary: 'Tells how far the chain is verified, and what chain it is.',
  params: [],
  result: {
    schema: z.object({
      chain: z.string().describe('The name of the chain as clients know it: main, regtest, …'),
      blocks: z.number().describe('The height of the tip.'),
      headers: z.number().describe('The height of the best known header.'),
      bestblockhash: z.string().describe('The hash of the tip.'),
      ...BITS_FIELDS,
      time: z.number().describe('The time of the tip in Unix seconds.'),
      mediantime: z.number().describe('The median time of the tip, Unix seconds.'),
      verificationprogress: z.number().describe('The share of the known work that is verified.'),
      initialblockdownload: z
        .boolean()
        .describe('Whether the node has yet to catch up, or is far behind again.'),
      chainwork: z.string().describe('Expected hashes of the active chain, in hexadecimal.'),
      size_on_disk: z.number().describe('Bytes that blocks and undo data take on the disk.'),
      pruned: z.boolean().describe('Whether old blocks are deleted.'),
      pruneheight: z.number().optional().describe('The lowest block above the deleted ones.'),
      automatic_pruning: z.boolean().optional().describe('Whether they are deleted unasked.'),
      prune_target_size: z.number().optional().describe('What they may take then, in bytes.'),
      ...WARNINGS_FIELD,
      quarry_chain: z.string().describe("The chain's own name."),
      quarry_chain_id: z.string().describe('Eight hex digits that follow from the chain spec.'),
      quarry_reorgs: z.number().describe('Reorganisations since the start of the node.'),
      quarry_target_spacing: z.number().describe('Seconds between blocks that are aimed at.'),
      quarry_retarget_window: z.number().describe('Blocks between changes of the difficulty.'),
      quarry_next_retarget: z
        .number()
        .optional()
        .describe('The height of the next block whose difficulty may differ.'),
    }),
  },
  examples: [[]],
  handler: async (context: RpcContext) => {
    const { chain, params, isCaughtUp, isFarBehind, measureBlocksSize, pruneBytes } = context
    const { warnings } = context
    const sizeOnDisk = await measureBlocksSize()
    const { tip } = chain
    return {
      chain: params.rpcChain,
      blocks: tip.height,
      headers: chain.bestHeader.height,
      bestblockhash: tip.hashHex,
      ...describeBits(tip.bits),
      time: tip.time,
      mediantime: tip.medianTimePast,
      verificationprogress: computeProgress(chain),
      initialblockdownload: !isCaughtUp() || isFarBehind(),
      chainwork: workToHex(tip.chainWork),
      size_on_disk: sizeOnDisk,
      pruned: pruneBytes !== undefined || chain.prunedHeight > 0,
      ...((pruneBytes !== undefined || chain.prunedHeight > 0) && {
        pruneheight: chain.prunedHeight === 0 ? 0 : chain.prunedHeight + 1,
        automatic_pruning: (pruneBytes ?? 0) > 0,
        ...((pruneBytes ?? 0) > 0 && { prune_target_size: pruneBytes }),
      }),
      warnings: [...warnings()],
      quarry_chain: params.name,
      quarry_chain_id: params.chainId,
      quarry_reorgs: chain.reorgCount,
      quarry_target_spacing: params.targetSpacingSeconds,
      quarry_retarget_window: params.retargetWindowBlocks,
      quarry_next_retarget: findNextRetarget(chain),
    }
  },
})
