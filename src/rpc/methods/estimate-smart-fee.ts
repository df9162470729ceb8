/** @module What to pay. */

import * as z from 'zod'
import { MAX_FEE_TARGET } from '../../mempool/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** @see Bitcoin Core `CBlockPolicyEstimator::HighestTargetTracked` */
const MAX_TARGET = 1_008
/** Nobody can promise the next block. @see Bitcoin Core `estimateSmartFee` */
const MIN_TARGET = 2
const MODES = ['unset', 'economical', 'conservative'] as const

/** `estimatesmartfee` */
export const estimateSmartFee = defineMethod({
  name: 'estimatesmartfee',
  category: 'util',
  summary: 'Estimates the fee rate at which a transaction is confirmed in time, by what was seen.',
  params: [
    { name: 'conf_target', schema: z.int(), description: 'In how many blocks, 1 to 1008.' },
    {
      name: 'estimate_mode',
      schema: z.string().default('economical'),
      description: 'economical, or conservative to be surer.',
    },
  ],
  result: {
    schema: z.object({
      feerate: z.number().optional().describe('Coins per 1,000 virtual bytes.'),
      errors: z.array(z.string()).optional().describe('Why there is no estimate.'),
      blocks: z.number().describe('The number of blocks that it is for.'),
    }),
  },
  examples: [[6]],
  handler: (
    { feeEstimator, mempool }: RpcContext,
    { conf_target: target, estimate_mode: given },
  ) => {
    if (target < 1 || target > MAX_TARGET) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        `Invalid conf_target, must be between 1 and ${MAX_TARGET}`,
      )
    }
    const mode = MODES.find((name) => name === given.toLowerCase())
    if (mode === undefined) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        `Invalid estimate_mode parameter, must be one of: "${MODES.join('", "')}"`,
      )
    }
    const blocks = Math.min(Math.max(target, MIN_TARGET), MAX_FEE_TARGET)
    const rate = feeEstimator.estimate(blocks, mode === 'conservative' ? mode : 'economical')
    if (rate === undefined) {
      return { errors: ['Insufficient data or no feerate found'], blocks }
    }
    const sats = BigInt(Math.round(rate))
    const least = mempool.minFeeRate
    return { feerate: btcAmount(sats > least ? sats : least), blocks }
  },
})
