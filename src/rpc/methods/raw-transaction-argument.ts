/** @module Transactions that a caller hands in, what they may pay, and why they are refused. */

import * as z from 'zod'
import type { Chain } from '../../chain/index.ts'
import type { ConsensusError } from '../../consensus/index.ts'
import type { MempoolError } from '../../mempool/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  decodeTransaction,
  type Transaction,
} from '../../primitives/index.ts'
import { disassemble, isUnspendable } from '../../script/index.ts'
import { parseBtcAmount } from '../btc-amount.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeHexArgument } from './arguments.ts'

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
  schema: z.union([z.number(), z.string()]).default(DEFAULT_MAX_FEE_RATE),
  description: 'Refuse what pays more, in coins per 1,000 virtual bytes; 0 for no limit.',
} as const

/**
 * Reads a transaction from hex.
 *
 * @param failure - What the error begins with.
 * @throws {@link RpcError} -22 if it is none.
 */
export function decodeTransactionArgument(hex: string, failure: string): Transaction {
  const message = `${failure} Make sure the tx has at least one input.`
  return decodeHexArgument(hex, decodeTransaction, message)
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

/** What a script that ends in the middle of a push looks like. */
const BROKEN_SCRIPT_END = '[error]'

/** The parameter `maxburnamount`. */
export const MAX_BURN_AMOUNT_PARAM = {
  name: 'maxburnamount',
  schema: z.union([z.number(), z.string()]).default('0'),
  description: 'Refuse it if an output that nobody can spend holds more coins.',
} as const

/** Refuses outputs that nobody can spend and that hold more. @throws {@link RpcError} -25 */
export function checkBurnAmounts({ outputs }: Transaction, maxBurnAmount: bigint): void {
  for (const { value, scriptPubKey } of outputs) {
    const isBurned =
      isUnspendable(scriptPubKey) || disassemble(scriptPubKey).endsWith(BROKEN_SCRIPT_END)
    if (isBurned && value > maxBurnAmount) {
      throw new RpcError(
        RPC_CODES.VERIFY_ERROR,
        'Unspendable output exceeds maximum configured by user (maxburnamount)',
      )
    }
  }
}

/** Bitcoin Core's reject reason with what it adds to it. */
export function describeRefusal({ code, data }: MempoolError | ConsensusError): string {
  if (code === 'missing-inputs') return 'bad-txns-inputs-missingorspent'
  if (FEE_REASONS.has(code)) return `${code}, ${data['fee']} < ${data['wanted']}`
  const { detail, reason } = data
  if (typeof detail === 'string') return `${code}, ${detail}`
  return typeof reason === 'string' ? `${code} (${reason})` : code
}

/** Whether a transaction is in the chain and has an output that is still unspent. */
export async function hasUnspentOutput(chain: Chain, tx: Transaction): Promise<boolean> {
  const txid = computeTxid(tx)
  const coins = await chain.readCoins(tx.outputs.map((_, vout) => ({ txid, vout })))
  return coins.some((coin) => coin !== undefined)
}
