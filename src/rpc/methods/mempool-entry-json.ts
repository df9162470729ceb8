/** @module A waiting transaction as methods show it. */

import * as z from 'zod'
import { toUnixSeconds } from '../../chain/index.ts'
import type { MempoolEntry } from '../../mempool/index.ts'
import type { TxidHex } from '../../primitives/index.ts'
import { btcAmount } from '../btc-amount.ts'

/** What is told of a waiting transaction. */
export const ENTRY_SCHEMA = z.object({
  vsize: z.number().describe('Virtual bytes.'),
  weight: z.number().describe('Weight units.'),
  time: z.number().describe('When it was taken, Unix seconds.'),
  height: z.number().describe('The height of the tip at that time.'),
  descendantcount: z.number().describe('Transactions that need it, itself included.'),
  descendantsize: z.number().describe('Their virtual bytes.'),
  ancestorcount: z.number().describe('Transactions that it needs, itself included.'),
  ancestorsize: z.number().describe('Their virtual bytes.'),
  wtxid: z.string().describe('Its hash with witnesses.'),
  fees: z.object({
    base: z.number().describe('Its fee in coins.'),
    modified: z.number().describe('Its fee as mining counts it.'),
    ancestor: z.number().describe('The fees of what it needs, itself included.'),
    descendant: z.number().describe('The fees of what needs it, itself included.'),
  }),
  depends: z.array(z.string()).describe('Waiting transactions whose outputs it spends.'),
  spentby: z.array(z.string()).describe('Waiting transactions that spend its outputs.'),
  'bip125-replaceable': z.boolean().describe('Whether another may replace it.'),
  unbroadcast: z.boolean().describe('Whether it came from here and no peer has asked for it yet.'),
})

/**
 * Fills {@link ENTRY_SCHEMA}.
 *
 * @param unbroadcast - Txids of which no peer has asked for the transaction yet.
 * @see Bitcoin Core `entryToJSON`
 */
export function describeEntry(entry: MempoolEntry, unbroadcast: ReadonlySet<TxidHex>) {
  const { ancestors, descendants } = entry
  return {
    vsize: entry.virtualSize,
    weight: entry.weight,
    time: toUnixSeconds(entry.addedMs),
    height: entry.height,
    descendantcount: descendants.count,
    descendantsize: descendants.virtualSize,
    ancestorcount: ancestors.count,
    ancestorsize: ancestors.virtualSize,
    wtxid: entry.wtxid,
    fees: {
      base: btcAmount(entry.fee),
      modified: btcAmount(entry.modifiedFee),
      ancestor: btcAmount(ancestors.modifiedFee),
      descendant: btcAmount(descendants.modifiedFee),
    },
    depends: Array.from(entry.parents, ({ txid }) => txid),
    spentby: Array.from(entry.children, ({ txid }) => txid),
    'bip125-replaceable': false,
    unbroadcast: unbroadcast.has(entry.txid),
  }
}
