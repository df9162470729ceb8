/** @module What a wallet has sent and received. */

import * as z from 'zod'
import { encodeTransaction } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema } from './arguments.ts'
import { describeTransaction, TRANSACTION_FIELDS } from './transaction-json.ts'
import { describeLastBlock, LAST_BLOCK_FIELD, withWallet } from './wallet-access.ts'
import {
  describeEntries,
  describeWalletTransaction,
  WALLET_ENTRY_FIELDS,
  WALLET_TRANSACTION_FIELDS,
} from './wallet-transaction-json.ts'

const DEFAULT_COUNT = 10

/** `listtransactions` */
export const listTransactions = defineMethod({
  name: 'listtransactions',
  category: 'wallet',
  summary: 'Lists what was sent and received last, the newest at the end.',
  params: [
    {
      name: 'label',
      aliases: ['dummy'],
      schema: z.string().default('*'),
      description: 'Only what came to addresses of this label; "*" for everything.',
    },
    { name: 'count', schema: z.int().default(DEFAULT_COUNT), description: 'How many.' },
    { name: 'skip', schema: z.int().default(0), description: 'How many newer ones to pass over.' },
    {
      name: 'include_watchonly',
      schema: z.boolean().optional(),
      description: 'Without a meaning since all keys are descriptors.',
    },
  ],
  result: { schema: z.array(z.object({ ...WALLET_ENTRY_FIELDS, ...WALLET_TRANSACTION_FIELDS })) },
  examples: [[], ['*', 20, 100]],
  handler: (context: RpcContext, { label, count, skip }, call) =>
    withWallet(context, call, (wallet) => {
      if (count < 0) throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Negative count')
      if (skip < 0) throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Negative from')
      const records = [...wallet.log.records()].sort((a, b) => b.order - a.order)
      const entries = []
      for (const record of records) {
        if (entries.length >= count + skip) break
        const whole = describeWalletTransaction(wallet, record)
        for (const entry of describeEntries(wallet, record, context.params).reverse()) {
          if (label !== '*' && (entry.label !== label || entry.category === 'send')) continue
          entries.push({ ...entry, ...whole })
        }
      }
      return entries.slice(skip, skip + count).reverse()
    }),
})

/** `gettransaction` */
export const getTransaction = defineMethod({
  name: 'gettransaction',
  category: 'wallet',
  summary: 'Shows a transaction of the wallet.',
  params: [
    { name: 'txid', schema: hashSchema('txid'), description: 'The transaction id.' },
    {
      name: 'include_watchonly',
      schema: z.boolean().optional(),
      description: 'Without a meaning since all keys are descriptors.',
    },
    {
      name: 'verbose',
      schema: z.boolean().default(false),
      description: 'Whether it is shown in words, too.',
    },
  ],
  result: {
    schema: z.object({
      amount: z.number().describe('What the wallet has more since, in coins; the fee left out.'),
      fee: z.number().optional().describe('Only of what was sent: the fee in coins, below 0.'),
      ...WALLET_TRANSACTION_FIELDS,
      details: z.array(z.object(WALLET_ENTRY_FIELDS)),
      hex: z.string().describe('The encoded transaction in hexadecimal.'),
      decoded: z.object(TRANSACTION_FIELDS).optional().describe('The transaction in words.'),
      ...LAST_BLOCK_FIELD,
    }),
  },
  examples: [['mytxid']],
  handler: (context: RpcContext, { txid, verbose }, call) =>
    withWallet(context, call, (wallet) => {
      const record = wallet.requireTransaction(txid)
      const { tx } = record
      const { credit, debit, fee } = wallet.log.amountsOf(tx)
      return {
        amount: btcAmount(credit - debit + (fee ?? 0n)),
        fee: fee === undefined ? undefined : btcAmount(-fee),
        ...describeWalletTransaction(wallet, record),
        details: describeEntries(wallet, record, context.params),
        hex: encodeHex(encodeTransaction(tx)),
        decoded: verbose ? describeTransaction(tx, { params: context.params }) : undefined,
        ...describeLastBlock(wallet),
      }
    }),
})
