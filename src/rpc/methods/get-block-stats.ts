/** @module What a block adds up to. */

import * as z from 'zod'
import type { BlockEntry, Chain } from '../../chain/index.ts'
import { type BlockUndo, computeSubsidy } from '../../consensus/index.ts'
import {
  type Block,
  computeTransactionSize,
  decodeBlock,
  hasWitness,
  type Transaction,
  type TxOut,
  WITNESS_SCALE_FACTOR,
} from '../../primitives/index.ts'
import { isUnspendable } from '../../script/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, requireEntry } from './arguments.ts'
import { readBlockBytes } from './get-block.ts'

/** What an unspent output takes beside itself. @see Bitcoin Core `PER_UTXO_OVERHEAD` */
const UTXO_OVERHEAD = 41
/** The amount, and the shortest count before the script. */
const AMOUNT_SIZE = 8
const PERCENTILES = [0.1, 0.25, 0.5, 0.75, 0.9] as const

/** Of many numbers: the least, the most and the one in the middle; 0 of none. */
class Spread {
  readonly #values: number[] = []
  total = 0

  add(value: number): void {
    this.#values.push(value)
    this.total += value
  }

  get count(): number {
    return this.#values.length
  }

  get least(): number {
    return this.#values.reduce((least, value) => Math.min(least, value), this.#values[0] ?? 0)
  }

  get most(): number {
    return this.#values.reduce((most, value) => Math.max(most, value), 0)
  }

  /** Rounded down. @see Bitcoin Core `CalculateTruncatedMedian` */
  get median(): number {
    const sorted = this.#values.toSorted((a, b) => a - b)
    const middle = Math.trunc(sorted.length / 2)
    const upper = sorted[middle] ?? 0
    return sorted.length % 2 === 1 ? upper : Math.trunc(((sorted[middle - 1] ?? 0) + upper) / 2)
  }

  /** Rounded down. */
  get average(): number {
    return this.count === 0 ? 0 : Math.trunc(this.total / this.count)
  }
}

/** Fee rates below which so many tenths of the weight lie. @see Bitcoin Core `CalculatePercentilesByWeight` */
function computeFeeRatePercentiles(
  rates: readonly { readonly rate: number; readonly weight: number }[],
  totalWeight: number,
): readonly number[] {
  const sorted = rates.toSorted((a, b) => a.rate - b.rate)
  const found: number[] = []
  let weight = 0
  for (const entry of sorted) {
    weight += entry.weight
    while (weight >= totalWeight * (PERCENTILES[found.length] ?? Number.POSITIVE_INFINITY)) {
      found.push(entry.rate)
    }
  }
  const last = sorted.at(-1)?.rate ?? 0
  return PERCENTILES.map((_, i) => found[i] ?? last)
}

function utxoSize({ scriptPubKey: { length } }: TxOut): number {
  const countSize = length < 0xfd ? 1 : length <= 0xffff ? 3 : 5
  return AMOUNT_SIZE + countSize + length + UTXO_OVERHEAD
}

/** Adds a block up, transaction by transaction. @see Bitcoin Core `getblockstats` */
class BlockTotals {
  readonly #isGenesis: boolean
  readonly fees = new Spread()
  readonly sizes = new Spread()
  readonly feeRates = new Spread()
  readonly ratesByWeight: { readonly rate: number; readonly weight: number }[] = []
  inputs = 0
  outputs = 0
  unspentOutputs = 0
  utxoSize = 0
  utxoSizeActual = 0
  totalOut = 0
  totalWeight = 0
  witnessCount = 0
  witnessSize = 0
  witnessWeight = 0

  constructor({ transactions }: Block, undo: BlockUndo, isGenesis: boolean) {
    this.#isGenesis = isGenesis
    for (const [i, tx] of transactions.entries()) {
      this.#addOutputs(tx)
      if (i > 0) this.#addSpending(tx, undo[i - 1]?.map(({ output }) => output) ?? [])
    }
  }

  #addOutputs({ outputs }: Transaction): void {
    this.outputs += outputs.length
    for (const output of outputs) {
      const size = utxoSize(output)
      this.utxoSize += size
      // Of these nobody can spend any, so they are no coins.
      if (this.#isGenesis || isUnspendable(output.scriptPubKey)) continue
      this.unspentOutputs += 1
      this.utxoSizeActual += size
    }
  }

  #addSpending(tx: Transaction, spent: readonly TxOut[]): void {
    const { weight, totalSize } = computeTransactionSize(tx)
    this.inputs += tx.inputs.length
    this.sizes.add(totalSize)
    this.totalWeight += weight
    if (hasWitness(tx)) {
      this.witnessCount += 1
      this.witnessSize += totalSize
      this.witnessWeight += weight
    }
    for (const output of spent) {
      const size = utxoSize(output)
      this.utxoSize -= size
      this.utxoSizeActual -= size
    }
    const sum = (all: readonly TxOut[]): number =>
      all.reduce((sats, { value }) => sats + Number(value), 0)
    const out = sum(tx.outputs)
    const fee = sum(spent) - out
    const rate = Math.trunc((fee * WITNESS_SCALE_FACTOR) / weight)
    this.totalOut += out
    this.fees.add(fee)
    this.feeRates.add(rate)
    this.ratesByWeight.push({ rate, weight })
  }
}

const STATS_SCHEMA = z
  .object({
    avgfee: z.number().describe('Average fee.'),
    avgfeerate: z.number().describe('Average fee rate, satoshis per virtual byte.'),
    avgtxsize: z.number().describe('Average size of a transaction.'),
    blockhash: z.string().describe('The block hash.'),
    feerate_percentiles: z
      .array(z.number())
      .describe('Fee rates at 10, 25, 50, 75 and 90 per cent of the weight.'),
    height: z.number().describe('The height.'),
    ins: z.number().describe('Inputs, without the coinbase.'),
    maxfee: z.number().describe('The highest fee.'),
    maxfeerate: z.number().describe('The highest fee rate.'),
    maxtxsize: z.number().describe('The largest transaction.'),
    medianfee: z.number().describe('The fee in the middle.'),
    mediantime: z.number().describe('The median time of this block and the ten before.'),
    mediantxsize: z.number().describe('The size in the middle.'),
    minfee: z.number().describe('The lowest fee.'),
    minfeerate: z.number().describe('The lowest fee rate.'),
    mintxsize: z.number().describe('The smallest transaction.'),
    outs: z.number().describe('Outputs.'),
    subsidy: z.number().describe('The subsidy.'),
    swtotal_size: z.number().describe('Bytes of transactions with witnesses.'),
    swtotal_weight: z.number().describe('Their weight.'),
    swtxs: z.number().describe('How many they are.'),
    time: z.number().describe('The time in Unix seconds.'),
    total_out: z.number().describe('All amounts, without the coinbase.'),
    total_size: z.number().describe('Bytes of all transactions but the coinbase.'),
    total_weight: z.number().describe('Their weight.'),
    totalfee: z.number().describe('All fees.'),
    txs: z.number().describe('Transactions, the coinbase included.'),
    utxo_increase: z.number().describe('Outputs less inputs.'),
    utxo_size_inc: z.number().describe('The same in bytes of unspent outputs.'),
    utxo_increase_actual: z.number().describe('As utxo_increase, of what can be spent.'),
    utxo_size_inc_actual: z.number().describe('As utxo_size_inc, of what can be spent.'),
  })
  .partial()

function describeTotals(entry: BlockEntry, block: Block, undo: BlockUndo, subsidy: bigint) {
  const totals = new BlockTotals(block, undo, entry.prev === undefined)
  const { fees, sizes, feeRates, totalWeight, inputs } = totals
  return {
    avgfee: fees.average,
    avgfeerate:
      totalWeight === 0 ? 0 : Math.trunc((fees.total * WITNESS_SCALE_FACTOR) / totalWeight),
    avgtxsize: sizes.average,
    blockhash: entry.hashHex,
    feerate_percentiles: computeFeeRatePercentiles(totals.ratesByWeight, totalWeight),
    height: entry.height,
    ins: inputs,
    maxfee: fees.most,
    maxfeerate: feeRates.most,
    maxtxsize: sizes.most,
    medianfee: fees.median,
    mediantime: entry.medianTimePast,
    mediantxsize: sizes.median,
    minfee: fees.least,
    minfeerate: feeRates.least,
    mintxsize: sizes.least,
    outs: totals.outputs,
    subsidy: Number(subsidy),
    swtotal_size: totals.witnessSize,
    swtotal_weight: totals.witnessWeight,
    swtxs: totals.witnessCount,
    time: entry.time,
    total_out: totals.totalOut,
    total_size: sizes.total,
    total_weight: totalWeight,
    totalfee: fees.total,
    txs: block.transactions.length,
    utxo_increase: totals.outputs - inputs,
    utxo_size_inc: totals.utxoSize,
    utxo_increase_actual: totals.unspentOutputs - inputs,
    utxo_size_inc_actual: totals.utxoSizeActual,
  }
}

/** @see Bitcoin Core `ParseHashOrHeight` */
function findEntry(chain: Chain, hashOrHeight: string | number): BlockEntry {
  if (typeof hashOrHeight === 'string') return requireEntry(chain, hashOrHeight)
  if (hashOrHeight < 0) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      `Target block height ${hashOrHeight} is negative`,
    )
  }
  const entry = chain.getActiveEntry(hashOrHeight)
  if (entry !== undefined) return entry
  throw new RpcError(
    RPC_CODES.INVALID_PARAMETER,
    `Target block height ${hashOrHeight} after current tip ${chain.tip.height}`,
  )
}

/** `getblockstats` */
export const getBlockStats = defineMethod({
  name: 'getblockstats',
  category: 'blockchain',
  summary: 'Adds a block up. Amounts are in satoshis.',
  params: [
    {
      name: 'hash_or_height',
      schema: z.union([z.int(), hashSchema('hash_or_height')]),
      description: 'The block hash, or a height of the active chain.',
    },
    {
      name: 'stats',
      schema: z.array(z.string()).default([]),
      description: 'Only these values; all of them if there are none.',
    },
  ],
  result: { schema: STATS_SCHEMA },
  examples: [[1000], [1000, ['minfeerate', 'avgfeerate']]],
  handler: async (context: RpcContext, { hash_or_height: hashOrHeight, stats }) => {
    const { chain, params } = context
    const entry = findEntry(chain, hashOrHeight)
    const unknown = stats.find((name) => !(name in STATS_SCHEMA.shape))
    if (unknown !== undefined) {
      throw new RpcError(RPC_CODES.INVALID_PARAMETER, `Invalid selected statistic '${unknown}'`)
    }
    const block = decodeBlock(await readBlockBytes(context, entry))
    const undo = await chain.readUndo(entry.hash)
    if (undo === undefined && entry.prev !== undefined) {
      throw new RpcError(RPC_CODES.MISC_ERROR, 'Undo data not available')
    }
    const all = describeTotals(entry, block, undo ?? [], computeSubsidy(entry.height, params))
    if (stats.length === 0) return all
    return Object.fromEntries(Object.entries(all).filter(([name]) => stats.includes(name)))
  },
})
