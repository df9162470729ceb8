/** @module The coins of a wallet. */

import * as z from 'zod'
import { encodeHex } from '../../util/index.ts'
import type { CoinStatus, Wallet } from '../../wallet/index.ts'
import { AMOUNT_SCHEMA, btcAmount, parseBtcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeAddressArgument } from './address-argument.ts'
import { withWallet } from './wallet-access.ts'

const MAX_CONFIRMATIONS = 9_999_999

const OPTIONS_SCHEMA = z.strictObject({
  minimumAmount: AMOUNT_SCHEMA.optional().describe('Coins that each has at least.'),
  maximumAmount: AMOUNT_SCHEMA.optional().describe('Coins that each has at most.'),
  maximumCount: z.int().min(0).optional().describe('How many to list at most.'),
  minimumSumAmount: AMOUNT_SCHEMA.optional().describe(
    'Stop when they have so many coins together.',
  ),
  include_immature_coinbase: z.boolean().optional().describe('Mined coins that must rest, too.'),
})

const COIN_SCHEMA = z.object({
  txid: z.string().describe('The transaction.'),
  vout: z.number().describe('The number of its output.'),
  address: z.string().optional().describe('The address.'),
  label: z.string().optional().describe('What that is for.'),
  scriptPubKey: z.string().describe('The output script in hexadecimal.'),
  amount: z.number().describe('Coins.'),
  confirmations: z.number().describe('Confirmations.'),
  ancestorcount: z.number().optional().describe('While it waits: with how many others it does.'),
  ancestorsize: z.number().optional().describe('Their virtual bytes.'),
  ancestorfees: z.number().optional().describe('Their fees in satoshis.'),
  redeemScript: z.string().optional().describe('The script behind it, for P2SH.'),
  spendable: z.boolean().describe('Whether the wallet has its key.'),
  solvable: z.boolean().describe('Whether the wallet knows how it is spent.'),
  desc: z.string().optional().describe('Its descriptor.'),
  parent_descs: z.array(z.string()).optional().describe('The descriptors that it comes from.'),
  safe: z.boolean().describe('Whether it can be relied upon.'),
})

function describeCoin(wallet: Wallet, { coin, depth, isSafe }: CoinStatus) {
  const { record, vout, output, own } = coin
  const address = wallet.addressOf(own)
  const waiting = depth === 0 ? wallet.view.waiting(record) : undefined
  const { redeemScript } = own.key
  return {
    txid: record.txid,
    vout,
    address,
    label: wallet.labelOf(address),
    scriptPubKey: encodeHex(output.scriptPubKey),
    amount: btcAmount(output.value),
    confirmations: depth,
    ancestorcount: waiting?.ancestorCount,
    ancestorsize: waiting?.ancestorSize,
    ancestorfees: waiting === undefined ? undefined : Number(waiting.ancestorFees),
    redeemScript: redeemScript === undefined ? undefined : encodeHex(redeemScript),
    spendable: wallet.keys.hasPrivateKeys,
    solvable: true,
    desc: own.chain.descriptor.describe(own.key),
    parent_descs: [own.chain.record.descriptor],
    safe: isSafe,
  }
}

function parseAddresses({ params }: RpcContext, addresses: readonly string[]): ReadonlySet<string> {
  const scripts = new Set<string>()
  for (const address of addresses) {
    const message = `Invalid Bitcoin address: ${address}`
    const script = encodeHex(decodeAddressArgument(address, params.addressPrefixes, message))
    if (scripts.has(script)) {
      const text = `Invalid parameter, duplicated address: ${address}`
      throw new RpcError(RPC_CODES.INVALID_PARAMETER, text)
    }
    scripts.add(script)
  }
  return scripts
}

/** `listunspent` */
export const listUnspent = defineMethod({
  name: 'listunspent',
  category: 'wallet',
  summary: 'Lists the coins of a wallet.',
  params: [
    { name: 'minconf', schema: z.int().default(1), description: 'Confirmations, at least.' },
    {
      name: 'maxconf',
      schema: z.int().default(MAX_CONFIRMATIONS),
      description: 'Confirmations, at most.',
    },
    {
      name: 'addresses',
      schema: z.array(z.string()).max(10_000).default([]),
      description: 'Only coins of these.',
    },
    {
      name: 'include_unsafe',
      schema: z.boolean().default(true),
      description: 'Whether those are listed that others could make go away.',
    },
    {
      name: 'query_options',
      schema: OPTIONS_SCHEMA.default({}),
      description: 'Which, and how many.',
    },
  ],
  result: { schema: z.array(COIN_SCHEMA) },
  examples: [[], [6, 9_999_999, ['address']]],
  handler: (context: RpcContext, args, call) =>
    withWallet(context, call, (wallet) => {
      const { minconf, maxconf, query_options: options } = args
      const scripts = parseAddresses(context, args.addresses)
      const atLeast = parseBtcAmount(options.minimumAmount ?? 0)
      const atMost =
        options.maximumAmount === undefined ? undefined : parseBtcAmount(options.maximumAmount)
      const enough =
        options.minimumSumAmount === undefined
          ? undefined
          : parseBtcAmount(options.minimumSumAmount)
      const found: ReturnType<typeof describeCoin>[] = []
      let sum = 0n
      for (const status of wallet.view.coins()) {
        const { coin, depth, isMature, isSafe } = status
        const { value, scriptPubKey } = coin.output
        const isWanted =
          (isMature || options.include_immature_coinbase === true) &&
          (isSafe || args.include_unsafe) &&
          depth >= minconf &&
          depth <= maxconf &&
          value >= atLeast &&
          (atMost === undefined || value <= atMost) &&
          (scripts.size === 0 || scripts.has(encodeHex(scriptPubKey))) &&
          !wallet.lockedCoins().has(`${coin.record.txid}:${coin.vout}`)
        if (!isWanted) continue
        if (options.maximumCount !== undefined && found.length >= options.maximumCount) break
        found.push(describeCoin(wallet, status))
        sum += value
        if (enough !== undefined && sum >= enough) break
      }
      return found
    }),
})
