/** @module Coins that are not to be spent for a while. */

import * as z from 'zod'
import { outPointKey } from '../../primitives/index.ts'
import type { Wallet } from '../../wallet/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, int32Schema } from './arguments.ts'
import { toOutPoint } from './raw-transaction-inputs.ts'
import { withWallet } from './wallet-access.ts'

const OUTPUT_SCHEMA = z.strictObject({
  txid: hashSchema('txid').describe('The transaction.'),
  vout: int32Schema().describe('The number of its output.'),
})
const MAX_OUTPUTS = 10_000

/** @throws {@link RpcError} -8 */
function checkCoin(
  wallet: Wallet,
  output: z.output<typeof OUTPUT_SCHEMA>,
  isUnlocking: boolean,
): void {
  const refuse = (what: string): RpcError =>
    new RpcError(RPC_CODES.INVALID_PARAMETER, `Invalid parameter, ${what}`)
  const outPoint = toOutPoint(output)
  const record = wallet.log.get(output.txid)
  if (record === undefined) throw refuse('unknown transaction')
  if (output.vout >= record.tx.outputs.length) throw refuse('vout index out of bounds')
  if (wallet.log.getCoin(outPoint) === undefined) throw refuse('expected unspent output')
  const isLocked = wallet.lockedCoins().has(outPointKey(outPoint))
  if (isUnlocking && !isLocked) throw refuse('expected locked output')
  if (!isUnlocking && isLocked) throw refuse('output already locked')
}

/** `lockunspent` */
export const lockUnspent = defineMethod({
  name: 'lockunspent',
  category: 'wallet',
  summary:
    'Keeps coins from being chosen for payments, until a restart, or lets them be chosen again.',
  params: [
    { name: 'unlock', schema: z.boolean(), description: 'Whether they may be chosen again.' },
    {
      name: 'transactions',
      schema: z.array(OUTPUT_SCHEMA).max(MAX_OUTPUTS).optional(),
      description: 'The coins; left out where all are to be unlocked.',
    },
    {
      name: 'persistent',
      schema: z.boolean().default(false),
      description: 'Not supported: leave it false.',
    },
  ],
  result: { schema: z.boolean(), description: 'Always true.' },
  examples: [[true]],
  handler: (context: RpcContext, { unlock: isUnlocking, transactions, persistent }, call) =>
    withWallet(context, call, (wallet) => {
      if (persistent) throw new RpcError(RPC_CODES.WALLET_ERROR, 'persistent is not supported')
      if (transactions === undefined) {
        if (isUnlocking) wallet.unlockAllCoins()
        return true
      }
      // All of them or none.
      for (const output of transactions) checkCoin(wallet, output, isUnlocking)
      for (const output of transactions) {
        if (isUnlocking) wallet.unlockCoin(toOutPoint(output))
        else wallet.lockCoin(toOutPoint(output))
      }
      return true
    }),
})

/** `listlockunspent` */
export const listLockUnspent = defineMethod({
  name: 'listlockunspent',
  category: 'wallet',
  summary: 'Lists the coins that are kept from being chosen for payments.',
  params: [],
  result: {
    schema: z.array(
      z.object({
        txid: z.string().describe('The transaction.'),
        vout: z.number().describe('The number of its output.'),
      }),
    ),
  },
  examples: [[]],
  handler: (context: RpcContext, _args, call) =>
    withWallet(context, call, (wallet) =>
      [...wallet.lockedCoins()].map((key) => {
        const [txid = '', vout] = key.split(':')
        return { txid, vout: Number(vout) }
      }),
    ),
})
