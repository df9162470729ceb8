/** @module One unspent output. */

import * as z from 'zod'
import type { Chain } from '../../chain/index.ts'
import type { Coin } from '../../consensus/index.ts'
import { fromDisplayHex, type OutPoint, type Txid, type TxOut } from '../../primitives/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { hashSchema, UINT32_SCHEMA } from './arguments.ts'
import { describeOutputScript, OUTPUT_SCRIPT_SCHEMA } from './script-json.ts'
import { settleMempool } from './settled-mempool.ts'

/** Reads a coin of the tip that the chain still has when this resolves. */
async function readCoinOfTip(chain: Chain, outPoint: OutPoint): Promise<Coin | undefined> {
  for (;;) {
    const { tip } = chain
    const [coin] = await chain.readCoins([outPoint])
    // If the tip has moved meanwhile, nobody knows which of the two the coin belongs to.
    if (chain.tip === tip) return coin
  }
}

function describeOutput(
  { value, scriptPubKey }: TxOut,
  { chain, params }: RpcContext,
  coin: Coin | undefined,
) {
  return {
    bestblock: chain.tip.hashHex,
    confirmations: coin === undefined ? 0 : chain.tip.height - coin.height + 1,
    value: btcAmount(value),
    scriptPubKey: describeOutputScript(scriptPubKey, params),
    coinbase: coin?.isCoinbase ?? false,
  }
}

/** `gettxout` */
export const getTxOut = defineMethod({
  name: 'gettxout',
  category: 'blockchain',
  summary: 'Shows an output if it is unspent.',
  params: [
    { name: 'txid', schema: hashSchema('txid'), description: 'The transaction id.' },
    { name: 'n', schema: UINT32_SCHEMA, description: "The output's number." },
    {
      name: 'include_mempool',
      schema: z.boolean().default(true),
      description: 'Whether what waits in the mempool counts: its outputs, and what it spends.',
    },
  ],
  result: [
    { condition: 'if it is spent or unknown', schema: z.null() },
    {
      condition: 'otherwise',
      schema: z.object({
        bestblock: z.string().describe('The hash of the tip.'),
        confirmations: z.number().describe('Blocks from its own to the tip; 0 in the mempool.'),
        value: z.number().describe('The amount in coins.'),
        scriptPubKey: OUTPUT_SCRIPT_SCHEMA,
        coinbase: z.boolean().describe('Whether a coinbase made it.'),
      }),
    },
  ],
  examples: [['txid', 1]],
  handler: async (context: RpcContext, { txid, n, include_mempool: includesMempool }) => {
    const { chain, mempool } = context
    const outPoint = { txid: fromDisplayHex<Txid>(txid), vout: n }
    const coin = await readCoinOfTip(chain, outPoint)
    if (includesMempool) {
      await settleMempool(context)
      if (mempool.getSpender(outPoint) !== undefined) return null
      const waiting = mempool.get(txid)?.tx.outputs[n]
      if (waiting !== undefined) return describeOutput(waiting, context, undefined)
    }
    return coin === undefined ? null : describeOutput(coin.output, context, coin)
  },
})
