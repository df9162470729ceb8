/** @module All unspent outputs at a glance. */

import { sha256 } from '@noble/hashes/sha2.js'
import * as z from 'zod'
import { type CoinSet, MuHash, type StoredCoin, toElements } from '../../chain/index.ts'
import { type Txid, toDisplayHex } from '../../primitives/index.ts'
import { type Clock, equalBytes } from '../../util/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** What a coin counts beside its script in `bogosize`. @see Bitcoin Core `GetBogoSize` */
const BOGO_OVERHEAD = 50

/** A hash that coins are added to in the order of their outpoints. */
interface SetHasher {
  add(element: Uint8Array): void
  /** 32 bytes in internal order, if there is any hash at all. */
  digest(): Uint8Array | undefined
}

/** By the name of the hash. */
export const COIN_HASHERS = {
  hash_serialized_3: (): SetHasher => {
    const hash = sha256.create()
    return { add: (element) => hash.update(element), digest: () => sha256(hash.digest()) }
  },
  muhash: (): SetHasher => {
    const hash = MuHash.empty()
    return { add: (element) => hash.insert(element), digest: () => hash.digest() }
  },
  none: (): SetHasher => ({ add: () => undefined, digest: () => undefined }),
}
const HASH_TYPES = ['hash_serialized_3', 'muhash', 'none'] as const

interface CoinTotals {
  readonly txouts: number
  readonly transactions: number
  readonly bogosize: number
  readonly sats: bigint
}

/** Adds coins up, and hashes them. Others get their turns meanwhile. */
export async function addUpCoins(
  coins: AsyncIterable<StoredCoin>,
  hasher: SetHasher,
  clock: Clock,
): Promise<CoinTotals> {
  let [txouts, transactions, bogosize, sats] = [0, 0, 0, 0n]
  let lastTxid: Txid | undefined
  for await (const { outPoint, coin, element } of toElements(coins, clock)) {
    hasher.add(element)
    txouts += 1
    // Outputs of one transaction follow each other.
    if (lastTxid === undefined || !equalBytes(lastTxid, outPoint.txid)) transactions += 1
    lastTxid = outPoint.txid
    bogosize += BOGO_OVERHEAD + coin.output.scriptPubKey.length
    sats += coin.output.value
  }
  return { txouts, transactions, bogosize, sats }
}

/** The coins really are those that the running hash tells of, or else some were lost on the disk. */
function checkRunningHash({ utxoHash }: CoinSet, digest: Uint8Array): void {
  if (equalBytes(MuHash.fromState(utxoHash).digest(), digest)) return
  throw new RpcError(
    RPC_CODES.DATABASE_ERROR,
    'The stored coins are damaged: their hash is not the one stored with the tip. Stop the node and start it with --reindex.',
  )
}

/** `gettxoutsetinfo` */
export const getTxOutSetInfo = defineMethod({
  name: 'gettxoutsetinfo',
  category: 'blockchain',
  summary: 'Counts and hashes all unspent outputs. Takes a while when there are many.',
  params: [
    {
      name: 'hash_type',
      schema: z.enum(HASH_TYPES).default('hash_serialized_3'),
      description: 'Which hash to compute: hash_serialized_3, muhash or none.',
    },
    {
      name: 'hash_or_height',
      schema: z.union([z.string(), z.number()]).optional(),
      description: 'Of another block than the tip; needs an index that this node does not have.',
    },
    {
      name: 'use_index',
      schema: z.boolean().default(true),
      description: 'Accepted, and of no effect: there is no index of coin statistics.',
    },
  ],
  result: {
    schema: z.object({
      height: z.number().describe('The height of the tip.'),
      bestblock: z.string().describe('The hash of the tip.'),
      txouts: z.number().describe('The number of unspent outputs.'),
      bogosize: z.number().describe('A measure of their size that depends on no database.'),
      hash_serialized_3: z.string().optional().describe('The hash over all of them in order.'),
      muhash: z.string().optional().describe('The hash over the set, as if built up in any order.'),
      total_amount: z.number().describe('The sum of their amounts in coins.'),
      transactions: z.number().describe('Transactions that have unspent outputs.'),
      disk_size: z.number().describe('Bytes that headers and coins take on the disk.'),
    }),
  },
  examples: [[], ['muhash']],
  handler: async (context: RpcContext, { hash_type: type, hash_or_height }) => {
    const { chain, clock, measureStateSize } = context
    if (hash_or_height !== undefined) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        'Querying specific block heights requires coinstatsindex',
      )
    }
    const set = await chain.readAllCoins()
    const hasher = COIN_HASHERS[type]()
    const { txouts, transactions, bogosize, sats } = await addUpCoins(set.coins, hasher, clock)
    const digest = hasher.digest()
    if (type === 'muhash' && digest !== undefined) checkRunningHash(set, digest)
    return {
      height: set.tip.height,
      bestblock: set.tip.hashHex,
      txouts,
      bogosize,
      ...(digest !== undefined && { [type]: toDisplayHex(digest) }),
      total_amount: btcAmount(sats),
      transactions,
      disk_size: await measureStateSize(),
    }
  },
})
