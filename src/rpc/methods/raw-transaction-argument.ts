/** @module Transactions that a caller hands in, what they may pay, and why they are refused. */

import * as z from 'zod'
import type { Chain } from '../../chain/index.ts'
import type { Refusal } from '../../mempool/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  decodeTransaction,
  decodeTransactionWithoutWitness,
  isCoinbase,
  type Transaction,
} from '../../primitives/index.ts'
import { hasValidOpcodes, isUnspendable, MAX_SCRIPT_SIZE } from '../../script/index.ts'
import { DecodeError, decodeHex } from '../../util/index.ts'
import { AMOUNT_SCHEMA, parseBtcAmount } from '../btc-amount.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** Coins per 1,000 virtual bytes. @see Bitcoin Core `DEFAULT_MAX_RAW_TX_FEE_RATE` */
const DEFAULT_MAX_FEE_RATE = '0.10'
/** Above this every fee rate is taken for a slip. */
const FEE_RATE_LIMIT_SATS = 100_000_000n
const BYTES_PER_KVB = 1_000n
const FEE_REASONS: ReadonlySet<string> = new Set([
  'min relay fee not met',
  'mempool min fee not met',
])
/** The parameter `maxfeerate`. */
export const MAX_FEE_RATE_PARAM = {
  name: 'maxfeerate',
  schema: AMOUNT_SCHEMA.default(DEFAULT_MAX_FEE_RATE),
  description: 'Refuse what pays more, in coins per 1,000 virtual bytes; 0 for no limit.',
} as const

/** The parameter `iswitness`. */
export const IS_WITNESS_PARAM = {
  name: 'iswitness',
  schema: z.boolean().optional(),
  description:
    'Which form it has: true for that of segwit, which every transaction with inputs has, false for the one without witnesses. Both are tried if this is left out.',
} as const

/** Whether no script shows that the bytes were read in the wrong form. @see Bitcoin Core `CheckTxScriptsSanity` */
function hasSaneScripts(tx: Transaction): boolean {
  const inputScripts = isCoinbase(tx) ? [] : tx.inputs.map(({ scriptSig }) => scriptSig)
  const scripts = [...inputScripts, ...tx.outputs.map(({ scriptPubKey }) => scriptPubKey)]
  return scripts.every((script) => script.length <= MAX_SCRIPT_SIZE && hasValidOpcodes(script))
}

/**
 * Reads a transaction from hex in the first of several forms in which its scripts are sane; in the first in which it
 * can be read at all if they are in none.
 *
 * @see Bitcoin Core `DecodeHexTx`
 */
function decodeForms(
  hex: string,
  forms: readonly ((bytes: Uint8Array) => Transaction)[],
): Transaction | undefined {
  let found: Transaction | undefined
  for (const decode of forms) {
    try {
      const tx = decode(decodeHex(hex))
      if (hasSaneScripts(tx)) return tx
      found ??= tx
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }
  return found
}

/**
 * Reads a transaction that may lack inputs from hex.
 *
 * @param isWitness - The parameter {@link IS_WITNESS_PARAM}.
 * @throws {@link RpcError} -22 if it is none.
 */
export function decodeAnyTransaction(hex: string, isWitness: boolean | undefined): Transaction {
  const forms = [
    ...(isWitness === false ? [] : [decodeTransaction]),
    ...(isWitness === true ? [] : [decodeTransactionWithoutWitness]),
  ]
  const tx = decodeForms(hex, forms)
  if (tx === undefined) throw new RpcError(RPC_CODES.DESERIALIZATION_ERROR, 'TX decode failed')
  return tx
}

/**
 * Reads a transaction that has inputs from hex.
 *
 * @param failure - What the error begins with.
 * @throws {@link RpcError} -22 if it is none.
 */
export function decodeTransactionArgument(hex: string, failure: string): Transaction {
  const tx = decodeForms(hex, [decodeTransaction])
  if (tx !== undefined) return tx
  throw new RpcError(
    RPC_CODES.DESERIALIZATION_ERROR,
    `${failure} Make sure the tx has at least one input.`,
  )
}

/** Reads the parameter `maxfeerate`: satoshis per 1,000 virtual bytes. @throws {@link RpcError} -3, -8 */
export function parseMaxFeeRate(maxFeeRate: unknown): bigint {
  const rate = parseBtcAmount(maxFeeRate)
  if (rate < FEE_RATE_LIMIT_SATS) return rate
  throw new RpcError(
    RPC_CODES.INVALID_PARAMETER,
    'Fee rates larger than or equal to 1BTC/kvB are not accepted',
  )
}

/** What a transaction may pay at most, in satoshis; 0 for anything. */
export function computeMaxFee(tx: Transaction, maxFeeRate: unknown): bigint {
  const rate = parseMaxFeeRate(maxFeeRate)
  const { virtualSize } = computeTransactionSize(tx)
  return (rate * BigInt(virtualSize) + BYTES_PER_KVB - 1n) / BYTES_PER_KVB
}

/** The parameter `maxburnamount`. */
export const MAX_BURN_AMOUNT_PARAM = {
  name: 'maxburnamount',
  schema: AMOUNT_SCHEMA.default('0'),
  description: 'Refuse it if an output that nobody can spend holds more coins.',
} as const

/** Refuses outputs that nobody can spend and that hold more. @throws {@link RpcError} -25 */
export function checkBurnAmounts({ outputs }: Transaction, maxBurnAmount: bigint): void {
  for (const { value, scriptPubKey } of outputs) {
    const isBurned = isUnspendable(scriptPubKey) || !hasValidOpcodes(scriptPubKey)
    if (isBurned && value > maxBurnAmount) {
      throw new RpcError(
        RPC_CODES.VERIFY_ERROR,
        'Unspendable output exceeds maximum configured by user (maxburnamount)',
      )
    }
  }
}

/** Bitcoin Core's reject reason. */
export function describeReason({ code, data: { reason } }: Refusal): string {
  if (code === 'missing-inputs') return 'bad-txns-inputs-missingorspent'
  return typeof reason === 'string' ? `${code} (${reason})` : code
}

/** Bitcoin Core's reject reason with what it adds to it. */
export function describeRefusal(refusal: Refusal): string {
  const { code, data } = refusal
  if (FEE_REASONS.has(code)) return `${code}, ${data['fee']} < ${data['wanted']}`
  const { detail } = data
  const reason = describeReason(refusal)
  return typeof detail === 'string' ? `${reason}, ${detail}` : reason
}

/** Whether a transaction is in the chain and has an output that is still unspent. */
export async function hasUnspentOutput(chain: Chain, tx: Transaction): Promise<boolean> {
  const txid = computeTxid(tx)
  const coins = await chain.readCoins(tx.outputs.map((_, vout) => ({ txid, vout })))
  return coins.some((coin) => coin !== undefined)
}
