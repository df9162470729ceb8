/** @module Paying more for what waits, and giving it up. */

import * as z from 'zod'
import { AMOUNT_SCHEMA, btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { hashSchema } from './arguments.ts'
import { parseFeeChoice } from './payment-arguments.ts'
import { withWallet } from './wallet-access.ts'

/** `bumpfee` */
export const bumpFee = defineMethod({
  name: 'bumpfee',
  category: 'wallet',
  summary: 'Sends a payment that waits once more, with a higher fee, in place of the first.',
  params: [
    { name: 'txid', schema: hashSchema('txid'), description: 'The transaction id.' },
    {
      name: 'options',
      schema: z
        .strictObject({
          conf_target: z.int().optional().describe('In how many blocks it is to be confirmed.'),
          confTarget: z.int().optional().describe('The same.'),
          fee_rate: AMOUNT_SCHEMA.optional().describe('Satoshis for each virtual byte.'),
          replaceable: z.boolean().optional().describe('Whether it may be replaced again.'),
          estimate_mode: z.string().optional().describe('unset, economical or conservative.'),
        })
        .default({}),
      description: 'How it is to be.',
    },
  ],
  result: {
    schema: z.object({
      txid: z.string().describe('The id of the new transaction.'),
      origfee: z.number().describe('What the first pays, in coins.'),
      fee: z.number().describe('What the new one pays, in coins.'),
      errors: z.array(z.string()).describe('Empty.'),
    }),
  },
  examples: [['mytxid'], ['mytxid', { fee_rate: 25 }]],
  handler: (context: RpcContext, { txid, options }, call) =>
    withWallet(context, call, async (wallet) => {
      const target = options.conf_target ?? options.confTarget
      const choice = parseFeeChoice(target, options.estimate_mode ?? 'unset', options.fee_rate)
      const bumped = await wallet.bump(txid, {
        feeRate: choice.feeRate,
        targetBlocks: choice.targetBlocks,
        isReplaceable: options.replaceable ?? true,
      })
      return {
        txid: bumped.txid,
        origfee: btcAmount(bumped.oldFee),
        fee: btcAmount(bumped.fee),
        errors: [],
      }
    }),
})

/** `abandontransaction` */
export const abandonTransaction = defineMethod({
  name: 'abandontransaction',
  category: 'wallet',
  summary: 'Gives up a transaction that waits nowhere, so that what it spends can be spent again.',
  params: [{ name: 'txid', schema: hashSchema('txid'), description: 'The transaction id.' }],
  result: { schema: z.null() },
  examples: [['mytxid']],
  handler: (context: RpcContext, { txid }, call) =>
    withWallet(context, call, async (wallet) => {
      await wallet.abandon(txid)
      return null
    }),
})
