/** @module What a wallet is, and what it has. */

import * as z from 'zod'
import type { Wallet } from '../../wallet/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { describeLastBlock, LAST_BLOCK_FIELD, withWallet } from './wallet-access.ts'

/** Of wallets that Bitcoin Core has made since 0.16.1; descriptor wallets never change it. */
const WALLET_VERSION = 169_900

const SCANNING_SCHEMA = z.union([
  z.literal(false),
  z.object({
    duration: z.number().describe('Seconds since it began.'),
    progress: z.number().describe('Share of the blocks, 0 to 1.'),
  }),
])

/** How many addresses are watched that nobody has. */
function countKeys({ keys }: Wallet, isInternal: boolean): number {
  let count = 0
  for (const { descriptor, record, watchedEnd } of keys.ring.chains) {
    if (!record.isActive || record.isInternal !== isInternal || !descriptor.isRanged) continue
    count += watchedEnd - record.nextIndex
  }
  return count
}

function describeScan({ follower }: Wallet, nowMs: number) {
  const { scan } = follower
  if (scan === undefined) return false
  const { startedMs, from, to, height } = scan
  return {
    duration: Math.floor((nowMs - startedMs) / 1_000),
    progress: Math.min(1, (height - from + 1) / Math.max(1, to - from + 1)),
  }
}

/** `getwalletinfo` */
export const getWalletInfo = defineMethod({
  name: 'getwalletinfo',
  category: 'wallet',
  summary: 'Describes a wallet.',
  params: [],
  result: {
    schema: z.object({
      walletname: z.string().describe('Its name.'),
      walletversion: z.number().describe('As Bitcoin Core numbers it.'),
      format: z.string().describe('How it is stored.'),
      txcount: z.number().describe('How many transactions concern it.'),
      keypoolsize: z.number().describe('Addresses that are watched and that nobody has.'),
      keypoolsize_hd_internal: z.number().describe('The same for change.'),
      unlocked_until: z
        .number()
        .optional()
        .describe('Until when it is unlocked, Unix seconds; 0 if locked. Only if encrypted.'),
      private_keys_enabled: z.boolean().describe('Whether it can sign.'),
      avoid_reuse: z.boolean().describe('Always false.'),
      scanning: SCANNING_SCHEMA.describe('The look through old blocks that is under way.'),
      descriptors: z.boolean().describe('Always true.'),
      external_signer: z.boolean().describe('Always false.'),
      blank: z.boolean().describe('Whether it has no keys.'),
      birthtime: z.number().optional().describe('Unix seconds before which it got nothing.'),
      flags: z.array(z.string()),
      ...LAST_BLOCK_FIELD,
    }),
  },
  examples: [[]],
  handler: (context: RpcContext, _args, call) =>
    withWallet(context, call, (wallet) => {
      const { keys, log, name } = wallet
      const { chains } = keys.ring
      return {
        walletname: name,
        walletversion: WALLET_VERSION,
        format: 'quarry',
        txcount: log.size,
        keypoolsize: countKeys(wallet, false),
        keypoolsize_hd_internal: countKeys(wallet, true),
        unlocked_until: keys.isEncrypted ? keys.unlockedUntil : undefined,
        private_keys_enabled: keys.hasPrivateKeys,
        avoid_reuse: false,
        scanning: describeScan(wallet, context.clock.monotonic()),
        descriptors: true,
        external_signer: false,
        blank: chains.length === 0,
        birthtime:
          chains.length === 0
            ? undefined
            : Math.min(...chains.map(({ record }) => record.timestamp)),
        flags: ['descriptor_wallet', ...(keys.hasPrivateKeys ? [] : ['disable_private_keys'])],
        ...describeLastBlock(wallet),
      }
    }),
})

/** `getbalances` */
export const getBalances = defineMethod({
  name: 'getbalances',
  category: 'wallet',
  summary: 'Tells what a wallet has.',
  params: [],
  result: {
    schema: z.object({
      mine: z.object({
        trusted: z.number().describe('Coins that are confirmed, or our own change.'),
        untrusted_pending: z.number().describe('Coins on their way from others.'),
        immature: z.number().describe('Mined coins that cannot be spent yet.'),
      }),
      ...LAST_BLOCK_FIELD,
    }),
  },
  examples: [[]],
  handler: (context: RpcContext, _args, call) =>
    withWallet(context, call, (wallet) => {
      const { trusted, untrustedPending, immature } = wallet.view.balances()
      return {
        mine: {
          trusted: btcAmount(trusted),
          untrusted_pending: btcAmount(untrustedPending),
          immature: btcAmount(immature),
        },
        ...describeLastBlock(wallet),
      }
    }),
})

/** `getbalance` */
export const getBalance = defineMethod({
  name: 'getbalance',
  category: 'wallet',
  summary: 'Tells how many coins a wallet can rely upon.',
  params: [
    {
      name: 'dummy',
      schema: z.string().optional(),
      description: 'Left over from accounts: left out or "*".',
    },
    {
      name: 'minconf',
      schema: z.int().min(0).default(0),
      description: 'Confirmations that coins need.',
    },
    {
      name: 'include_watchonly',
      schema: z.boolean().optional(),
      description: 'Without a meaning since all keys are descriptors.',
    },
    {
      name: 'avoid_reuse',
      schema: z.boolean().optional(),
      description: 'Without a meaning here.',
    },
  ],
  result: { schema: z.number(), description: 'Coins.' },
  examples: [[], ['*', 6]],
  handler: (context: RpcContext, { dummy, minconf }, call) =>
    withWallet(context, call, ({ view }) => {
      if (dummy !== undefined && dummy !== '*') {
        throw new RpcError(
          RPC_CODES.METHOD_DEPRECATED,
          'dummy first argument must be excluded or set to "*".',
        )
      }
      return btcAmount(view.balances(minconf).trusted)
    }),
})
