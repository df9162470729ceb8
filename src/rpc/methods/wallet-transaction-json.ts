/** @module A wallet's transactions as methods show them. */

import * as z from 'zod'
import type { ConsensusParams } from '../../consensus/index.ts'
import { computeWtxid, isCoinbase, toDisplayHex } from '../../primitives/index.ts'
import { encodeAddress } from '../../script/index.ts'
import type { Wallet, WalletTransaction } from '../../wallet/index.ts'
import { btcAmount } from '../btc-amount.ts'

/** Sequence numbers up to this one say that a transaction may be replaced. @see BIP-0125 */
const MAX_REPLACEABLE_SEQUENCE = 0xffff_fffd

/** What is said of a transaction as a whole. */
export const WALLET_TRANSACTION_FIELDS = {
  confirmations: z.number().describe('Confirmations; below 0 if a block has another in its place.'),
  generated: z.boolean().optional().describe('Only in coinbases: true.'),
  trusted: z.boolean().optional().describe('While it waits: whether it can be relied upon.'),
  blockhash: z.string().optional().describe('The block that has it.'),
  blockheight: z.number().optional().describe('Its height.'),
  blockindex: z.number().optional().describe('The number of the transaction in it.'),
  blocktime: z.number().optional().describe("The block's time, Unix seconds."),
  txid: z.string().describe('The transaction id.'),
  wtxid: z.string().describe('The hash over the witnesses too.'),
  walletconflicts: z.array(z.string()).describe('Others of the wallet that spend the same.'),
  replaced_by_txid: z.string().optional().describe('The one that pays more in its place.'),
  replaces_txid: z.string().optional().describe('The one in whose place it pays more.'),
  mempoolconflicts: z.array(z.string()).describe('Those of them that wait.'),
  to: z.string().optional().describe('What was noted about whom it pays.'),
  time: z.number().describe('When it happened, Unix seconds.'),
  timereceived: z.number().describe('When the wallet first saw it, Unix seconds.'),
  comment: z.string().optional().describe('What was noted about it.'),
  'bip125-replaceable': z.string().describe('Whether it says that it may be replaced: yes or no.'),
} as const

/** Fills {@link WALLET_TRANSACTION_FIELDS}. @see Bitcoin Core `WalletTxToJSON` */
export function describeWalletTransaction(wallet: Wallet, record: WalletTransaction) {
  const { tx, txid, place, receivedTime, comment, commentTo, replaces, replacedBy } = record
  const depth = wallet.view.depthOf(record)
  const conflicts = wallet.log.conflictsOf(record)
  const isReplaceable =
    depth === 0 && tx.inputs.some(({ sequence }) => sequence <= MAX_REPLACEABLE_SEQUENCE)
  return {
    confirmations: depth,
    generated: isCoinbase(tx) ? true : undefined,
    ...(place === undefined
      ? { trusted: wallet.view.isTrusted(record) }
      : {
          blockhash: place.hash,
          blockheight: place.height,
          blockindex: place.index,
          blocktime: place.time,
        }),
    txid,
    wtxid: toDisplayHex(computeWtxid(tx)),
    walletconflicts: conflicts,
    replaced_by_txid: replacedBy,
    replaces_txid: replaces,
    mempoolconflicts: conflicts.filter((id) => {
      const other = wallet.log.get(id)
      return other !== undefined && wallet.view.waiting(other) !== undefined
    }),
    to: commentTo,
    time: place === undefined ? receivedTime : Math.min(receivedTime, place.time),
    timereceived: receivedTime,
    comment,
    'bip125-replaceable': isReplaceable ? 'yes' : 'no',
  }
}

/** What is said of one output. */
export const WALLET_ENTRY_FIELDS = {
  address: z.string().optional().describe('Whom it pays.'),
  category: z.string().describe('send, receive, or for mined coins generate, immature or orphan.'),
  amount: z.number().describe('Coins; below 0 if they were sent.'),
  label: z.string().optional().describe('What the address is for.'),
  vout: z.number().describe('The number of the output.'),
  fee: z.number().optional().describe('Only of what was sent: the fee in coins, below 0.'),
  abandoned: z.boolean().describe('Whether the transaction was given up.'),
  parent_descs: z.array(z.string()).optional().describe('The descriptors that it comes from.'),
} as const

function chooseCategory(wallet: Wallet, record: WalletTransaction): string {
  if (!isCoinbase(record.tx)) return 'receive'
  if (wallet.view.depthOf(record) < 1) return 'orphan'
  return wallet.view.isImmature(record) ? 'immature' : 'generate'
}

/**
 * Fills {@link WALLET_ENTRY_FIELDS} for each output that matters: what was sent to somebody, and what was received.
 *
 * @see Bitcoin Core `ListTransactions`
 */
export function describeEntries(
  wallet: Wallet,
  record: WalletTransaction,
  { addressPrefixes }: ConsensusParams,
) {
  const { tx, isAbandoned } = record
  const { debit, fee } = wallet.log.amountsOf(tx)
  const describe = (vout: number, scriptPubKey: Uint8Array) => {
    const address = encodeAddress(scriptPubKey, addressPrefixes)
    return { address, label: wallet.labelOf(address), vout, abandoned: isAbandoned }
  }
  const outputs = [...tx.outputs.entries()].filter(
    ([, output]) => debit === 0n || !wallet.isChange(output),
  )
  const sent = (debit === 0n ? [] : outputs).map(([vout, { value, scriptPubKey }]) => ({
    ...describe(vout, scriptPubKey),
    category: 'send',
    amount: btcAmount(-value),
    fee: fee === undefined ? undefined : btcAmount(-fee),
  }))
  const category = chooseCategory(wallet, record)
  const received = outputs.flatMap(([vout, { value, scriptPubKey }]) => {
    const own = wallet.keys.ring.find(scriptPubKey)
    if (own === undefined) return []
    const parents = [own.chain.record.descriptor]
    const amount = btcAmount(value)
    return [{ ...describe(vout, scriptPubKey), category, amount, parent_descs: parents }]
  })
  return [...sent, ...received]
}
