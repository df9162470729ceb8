/** @module One waiting transaction, and what it needs or is needed by. */

import * as z from 'zod'
import { collectRelatives, type Mempool, type MempoolEntry } from '../../mempool/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema } from './arguments.ts'
import { describeEntry, ENTRY_SCHEMA } from './mempool-entry-json.ts'
import { settleMempool } from './settled-mempool.ts'

const TXID_PARAM = {
  name: 'txid',
  schema: hashSchema('txid'),
  description: 'The transaction id.',
} as const

const RELATIVES_PARAMS = [
  TXID_PARAM,
  {
    name: 'verbose',
    schema: z.boolean().default(false),
    description: 'True for all that is known of each, false for their ids.',
  },
] as const

const RELATIVES_RESULT = [
  { condition: 'for verbose = false', schema: z.array(z.string()) },
  { condition: 'for verbose = true', schema: z.record(z.string(), ENTRY_SCHEMA) },
] as const

function requireWaiting(mempool: Mempool, txid: string): MempoolEntry {
  const entry = mempool.get(txid)
  if (entry !== undefined) return entry
  throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, 'Transaction not in mempool')
}

async function describeRelatives(
  context: RpcContext,
  { txid, verbose }: { readonly txid: string; readonly verbose: boolean },
  kind: 'parents' | 'children',
) {
  const { mempool, unbroadcast } = context
  await settleMempool(context)
  const entry = requireWaiting(mempool, txid)
  const others = [...collectRelatives(entry, kind)].filter((other) => other !== entry)
  if (!verbose) return others.map(({ txid }) => txid)
  const fresh = unbroadcast()
  return Object.fromEntries(others.map((other) => [other.txid, describeEntry(other, fresh)]))
}

/** `getmempoolentry` */
export const getMempoolEntry = defineMethod({
  name: 'getmempoolentry',
  category: 'blockchain',
  summary: 'Shows a transaction that waits for a block.',
  params: [TXID_PARAM],
  result: { schema: ENTRY_SCHEMA },
  examples: [['txid']],
  handler: async (context: RpcContext, { txid }) => {
    await settleMempool(context)
    return describeEntry(requireWaiting(context.mempool, txid), context.unbroadcast())
  },
})

/** `getmempoolancestors` */
export const getMempoolAncestors = defineMethod({
  name: 'getmempoolancestors',
  category: 'blockchain',
  summary: 'Lists the waiting transactions that one of them needs.',
  params: RELATIVES_PARAMS,
  result: RELATIVES_RESULT,
  examples: [['txid']],
  handler: (context: RpcContext, request) => describeRelatives(context, request, 'parents'),
})

/** `getmempooldescendants` */
export const getMempoolDescendants = defineMethod({
  name: 'getmempooldescendants',
  category: 'blockchain',
  summary: 'Lists the waiting transactions that need one of them.',
  params: RELATIVES_PARAMS,
  result: RELATIVES_RESULT,
  examples: [['txid']],
  handler: (context: RpcContext, request) => describeRelatives(context, request, 'children'),
})
