/** @module A transaction from outside. */

import * as z from 'zod'
import { ConsensusError } from '../../consensus/index.ts'
import { MempoolError } from '../../mempool/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  decodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../primitives/index.ts'
import { disassemble, isUnspendable } from '../../script/index.ts'
import { parseBtcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeHexArgument } from './arguments.ts'

/** Coins per 1,000 virtual bytes. @see Bitcoin Core `DEFAULT_MAX_RAW_TX_FEE_RATE` */
const DEFAULT_MAX_FEE_RATE = '0.10'
/** Above this every fee rate is taken for a slip. */
const FEE_RATE_LIMIT_SATS = 100_000_000n
const BYTES_PER_KVB = 1_000n
/** What a script that ends in the middle of a push looks like. */
const BROKEN_SCRIPT_END = '[error]'

/** What a transaction may pay at most, in satoshis; 0 for anything. */
function computeMaxFee(tx: Transaction, maxFeeRate: unknown): bigint {
  const rate = parseBtcAmount(maxFeeRate)
  if (rate >= FEE_RATE_LIMIT_SATS) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      'Fee rates larger than or equal to 1BTC/kvB are not accepted',
    )
  }
  const { virtualSize } = computeTransactionSize(tx)
  return (rate * BigInt(virtualSize) + BYTES_PER_KVB - 1n) / BYTES_PER_KVB
}

function checkBurnAmounts(tx: Transaction, maxBurnAmount: bigint): void {
  for (const { value, scriptPubKey } of tx.outputs) {
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

/** Refuses a transaction that is in the chain and has an output that is still unspent. */
async function checkNotConfirmed({ chain }: RpcContext, tx: Transaction): Promise<void> {
  const txid = computeTxid(tx)
  const coins = await chain.readCoins(tx.outputs.map((_, vout) => ({ txid, vout })))
  if (coins.some((coin) => coin !== undefined)) {
    throw new RpcError(
      RPC_CODES.VERIFY_ALREADY_IN_UTXO_SET,
      'Transaction outputs already in utxo set',
    )
  }
}

/** What a transaction pays, in satoshis; undefined while one of the outputs that it spends is missing. */
async function findFee({ chain, mempool }: RpcContext, tx: Transaction) {
  const coins = await chain.readCoins(tx.inputs.map(({ prevout }) => prevout))
  let fee = 0n
  for (const [i, { prevout }] of tx.inputs.entries()) {
    const waiting = mempool.get(toDisplayHex(prevout.txid))?.tx.outputs[prevout.vout]
    const output = waiting ?? coins[i]?.output
    if (output === undefined) return undefined
    fee += output.value
  }
  for (const { value } of tx.outputs) fee -= value
  return fee
}

async function checkFee(context: RpcContext, tx: Transaction, maxFee: bigint): Promise<void> {
  if (maxFee === 0n) return
  const fee = await findFee(context, tx)
  if (fee !== undefined && fee > maxFee) {
    throw new RpcError(
      RPC_CODES.VERIFY_ERROR,
      'Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)',
    )
  }
}

/** Bitcoin Core's reject reason with what it adds to it. */
function describeRefusal({ code, data }: MempoolError | ConsensusError): string {
  if (code === 'missing-inputs') return 'bad-txns-inputs-missingorspent'
  if (code === 'min relay fee not met') return `${code}, ${data['fee']} < ${data['wanted']}`
  const reason = data['reason']
  return typeof reason === 'string' ? `${code} (${reason})` : code
}

/** @see Bitcoin Core `HandleATMPError`, `RPCErrorFromTransactionError` */
function toRpcError(error: unknown): unknown {
  if (!(error instanceof MempoolError) && !(error instanceof ConsensusError)) return error
  const message = describeRefusal(error)
  const isMissing = message === 'bad-txns-inputs-missingorspent'
  const code = isMissing ? RPC_CODES.VERIFY_ERROR : RPC_CODES.VERIFY_REJECTED
  return new RpcError(code, message, { cause: error })
}

/** `sendrawtransaction` */
export const sendRawTransaction = defineMethod({
  name: 'sendrawtransaction',
  category: 'rawtransactions',
  summary: 'Takes a signed transaction and relays it.',
  params: [
    {
      name: 'hexstring',
      schema: z.string(),
      description: 'The encoded transaction in hexadecimal.',
    },
    {
      name: 'maxfeerate',
      schema: z.union([z.number(), z.string()]).default(DEFAULT_MAX_FEE_RATE),
      description: 'Refuse it if it pays more, in coins per 1,000 virtual bytes; 0 for no limit.',
    },
    {
      name: 'maxburnamount',
      schema: z.union([z.number(), z.string()]).default('0'),
      description: 'Refuse it if an output that nobody can spend holds more coins.',
    },
  ],
  result: { schema: z.string(), description: 'The transaction id.' },
  examples: [['signedhex']],
  handler: async (context: RpcContext, { hexstring, maxfeerate, maxburnamount }) => {
    const maxBurnAmount = parseBtcAmount(maxburnamount)
    const tx = decodeHexArgument(
      hexstring,
      decodeTransaction,
      'TX decode failed. Make sure the tx has at least one input.',
    )
    checkBurnAmounts(tx, maxBurnAmount)
    const maxFee = computeMaxFee(tx, maxfeerate)
    const txid = toDisplayHex(computeTxid(tx))
    await checkNotConfirmed(context, tx)
    if (context.mempool.get(txid) !== undefined) return txid
    await checkFee(context, tx, maxFee)
    try {
      await context.mempool.accept(tx)
    } catch (error) {
      throw toRpcError(error)
    }
    return txid
  },
})
