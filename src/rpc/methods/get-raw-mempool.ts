/** @module What waits in the mempool. */

import * as z from 'zod'
import type { Mempool, MempoolEntry } from '../../mempool/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { describeEntry, ENTRY_SCHEMA } from './mempool-entry-json.ts'
import { settleMempool } from './settled-mempool.ts'

function listTxids(mempool: Mempool): readonly string[] {
  return Array.from(mempool.entries(), ({ txid }) => txid)
}

/** `getrawmempool` */
export const getRawMempool = defineMethod({
  name: 'getrawmempool',
  category: 'blockchain',
  summary: 'Lists the transactions that wait for a block.',
  params: [
    {
      name: 'verbose',
      schema: z.boolean().default(false),
      description: 'True for all that is known of each, false for their ids.',
    },
    {
      name: 'mempool_sequence',
      schema: z.boolean().default(false),
      description: "Whether to tell the mempool's sequence number too; not with verbose.",
    },
  ],
  result: [
    { condition: 'for verbose = false', schema: z.array(z.string()) },
    { condition: 'for verbose = true', schema: z.record(z.string(), ENTRY_SCHEMA) },
    {
      condition: 'for verbose = false and mempool_sequence = true',
      schema: z.object({
        txids: z.array(z.string()),
        mempool_sequence: z.number().describe('Goes up with every change.'),
      }),
    },
  ],
  examples: [[], [true]],
  handler: async (context: RpcContext, { verbose, mempool_sequence: wantsSequence }) => {
    const { mempool, unbroadcast } = context
    if (verbose && wantsSequence) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        'Verbose results cannot contain mempool sequence values.',
      )
    }
    await settleMempool(context)
    if (wantsSequence) return { txids: listTxids(mempool), mempool_sequence: mempool.sequence }
    if (!verbose) return listTxids(mempool)
    const fresh = unbroadcast()
    const describe = (entry: MempoolEntry) => [entry.txid, describeEntry(entry, fresh)] as const
    return Object.fromEntries(Array.from(mempool.entries(), describe))
  },
})

/** `getmempoolinfo` */
export const getMempoolInfo = defineMethod({
  name: 'getmempoolinfo',
  category: 'blockchain',
  summary: 'Tells how full the mempool is, and what it takes.',
  params: [],
  result: {
    schema: z.object({
      loaded: z.boolean().describe('Whether what waited at the last stop has been looked at.'),
      size: z.number().describe('How many transactions wait.'),
      bytes: z.number().describe('Their virtual bytes.'),
      usage: z.number().describe('Bytes of memory that they take, which the limit is on.'),
      total_fee: z.number().describe('Their fees in coins.'),
      maxmempool: z.number().describe('The limit in bytes.'),
      mempoolminfee: z.number().describe('The least fee now, in coins per 1,000 virtual bytes.'),
      minrelaytxfee: z.number().describe('The least fee ever, in the same unit.'),
      incrementalrelayfee: z.number().describe('The step of that fee, in the same unit.'),
      unbroadcastcount: z
        .number()
        .describe('Transactions that no peer has asked for: not recorded.'),
      fullrbf: z.boolean().describe('Whether any transaction may be replaced.'),
      permitbaremultisig: z.boolean().describe('Whether bare multisig outputs are relayed.'),
      maxdatacarriersize: z.number().describe('The most bytes of data outputs.'),
    }),
  },
  examples: [[]],
  handler: async (context: RpcContext) => {
    const { mempool, isMempoolLoaded, unbroadcast } = context
    await settleMempool(context)
    const { policy } = mempool
    let virtualBytes = 0
    let fee = 0n
    for (const entry of mempool.entries()) {
      virtualBytes += entry.virtualSize
      fee += entry.fee
    }
    return {
      loaded: isMempoolLoaded(),
      size: mempool.size,
      bytes: virtualBytes,
      usage: mempool.usage,
      total_fee: btcAmount(fee),
      maxmempool: policy.maxBytes,
      mempoolminfee: btcAmount(mempool.minFeeRate),
      minrelaytxfee: btcAmount(policy.minRelayFeeRate),
      incrementalrelayfee: btcAmount(policy.incrementalFeeRate),
      unbroadcastcount: unbroadcast().size,
      fullrbf: true,
      permitbaremultisig: policy.permitsBareMultisig,
      maxdatacarriersize: policy.maxDataCarrierBytes,
    }
  },
})
