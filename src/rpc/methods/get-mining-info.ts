/** @module Mining at a glance. */

import * as z from 'zod'
import { toUnixSeconds } from '../../chain/index.ts'
import { computeNextBits } from '../../consensus/index.ts'
import { RESERVED_WEIGHT } from '../../mining/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { BITS_FIELDS, describeBits } from './header-json.ts'
import { estimateNetworkHashRate } from './network-hash-rate.ts'
import { WARNINGS_FIELD } from './warnings.ts'

/** What the chain demands of its next block, were it found now. */
function describeNext({ chain, clock }: RpcContext) {
  const { tip, params } = chain
  const time = Math.max(tip.medianTimePast + 1, toUnixSeconds(clock.now()))
  return { height: tip.height + 1, ...describeBits(computeNextBits(tip, time, params)) }
}

/** The template made last; nothing before the first. */
function describeLast({ mining }: RpcContext) {
  const template = mining.lastTemplate
  if (template === undefined) return {}
  const { transactions } = template
  return {
    currentblockweight: transactions.reduce((sum, { weight }) => sum + weight, RESERVED_WEIGHT),
    currentblocktx: transactions.length,
  }
}

/** `getmininginfo` */
export const getMiningInfo = defineMethod({
  name: 'getmininginfo',
  category: 'mining',
  summary: 'Tells how hard mining is, and what the local miner does.',
  params: [],
  result: {
    schema: z.object({
      blocks: z.number().describe('The height of the tip.'),
      currentblockweight: z
        .number()
        .optional()
        .describe('The weight of the template made last, with what is kept free for its coinbase.'),
      currentblocktx: z
        .number()
        .optional()
        .describe('The transactions of the template made last, without its coinbase.'),
      ...BITS_FIELDS,
      networkhashps: z.number().describe("The network's hashes per second, estimated."),
      pooledtx: z.number().describe('How many transactions wait.'),
      blockmintxfee: z
        .number()
        .describe('The least fee in coins per 1,000 virtual bytes to get into our blocks.'),
      chain: z.string().describe('The name of the chain as clients know it.'),
      next: z
        .object({ height: z.number().describe('Its height.'), ...BITS_FIELDS })
        .describe('The block after the tip.'),
      ...WARNINGS_FIELD,
      quarry_hashps: z.number().describe("The local miner's hashes per second; 0 if it is off."),
      quarry_threads: z.number().describe("The local miner's threads; 0 if it is off."),
      quarry_blocks_found: z.number().describe('Blocks that the local miner has found.'),
      quarry_stale: z.number().describe('Solutions of the local miner that came too late.'),
    }),
  },
  examples: [[]],
  handler: (context: RpcContext) => {
    const { chain, mempool, mining, params, warnings } = context
    const stats = mining.miner()?.stats
    return {
      blocks: chain.tip.height,
      ...describeLast(context),
      ...describeBits(chain.tip.bits),
      networkhashps: estimateNetworkHashRate(chain),
      pooledtx: mempool.size,
      blockmintxfee: btcAmount(mempool.policy.blockMinFeeRate),
      chain: params.rpcChain,
      next: describeNext(context),
      warnings: [...warnings()],
      quarry_hashps: stats?.hashesPerSecond.second ?? 0,
      quarry_threads: stats?.threads ?? 0,
      quarry_blocks_found: stats?.blocksFound ?? 0,
      quarry_stale: stats?.staleSolutions ?? 0,
    }
  },
})
