/** @module Partially signed transactions. */

import * as z from 'zod'
import { encodeTransaction } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { FUND_OPTIONS_SCHEMA, fundTransaction, toChosenInputs } from './fund-options.ts'
import { describePsbt, PSBT_SCHEMA } from './psbt-json.ts'
import { CREATE_PARAMS, constructTransaction, INPUT_SCHEMA } from './raw-transaction-inputs.ts'
import { parseHashType, SIGHASH_PARAM } from './sign-raw-transaction.ts'
import { refusing, withWallet } from './wallet-access.ts'

const MAX_PSBTS = 1_000
const MAX_INPUTS = 100_000
const SIGHASH_ALL = 1

const PSBT_PARAM = {
  name: 'psbt',
  schema: z.string(),
  description: 'The PSBT in base64.',
} as const
const PSBT_RESULT = { schema: z.string(), description: 'The PSBT in base64.' } as const
const [, OUTPUTS_PARAM, LOCKTIME_PARAM, , VERSION_PARAM] = CREATE_PARAMS

/** The library that reads and writes them, loaded when it is needed. */
const loadLibrary = () => import('../../wallet/index.ts')

/** `createpsbt` */
export const createPsbtMethod = defineMethod({
  name: 'createpsbt',
  category: 'rawtransactions',
  summary: 'Puts a transaction together as a PSBT.',
  params: CREATE_PARAMS,
  result: PSBT_RESULT,
  examples: [[[{ txid: 'mytxid', vout: 0 }], [{ address: 0.01 }]]],
  handler: (context: RpcContext, args) =>
    refusing(async () => {
      const { createPsbt, encodePsbt } = await loadLibrary()
      return encodePsbt(createPsbt(constructTransaction(context, args)))
    }),
})

/** `decodepsbt` */
export const decodePsbtMethod = defineMethod({
  name: 'decodepsbt',
  category: 'rawtransactions',
  summary: 'Shows what a PSBT says.',
  params: [PSBT_PARAM],
  result: { schema: PSBT_SCHEMA },
  examples: [['mypsbt']],
  handler: ({ params }: RpcContext, { psbt: text }) =>
    refusing(async () => {
      const { decodePsbt, describeParts } = await loadLibrary()
      return describePsbt(describeParts(decodePsbt(text)), params)
    }),
})

/** `combinepsbt` */
export const combinePsbtMethod = defineMethod({
  name: 'combinepsbt',
  category: 'rawtransactions',
  summary: 'Joins what several people know of one transaction.',
  params: [
    {
      name: 'txs',
      schema: z.array(z.string()).max(MAX_PSBTS),
      description: 'The PSBTs in base64.',
    },
  ],
  result: PSBT_RESULT,
  examples: [[['mypsbt1', 'mypsbt2']]],
  handler: (_context: RpcContext, { txs }) =>
    refusing(async () => {
      const { combinePsbts, decodePsbt, encodePsbt } = await loadLibrary()
      return encodePsbt(combinePsbts(txs.map(decodePsbt)))
    }),
})

/** `finalizepsbt` */
export const finalizePsbtMethod = defineMethod({
  name: 'finalizepsbt',
  category: 'rawtransactions',
  summary: 'Makes a transaction out of a PSBT that has all signatures.',
  params: [
    PSBT_PARAM,
    {
      name: 'extract',
      schema: z.boolean().default(true),
      description: 'Whether the transaction is given instead of the PSBT.',
    },
  ],
  result: {
    schema: z.object({
      psbt: z.string().optional().describe('The PSBT in base64, if it is not extracted.'),
      hex: z.string().optional().describe('The transaction in hexadecimal.'),
      complete: z.boolean().describe('Whether it has all signatures.'),
    }),
  },
  examples: [['mypsbt']],
  handler: (_context: RpcContext, { psbt: text, extract }) =>
    refusing(async () => {
      const { decodePsbt, encodePsbt, extractTransaction, finalizePsbt } = await loadLibrary()
      const psbt = decodePsbt(text)
      const isComplete = finalizePsbt(psbt)
      if (!isComplete || !extract) return { psbt: encodePsbt(psbt), complete: isComplete }
      return { hex: encodeHex(encodeTransaction(extractTransaction(psbt))), complete: true }
    }),
})

/** `walletcreatefundedpsbt` */
export const walletCreateFundedPsbt = defineMethod({
  name: 'walletcreatefundedpsbt',
  category: 'wallet',
  summary: 'Puts a payment together as a PSBT, with coins of the wallet and change.',
  params: [
    {
      name: 'inputs',
      schema: z.array(INPUT_SCHEMA).max(MAX_INPUTS).default([]),
      description: 'What to spend; without any the wallet chooses.',
    },
    OUTPUTS_PARAM,
    LOCKTIME_PARAM,
    {
      name: 'options',
      schema: FUND_OPTIONS_SCHEMA.default({}),
      description: 'How coins and change are chosen.',
    },
    {
      name: 'bip32derivs',
      schema: z.boolean().default(true),
      description: 'Whether it says where keys come from.',
    },
    VERSION_PARAM,
  ],
  result: {
    schema: z.object({
      psbt: z.string().describe('The PSBT in base64.'),
      fee: z.number().describe('What it pays, in coins.'),
      changepos: z.number().describe('The number of the change output; -1 if there is none.'),
    }),
  },
  examples: [[[], [{ bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080: 0.1 }]]],
  handler: (context: RpcContext, args, call) =>
    withWallet(context, call, async (wallet) => {
      const { inputs, locktime, options, version } = args
      const { createPsbt, encodePsbt } = await loadLibrary()
      const { outputs } = constructTransaction(context, {
        ...args,
        replaceable: options.replaceable ?? true,
      })
      const { tx, fee, changePosition } = await fundTransaction(
        context,
        wallet,
        { outputs, version, lockTime: locktime },
        toChosenInputs(inputs),
        { ...options, add_inputs: options.add_inputs ?? inputs.length === 0 },
      )
      const psbt = createPsbt(tx)
      await wallet.spender.process(psbt, undefined, args.bip32derivs)
      return { psbt: encodePsbt(psbt), fee: btcAmount(fee), changepos: changePosition }
    }),
})

/** `walletprocesspsbt` */
export const walletProcessPsbt = defineMethod({
  name: 'walletprocesspsbt',
  category: 'wallet',
  summary: 'Adds what the wallet knows to a PSBT, and signs what it can.',
  params: [
    PSBT_PARAM,
    { name: 'sign', schema: z.boolean().default(true), description: 'Whether it signs.' },
    SIGHASH_PARAM,
    {
      name: 'bip32derivs',
      schema: z.boolean().default(true),
      description: 'Whether it says where keys come from.',
    },
    {
      name: 'finalize',
      schema: z.boolean().default(true),
      description: 'Whether inputs with all signatures are finished.',
    },
  ],
  result: {
    schema: z.object({
      psbt: z.string().describe('The PSBT in base64.'),
      complete: z.boolean().describe('Whether it has all signatures.'),
      hex: z.string().optional().describe('The finished transaction, if it has.'),
    }),
  },
  examples: [['mypsbt']],
  handler: (context: RpcContext, args, call) =>
    withWallet(context, call, async ({ spender }) => {
      const { decodePsbt, encodePsbt, extractTransaction, finalizePsbt } = await loadLibrary()
      const hashType = parseHashType(args.sighashtype) ?? SIGHASH_ALL
      const psbt = decodePsbt(args.psbt)
      await spender.process(psbt, args.sign ? hashType : undefined, args.bip32derivs)
      if (!args.finalize) {
        const trial = decodePsbt(encodePsbt(psbt))
        return { psbt: encodePsbt(psbt), complete: finalizePsbt(trial) }
      }
      const isComplete = finalizePsbt(psbt)
      return {
        psbt: encodePsbt(psbt),
        complete: isComplete,
        hex: isComplete ? encodeHex(encodeTransaction(extractTransaction(psbt))) : undefined,
      }
    }),
})
