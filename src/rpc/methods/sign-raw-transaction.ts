/** @module Signatures for transactions that are put together by hand. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import * as z from 'zod'
import {
  encodeTransaction,
  fromDisplayHex,
  outPointKey,
  type Transaction,
  type Txid,
  type TxOut,
  toDisplayHex,
} from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import type { SigningResult, SpentOutput } from '../../wallet/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import {
  type InnerScripts,
  PREVTXS_PARAM,
  type PrevTx,
  parseInnerScripts,
  parsePreviousOutput,
} from './previous-outputs.ts'
import { decodeTransactionArgument } from './raw-transaction-argument.ts'
import { refusing, withWallet } from './wallet-access.ts'

const MAX_KEYS = 10_000
/** Digits of an output script that an error shows. */
const SHOWN_SCRIPT_DIGITS = 30

/** What signatures sign, by Bitcoin Core's names. */
const HASH_TYPES: ReadonlyMap<string, number> = new Map([
  ['DEFAULT', 0x00],
  ['ALL', 0x01],
  ['NONE', 0x02],
  ['SINGLE', 0x03],
  ['ALL|ANYONECANPAY', 0x81],
  ['NONE|ANYONECANPAY', 0x82],
  ['SINGLE|ANYONECANPAY', 0x83],
])

/** What signatures are to sign; undefined for everything. */
export function parseHashType(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const type = HASH_TYPES.get(text)
  if (type !== undefined) return type
  throw new RpcError(
    RPC_CODES.INVALID_PARAMETER,
    `'${text.slice(0, 50)}' is not a valid sighash parameter.`,
  )
}

/** The parameter `sighashtype`. */
export const SIGHASH_PARAM = {
  name: 'sighashtype',
  schema: z.string().optional(),
  description: 'What signatures sign: DEFAULT, ALL, NONE, SINGLE, each also with |ANYONECANPAY.',
} as const

/** What a transaction spends: of the chain, of the mempool, and what the caller says. */
async function findSpent(
  { chain, mempool }: RpcContext,
  tx: Transaction,
  prevTxs: readonly PrevTx[],
  scriptsOf: (prev: PrevTx) => InnerScripts,
): Promise<ReadonlyMap<string, SpentOutput>> {
  const spent = new Map<string, SpentOutput>()
  const coins = await chain.readCoins(tx.inputs.map(({ prevout }) => prevout))
  for (const [i, { prevout }] of tx.inputs.entries()) {
    const waiting = mempool.get(toDisplayHex(prevout.txid))?.tx.outputs[prevout.vout]
    const output = coins[i]?.output ?? waiting
    if (output !== undefined) spent.set(outPointKey(prevout), { output })
  }
  for (const prev of prevTxs) {
    const key = outPointKey({ txid: fromDisplayHex<Txid>(prev.txid), vout: prev.vout })
    spent.set(key, {
      output: parsePreviousOutput(prev, spent.get(key)?.output),
      ...scriptsOf(prev),
    })
  }
  return spent
}

const RESULT = {
  schema: z.object({
    hex: z.string().describe('The transaction with its signatures, in hexadecimal.'),
    complete: z.boolean().describe('Whether it has all of them.'),
    errors: z
      .array(
        z.object({
          txid: z.string().describe('The transaction whose output is spent.'),
          vout: z.number().describe('The number of that output.'),
          witness: z.array(z.string()).describe('What the input has as its witness.'),
          scriptSig: z.string().describe('What it has as its script, in hexadecimal.'),
          sequence: z.number().describe('Its sequence number.'),
          error: z.string().describe('What is wrong with it.'),
        }),
      )
      .optional(),
  }),
} as const

/** The refusal of a signature that commits to an amount that nobody has told. @see Bitcoin Core `CTxOut::ToString` */
function missingAmount({ value, scriptPubKey }: TxOut): RpcError {
  const script = encodeHex(scriptPubKey).slice(0, SHOWN_SCRIPT_DIGITS)
  return new RpcError(
    RPC_CODES.TYPE_ERROR,
    `Missing amount for CTxOut(nValue=${btcAmount(value)}, scriptPubKey=${script})`,
  )
}

/** @see Bitcoin Core `SignTransactionResultToJSON` */
function describeResult({ tx, failures }: SigningResult) {
  const errors = failures.flatMap(({ index, message, lacksAmountOf }) => {
    const input = tx.inputs[index]
    if (input === undefined) return []
    if (lacksAmountOf !== undefined) throw missingAmount(lacksAmountOf)
    return [
      {
        txid: toDisplayHex(input.prevout.txid),
        vout: input.prevout.vout,
        witness: input.witness.map(encodeHex),
        scriptSig: encodeHex(input.scriptSig),
        sequence: input.sequence,
        error: message,
      },
    ]
  })
  const isComplete = errors.length === 0
  return {
    hex: encodeHex(encodeTransaction(tx)),
    complete: isComplete,
    errors: isComplete ? undefined : errors,
  }
}

const HEX_PARAM = {
  name: 'hexstring',
  schema: z.string(),
  description: 'The encoded transaction in hexadecimal.',
} as const
const DECODE_FAILURE = 'TX decode failed.'

/** `signrawtransactionwithkey` */
export const signRawTransactionWithKey = defineMethod({
  name: 'signrawtransactionwithkey',
  category: 'rawtransactions',
  summary: 'Signs a transaction with keys that the caller gives.',
  params: [
    HEX_PARAM,
    {
      name: 'privkeys',
      schema: z.array(z.string()).max(MAX_KEYS),
      description: 'Private keys in wallet import format.',
    },
    PREVTXS_PARAM,
    SIGHASH_PARAM,
  ],
  result: RESULT,
  examples: [['myhex', ['key1', 'key2']]],
  handler: (context: RpcContext, { hexstring, privkeys, prevtxs, sighashtype }) =>
    refusing(async () => {
      const hashType = parseHashType(sighashtype)
      const tx = decodeTransactionArgument(hexstring, DECODE_FAILURE)
      const wallet = await import('../../wallet/index.ts')
      const { rpcChain, addressPrefixes } = context.params
      const network = wallet.createKeyNetwork(rpcChain === 'main', addressPrefixes.secretKey)
      const keys = privkeys.map((text) => {
        const decoded = wallet.decodeWif(text, network)
        if (decoded?.isCompressed === true) return decoded.privateKey
        // The key itself is not repeated.
        throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, 'Invalid private key')
      })
      const spent = await findSpent(context, tx, prevtxs, parseInnerScripts)
      const own = keys.map((key) => wallet.describeKeyHash(secp256k1.getPublicKey(key, true)))
      const list = tx.inputs.map(({ prevout }) => {
        const output = spent.get(outPointKey(prevout))
        return output === undefined ? undefined : wallet.completeSpent(output, own)
      })
      const { clock } = context
      const signed = await wallet.signTransaction(tx, list, () => keys, clock, hashType)
      return describeResult(signed)
    }),
})

/** `signrawtransactionwithwallet` */
export const signRawTransactionWithWallet = defineMethod({
  name: 'signrawtransactionwithwallet',
  category: 'wallet',
  summary: "Signs a transaction with the wallet's keys.",
  params: [HEX_PARAM, PREVTXS_PARAM, SIGHASH_PARAM],
  result: RESULT,
  examples: [['myhex']],
  handler: (context: RpcContext, { hexstring, prevtxs, sighashtype }, call) =>
    withWallet(context, call, async ({ spender }) => {
      const hashType = parseHashType(sighashtype)
      const tx = decodeTransactionArgument(hexstring, DECODE_FAILURE)
      // The wallet knows the scripts behind its own outputs.
      const spent = await findSpent(context, tx, prevtxs, () => ({}))
      const own = [...spent].map(
        ([key, { output }]) => [key, spender.describeSpent(output)] as const,
      )
      return describeResult(await spender.sign(tx, new Map(own), hashType))
    }),
})
