/** @module Payments in steps: coins and change for what a caller has put together. */

import * as z from 'zod'
import { encodeTransaction } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { AMOUNT_SCHEMA, btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { FUND_OPTIONS_SCHEMA, fundTransaction, toChosenInputs } from './fund-options.ts'
import { FEE_PARAMS, OUTPUTS_SCHEMA, parseFeeChoice } from './payment-arguments.ts'
import { decodeAnyTransaction, IS_WITNESS_PARAM } from './raw-transaction-argument.ts'
import { CREATE_PARAMS, constructTransaction } from './raw-transaction-inputs.ts'
import { withWallet } from './wallet-access.ts'

const OPTIONS_PARAM = {
  name: 'options',
  schema: FUND_OPTIONS_SCHEMA.default({}),
  description: 'How coins and change are chosen.',
} as const
const [, , , , VERSION_PARAM] = CREATE_PARAMS

/** `fundrawtransaction` */
export const fundRawTransaction = defineMethod({
  name: 'fundrawtransaction',
  category: 'rawtransactions',
  summary: 'Adds coins of the wallet and change to a transaction until it pays for itself.',
  params: [
    {
      name: 'hexstring',
      schema: z.string(),
      description: 'The encoded transaction in hexadecimal.',
    },
    {
      ...OPTIONS_PARAM,
      schema: z
        .union([FUND_OPTIONS_SCHEMA, z.boolean().transform(() => ({}))])
        .default({})
        .describe(
          'How coins and change are chosen. Old clients give a flag, without a meaning here.',
        ),
    },
    IS_WITNESS_PARAM,
  ],
  result: {
    schema: z.object({
      hex: z.string().describe('The transaction, not signed, in hexadecimal.'),
      fee: z.number().describe('What it pays, in coins.'),
      changepos: z.number().describe('The number of the change output; -1 if there is none.'),
    }),
  },
  examples: [['rawtransactionhex']],
  handler: (context: RpcContext, { hexstring, options, iswitness }, call) =>
    withWallet(context, call, async (wallet) => {
      const given = decodeAnyTransaction(hexstring, iswitness)
      const inputs = given.inputs.map(({ prevout, sequence }) => ({
        outPoint: prevout,
        sequence,
        weight: undefined,
      }))
      const { tx, fee, changePosition } = await fundTransaction(
        context,
        wallet,
        given,
        inputs,
        options,
      )
      return {
        hex: encodeHex(encodeTransaction(tx)),
        fee: btcAmount(fee),
        changepos: changePosition,
      }
    }),
})

/** `send` */
export const send = defineMethod({
  name: 'send',
  category: 'wallet',
  summary: 'Pays, with more said about how than sendtoaddress takes.',
  params: [
    { name: 'outputs', schema: OUTPUTS_SCHEMA, description: 'Coins by address, or data.' },
    FEE_PARAMS.confTarget,
    FEE_PARAMS.estimateMode,
    { ...FEE_PARAMS.feeRate, schema: AMOUNT_SCHEMA.optional() },
    OPTIONS_PARAM,
    VERSION_PARAM,
  ],
  result: {
    schema: z.object({
      complete: z.boolean().describe('Whether it has all signatures.'),
      txid: z.string().optional().describe('The transaction id.'),
      hex: z.string().optional().describe('The transaction, if it was not sent.'),
      psbt: z.string().optional().describe('The same as a PSBT.'),
    }),
  },
  examples: [[{ bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080: 0.1 }]],
  handler: (context: RpcContext, args, call) =>
    withWallet(context, call, async (wallet) => {
      const { options, version } = args
      parseFeeChoice(args.conf_target, args.estimate_mode, args.fee_rate)
      const merged = {
        ...options,
        conf_target: args.conf_target ?? options.conf_target,
        fee_rate: args.fee_rate ?? options.fee_rate,
        estimate_mode: args.estimate_mode === 'unset' ? options.estimate_mode : args.estimate_mode,
      }
      const { outputs } = constructTransaction(context, {
        inputs: options.inputs ?? [],
        outputs: args.outputs,
        locktime: options.locktime ?? 0,
        replaceable: options.replaceable ?? true,
        version,
      })
      const isSent = (options.add_to_wallet ?? true) && options.psbt !== true
      const inputs = toChosenInputs(options.inputs ?? [])
      const wanted = { outputs, version, lockTime: options.locktime }
      const fundOptions = { ...merged, add_inputs: options.add_inputs ?? inputs.length === 0 }
      const prepare = () => fundTransaction(context, wallet, wanted, inputs, fundOptions)
      const isOurs = inputs.every(({ outPoint }) => wallet.log.findOwnOutput(outPoint))
      if (isSent && isOurs && !wallet.keys.isLocked && wallet.keys.hasPrivateKeys) {
        const { txid } = await wallet.payPrepared(prepare)
        return { complete: true, txid }
      }
      const { createPsbt, encodePsbt, extractTransaction, finalizePsbt } = await import(
        '../../wallet/index.ts'
      )
      const psbt = createPsbt((await prepare()).tx)
      const canSign = wallet.keys.hasPrivateKeys && !wallet.keys.isLocked
      await wallet.spender.process(psbt, canSign ? 1 : undefined, true)
      if (!finalizePsbt(psbt)) return { complete: false, psbt: encodePsbt(psbt) }
      const tx = extractTransaction(psbt)
      const hex = encodeHex(encodeTransaction(tx))
      return { complete: true, txid: wallet.idOf(tx), hex, psbt: encodePsbt(psbt) }
    }),
})
