/** @module Payments. */

import * as z from 'zod'
import { AMOUNT_SCHEMA } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import {
  FEE_PARAMS,
  NOTE_SCHEMA,
  OUTPUT_MAP_SCHEMA,
  parseFeeChoice,
  parseOutputs,
} from './payment-arguments.ts'
import { resolveFeeRate, USUAL_PAYMENT } from './payment-wishes.ts'
import { withWallet } from './wallet-access.ts'

const RESULT = [
  {
    condition: 'if verbose is false',
    schema: z.string(),
    description: 'The transaction id.',
  },
  {
    condition: 'if verbose is true',
    schema: z.object({
      txid: z.string().describe('The transaction id.'),
      fee_reason: z.string().describe('Where the fee rate comes from.'),
    }),
  },
] as const

const COMMENT_PARAM = {
  name: 'comment',
  schema: NOTE_SCHEMA.default(''),
  description: 'A note for yourself; it is not sent.',
} as const
const REPLACEABLE_PARAM = {
  name: 'replaceable',
  schema: z.boolean().default(true),
  description: 'Whether it says that it may be replaced (BIP-0125).',
} as const
const VERBOSE_PARAM = {
  name: 'verbose',
  schema: z.boolean().default(false),
  description: 'Whether more than the id is told.',
} as const

/** `sendtoaddress` */
export const sendToAddress = defineMethod({
  name: 'sendtoaddress',
  category: 'wallet',
  summary: 'Pays to an address.',
  params: [
    { name: 'address', schema: z.string(), description: 'Whom to pay.' },
    { name: 'amount', schema: AMOUNT_SCHEMA, description: 'Coins.' },
    COMMENT_PARAM,
    {
      name: 'comment_to',
      schema: NOTE_SCHEMA.default(''),
      description: 'A note about whom you pay; it is not sent.',
    },
    {
      name: 'subtractfeefromamount',
      schema: z.boolean().default(false),
      description: 'Whether the fee comes out of the amount.',
    },
    REPLACEABLE_PARAM,
    FEE_PARAMS.confTarget,
    FEE_PARAMS.estimateMode,
    {
      name: 'avoid_reuse',
      schema: z.boolean().optional(),
      description: 'Without a meaning here.',
    },
    FEE_PARAMS.feeRate,
    VERBOSE_PARAM,
  ],
  result: RESULT,
  examples: [['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', 0.1]],
  handler: (context: RpcContext, args, call) =>
    withWallet(context, call, async (wallet) => {
      const fee = parseFeeChoice(args.conf_target, args.estimate_mode, args.fee_rate)
      const { outputs } = parseOutputs(context, { [args.address]: args.amount })
      const { feeRate, reason } = resolveFeeRate(wallet, fee)
      const { txid } = await wallet.pay(
        {
          ...USUAL_PAYMENT,
          outputs,
          feeRate,
          subtractFrom: args.subtractfeefromamount ? [0] : [],
          isReplaceable: args.replaceable,
        },
        { comment: args.comment, commentTo: args.comment_to },
      )
      return args.verbose ? { txid, fee_reason: reason } : txid
    }),
})

/** `sendmany` */
export const sendMany = defineMethod({
  name: 'sendmany',
  category: 'wallet',
  summary: 'Pays to several addresses with one transaction.',
  params: [
    {
      name: 'dummy',
      aliases: ['fromaccount'],
      schema: z.string().default(''),
      description: 'Left over from accounts: "".',
    },
    {
      name: 'amounts',
      schema: OUTPUT_MAP_SCHEMA,
      description: 'Coins by address.',
    },
    { name: 'minconf', schema: z.int().optional(), description: 'Without a meaning any more.' },
    COMMENT_PARAM,
    {
      name: 'subtractfeefrom',
      schema: z.array(z.string()).max(100_000).default([]),
      description: 'The addresses whose amounts bear the fee, in equal parts.',
    },
    REPLACEABLE_PARAM,
    FEE_PARAMS.confTarget,
    FEE_PARAMS.estimateMode,
    FEE_PARAMS.feeRate,
    VERBOSE_PARAM,
  ],
  result: RESULT,
  examples: [['', { bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080: 0.1 }]],
  handler: (context: RpcContext, args, call) =>
    withWallet(context, call, async (wallet) => {
      if (args.dummy !== '') {
        throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Dummy value must be set to ""')
      }
      const fee = parseFeeChoice(args.conf_target, args.estimate_mode, args.fee_rate)
      const { outputs, names } = parseOutputs(context, args.amounts)
      if (outputs.length === 0) {
        throw new RpcError(
          RPC_CODES.WALLET_INSUFFICIENT_FUNDS,
          'Transaction must have at least one recipient',
        )
      }
      const subtractFrom = args.subtractfeefrom.map((address) => {
        const position = names.indexOf(address)
        if (position >= 0) return position
        throw new RpcError(
          RPC_CODES.INVALID_PARAMETER,
          `Invalid parameter 'subtract fee from output', destination ${address} not found in tx outputs`,
        )
      })
      const twice = subtractFrom.find((position, i) => subtractFrom.indexOf(position) < i)
      if (twice !== undefined) {
        throw new RpcError(
          RPC_CODES.INVALID_PARAMETER,
          `Invalid parameter 'subtract fee from output', duplicated position: ${twice}`,
        )
      }
      const { feeRate, reason } = resolveFeeRate(wallet, fee)
      const wishes = { ...USUAL_PAYMENT, outputs, subtractFrom, feeRate }
      const { txid } = await wallet.pay(
        { ...wishes, isReplaceable: args.replaceable },
        { comment: args.comment },
      )
      return args.verbose ? { txid, fee_reason: reason } : txid
    }),
})
