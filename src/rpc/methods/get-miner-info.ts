/** @module What the local miner does, worker by worker, and what exactly it hashes. */

import * as z from 'zod'
import { bitsToHex, computeWork, targetToHex } from '../../consensus/index.ts'
import { type CurrentWork, type HashRates, PACED_ADVICE } from '../../mining/index.ts'
import { toDisplayHex } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { requireMiner } from './set-miners.ts'
import {
  describeTransactionWithHex,
  FEE_AND_HEX_FIELDS,
  TRANSACTION_FIELDS,
} from './transaction-json.ts'

const RATES_SCHEMA = z
  .object({
    '1s': z.number().describe('Over the last second.'),
    '1m': z.number().describe('Over the last minute, or since the start.'),
    '15m': z.number().describe('Over the last 15 minutes, or since the start.'),
  })
  .describe('Hashes per second.')

const WORK_SCHEMA = z.object({
  height: z.number().describe('The height of the block to be.'),
  previousblockhash: z.string().describe('The block that it builds on.'),
  version: z.number().describe('The version, before any bits are rolled.'),
  time: z.number().describe('The time in its header, Unix seconds.'),
  bits: z.string().describe('The compact target.'),
  target: z.string().describe('The target that the hash must not exceed.'),
  transactions: z.number().describe('How many transactions stand behind the coinbase.'),
  coinbase: z
    .object({ ...TRANSACTION_FIELDS, ...FEE_AND_HEX_FIELDS })
    .describe("The first worker's coinbase, with a rolled extra nonce of 0."),
  extranonce1: z.string().describe("The extra nonce that is the node's and the worker's alone."),
  extranonce2_size: z.number().describe('Bytes behind it that the worker rolls.'),
  merklebranch: z
    .array(z.string())
    .describe("What the coinbase's txid is hashed with to get the merkle root, as hashed."),
  expected_seconds: z
    .number()
    .optional()
    .describe('How long this miner needs for a block on average, at the rate of the last minute.'),
})

function describeRates({ second, minute, quarterHour }: HashRates) {
  return { '1s': second, '1m': minute, '15m': quarterHour }
}

function describeWork(work: CurrentWork, rates: HashRates, { params }: RpcContext) {
  const { template, unit, coinbase } = work
  return {
    height: template.height,
    previousblockhash: toDisplayHex(template.prevBlockHash),
    version: unit.version,
    time: unit.timeMin,
    bits: bitsToHex(template.bits),
    target: targetToHex(template.target),
    transactions: template.transactions.length,
    coinbase: describeTransactionWithHex(coinbase, { params }),
    extranonce1: encodeHex(unit.extraNonce1),
    extranonce2_size: unit.extraNonce2Size,
    merklebranch: unit.merkleBranch.map(encodeHex),
    expected_seconds:
      rates.minute === 0 ? undefined : Number(computeWork(template.bits)) / rates.minute,
  }
}

/** `getminerinfo` */
export const getMinerInfo = defineMethod({
  name: 'getminerinfo',
  category: 'mining',
  summary:
    'Tells what the local miner does, worker by worker, with the coinbase and the merkle branch of what is being hashed, so that anybody can check it.',
  params: [],
  result: {
    schema: z.object({
      threads: z.number().describe('How many workers there are.'),
      throttle: z.number().describe('The share of a core that each may use.'),
      paused: z.boolean().describe('Whether they rest.'),
      degraded: z
        .boolean()
        .describe('Whether the fast engine kept failing, so that the slow one is used.'),
      hashps: RATES_SCHEMA,
      hashes: z.number().describe('Hashes since the start.'),
      best_difficulty: z.number().describe('The difficulty of the best hash found so far.'),
      blocks_found: z.number().describe('Blocks that were found and accepted.'),
      stale: z.number().describe('Blocks that were found too late.'),
      duplicate: z.number().describe('Hits that a worker told of again.'),
      invalid: z.number().describe('Hits that were none, and blocks that were refused.'),
      workers: z.array(
        z.object({
          index: z.number().describe('Its number.'),
          state: z
            .string()
            .describe('starting, hashing, idle, restarting, or failed if it cannot be started.'),
          engine: z.string().describe('The engine that it chose; empty until it has.'),
          restarts: z.number().describe('How often it failed and was replaced.'),
          hashps: RATES_SCHEMA,
        }),
      ),
      waiting: z
        .object({
          until: z.number().describe('When the next block is mined, Unix seconds.'),
          reason: z.string().describe('Why, and what to do.'),
        })
        .optional()
        .describe('Why nothing is hashed, where the difficulty never changes.'),
      work: WORK_SCHEMA.optional().describe('What is being hashed, if anything.'),
    }),
  },
  examples: [[]],
  handler: (context: RpcContext) => {
    const miner = requireMiner(context)
    const { stats, currentWork, pacedUntil } = miner
    const rates = stats.hashesPerSecond
    return {
      threads: stats.threads,
      throttle: stats.throttle,
      paused: stats.isPaused,
      degraded: stats.isDegraded,
      hashps: describeRates(rates),
      hashes: stats.hashes,
      best_difficulty: stats.bestDifficulty,
      blocks_found: stats.blocksFound,
      stale: stats.staleSolutions,
      duplicate: stats.duplicateSolutions,
      invalid: stats.invalidSolutions,
      workers: stats.workers.map(({ index, state, engine, restarts, hashesPerSecond }) => ({
        index,
        state,
        engine,
        restarts,
        hashps: describeRates(hashesPerSecond),
      })),
      waiting: pacedUntil === undefined ? undefined : { until: pacedUntil, reason: PACED_ADVICE },
      work: currentWork === undefined ? undefined : describeWork(currentWork, rates, context),
    }
  },
})
