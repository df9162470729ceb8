/** @module A transaction as methods show it. */

import * as z from 'zod'
import type { Coin, ConsensusParams } from '../../consensus/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  computeWtxid,
  encodeTransaction,
  isCoinbase,
  type Transaction,
  type TxIn,
  toDisplayHex,
} from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { btcAmount } from '../btc-amount.ts'
import {
  describeInputScript,
  describeOutputScript,
  INPUT_SCRIPT_SCHEMA,
  OUTPUT_SCRIPT_SCHEMA,
} from './script-json.ts'

const INPUT_FIELDS = {
  coinbase: z.string().optional().describe('Only in a coinbase: its script in hexadecimal.'),
  txid: z.string().optional().describe('The transaction whose output is spent.'),
  vout: z.number().optional().describe('The number of that output.'),
  scriptSig: INPUT_SCRIPT_SCHEMA.optional(),
  txinwitness: z.array(z.string()).optional().describe('The witness, item by item.'),
  sequence: z.number().describe('The sequence number.'),
} as const

const PREVOUT_SCHEMA = z.object({
  generated: z.boolean().describe('Whether a coinbase made it.'),
  height: z.number().describe('The height of the block that made it.'),
  value: z.number().describe('Its amount in coins.'),
  scriptPubKey: OUTPUT_SCRIPT_SCHEMA,
})

const OUTPUT_SCHEMA = z.object({
  value: z.number().describe('The amount in coins.'),
  n: z.number().describe('Its number among the outputs.'),
  scriptPubKey: OUTPUT_SCRIPT_SCHEMA,
})

const SIZE_FIELDS = {
  txid: z.string().describe('The transaction id.'),
  hash: z.string().describe('The hash over the witnesses too; differs from txid if there are any.'),
  version: z.number().describe('The version.'),
  size: z.number().describe('Serialised bytes.'),
  vsize: z.number().describe('Virtual bytes: a quarter of the weight, rounded up.'),
  weight: z.number().describe('Weight units.'),
  locktime: z.number().describe('The lock time.'),
} as const

/** What every form of a transaction shows. */
export const TRANSACTION_FIELDS = {
  ...SIZE_FIELDS,
  vin: z.array(z.object(INPUT_FIELDS)),
  vout: z.array(OUTPUT_SCHEMA),
} as const

/** As {@link TRANSACTION_FIELDS}, with what each input spends. */
export const TRANSACTION_FIELDS_WITH_PREVOUTS = {
  ...SIZE_FIELDS,
  vin: z.array(
    z.object({
      ...INPUT_FIELDS,
      prevout: PREVOUT_SCHEMA.optional().describe(
        'The output that is spent, where undo data tell.',
      ),
    }),
  ),
  vout: z.array(OUTPUT_SCHEMA),
} as const

/** The transaction's bytes, and its fee where that is known. */
export const FEE_AND_HEX_FIELDS = {
  fee: z.number().optional().describe('The fee in coins, where undo data tell.'),
  hex: z.string().describe('The encoded transaction in hexadecimal.'),
} as const

/** How a transaction is to be shown. */
export interface TransactionView {
  readonly params: ConsensusParams
  /** The coins that its inputs spend, in their order; undefined if not known. */
  readonly spent?: readonly Coin[] | undefined
  /** Whether each input shows what it spends. */
  readonly showsPrevouts?: boolean
}

function describePrevout(coin: Coin, params: ConsensusParams) {
  return {
    generated: coin.isCoinbase,
    height: coin.height,
    value: btcAmount(coin.output.value),
    scriptPubKey: describeOutputScript(coin.output.scriptPubKey, params),
  }
}

function describeInput(
  input: TxIn,
  isFromCoinbase: boolean,
  coin: Coin | undefined,
  view: TransactionView,
) {
  const { prevout, scriptSig, witness, sequence } = input
  const source = isFromCoinbase
    ? { coinbase: encodeHex(scriptSig) }
    : {
        txid: toDisplayHex(prevout.txid),
        vout: prevout.vout,
        scriptSig: describeInputScript(scriptSig),
      }
  return {
    ...source,
    txinwitness: witness.length === 0 ? undefined : witness.map(encodeHex),
    prevout:
      coin === undefined || view.showsPrevouts !== true
        ? undefined
        : describePrevout(coin, view.params),
    sequence,
  }
}

/** What a transaction pays: inputs less outputs, in satoshis. */
export function computeFee(tx: Transaction, spent: readonly Coin[]): bigint {
  const paidIn = spent.reduce((sum, coin) => sum + coin.output.value, 0n)
  return tx.outputs.reduce((rest, { value }) => rest - value, paidIn)
}

/**
 * Fills {@link TRANSACTION_FIELDS}, and `fee` if the spent coins are known.
 *
 * @see Bitcoin Core `TxToUniv`
 */
export function describeTransaction(tx: Transaction, view: TransactionView) {
  const { spent, params } = view
  const { totalSize, virtualSize, weight } = computeTransactionSize(tx)
  const isFromCoinbase = isCoinbase(tx)
  return {
    txid: toDisplayHex(computeTxid(tx)),
    hash: toDisplayHex(computeWtxid(tx)),
    version: tx.version >>> 0,
    size: totalSize,
    vsize: virtualSize,
    weight,
    locktime: tx.lockTime,
    vin: tx.inputs.map((input, i) => describeInput(input, isFromCoinbase, spent?.[i], view)),
    vout: tx.outputs.map(({ value, scriptPubKey }, n) => ({
      value: btcAmount(value),
      n,
      scriptPubKey: describeOutputScript(scriptPubKey, params),
    })),
    fee: spent === undefined ? undefined : btcAmount(computeFee(tx, spent)),
  }
}

/** As {@link describeTransaction}, and the bytes in hexadecimal. */
export function describeTransactionWithHex(tx: Transaction, view: TransactionView) {
  return { ...describeTransaction(tx, view), hex: encodeHex(encodeTransaction(tx)) }
}
