/** @module A transaction from outside. */

import * as z from 'zod'
import { ConsensusError } from '../../consensus/index.ts'
import { MempoolError } from '../../mempool/index.ts'
import { computeTxid, type Transaction, toDisplayHex } from '../../primitives/index.ts'
import { parseBtcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import {
  checkBurnAmounts,
  computeMaxFee,
  decodeTransactionArgument,
  describeRefusal,
  hasUnspentOutput,
  MAX_BURN_AMOUNT_PARAM,
  MAX_FEE_RATE_PARAM,
} from './raw-transaction-argument.ts'

/** Refuses a transaction that is in the chain and has an output that is still unspent. */
async function checkNotConfirmed({ chain }: RpcContext, tx: Transaction): Promise<void> {
  if (!(await hasUnspentOutput(chain, tx))) return
  throw new RpcError(
    RPC_CODES.VERIFY_ALREADY_IN_UTXO_SET,
    'Transaction outputs already in utxo set',
  )
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
  summary: 'Takes a signed transaction and relays it until it is mined.',
  params: [
    {
      name: 'hexstring',
      schema: z.string(),
      description: 'The encoded transaction in hexadecimal.',
    },
    MAX_FEE_RATE_PARAM,
    MAX_BURN_AMOUNT_PARAM,
  ],
  result: { schema: z.string(), description: 'The transaction id.' },
  examples: [['signedhex']],
  handler: async (context: RpcContext, { hexstring, maxfeerate, maxburnamount }) => {
    const maxBurnAmount = parseBtcAmount(maxburnamount)
    const tx = decodeTransactionArgument(hexstring, 'TX decode failed.')
    checkBurnAmounts(tx, maxBurnAmount)
    const maxFee = computeMaxFee(tx, maxfeerate)
    const txid = toDisplayHex(computeTxid(tx))
    await checkNotConfirmed(context, tx)
    if (context.mempool.get(txid) === undefined) await checkFee(context, tx, maxFee)
    try {
      await context.submitTransaction(tx)
    } catch (error) {
      throw toRpcError(error)
    }
    return txid
  },
})
