/** A small method table with every kind of parameter, for the tests of this folder. */

import * as z from 'zod'
import {
  btcAmount,
  defineMethod,
  parseBtcAmount,
  RPC_CODES,
  RpcError,
} from '../../../src/rpc/index.ts'
import type { Clock, Logger } from '../../../src/util/index.ts'

export interface SampleContext {
  readonly height: number
  readonly calls: string[]
}

export const SAMPLE_METHODS = [
  defineMethod({
    name: 'getblockcount',
    category: 'blockchain',
    summary: 'Returns the height of the active chain.',
    params: [],
    result: { schema: z.number(), description: 'The height.' },
    examples: [[]],
    handler: (context: SampleContext) => {
      context.calls.push('getblockcount')
      return context.height
    },
  }),
  defineMethod({
    name: 'getblockhash',
    category: 'blockchain',
    summary: 'Returns the hash of the block at a height.',
    params: [{ name: 'height', schema: z.int(), description: 'The height.' }],
    result: { schema: z.string(), description: 'The block hash.' },
    examples: [[1000]],
    handler: (context: SampleContext, { height }) => {
      context.calls.push('getblockhash')
      if (height < 0 || height > context.height) {
        throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Block height out of range')
      }
      return height.toString(16).padStart(64, '0')
    },
  }),
  defineMethod({
    name: 'getblock',
    category: 'blockchain',
    summary: 'Returns a block.',
    params: [
      { name: 'blockhash', schema: z.string(), description: 'The block hash.' },
      {
        name: 'verbosity',
        aliases: ['verbose'],
        schema: z.union([z.int(), z.boolean()]).default(1),
        description: 'How much.',
      },
    ],
    result: [
      { condition: 'for verbosity = 0', schema: z.string(), description: 'The block in hex.' },
      {
        condition: 'for verbosity = 1',
        schema: z.object({
          hash: z.string().describe('The block hash.'),
          tx: z.array(z.string().describe('A txid.')),
          nextblockhash: z.string().optional(),
        }),
      },
    ],
    examples: [["it's", 1]],
    handler: async (_context: SampleContext, { blockhash, verbosity }) => ({
      blockhash,
      verbosity,
    }),
  }),
  defineMethod({
    name: 'sendtoaddress',
    category: 'wallet',
    summary: 'Pays.',
    params: [
      {
        name: 'address',
        schema: z.string().refine((address) => address.startsWith('bcrt1'), {
          error: 'Invalid address',
          params: { rpcCode: RPC_CODES.INVALID_ADDRESS_OR_KEY },
        }),
        description: 'To whom.',
      },
      {
        name: 'amount',
        schema: z.union([z.number(), z.string()]).transform(parseBtcAmount),
        description: 'How much.',
      },
      {
        name: 'options',
        schema: z
          .strictObject({ note: z.string(), tags: z.array(z.string()).optional() })
          .optional(),
        description: 'Further options.',
      },
    ],
    result: { schema: z.object({ amount: z.number() }) },
    handler: (_context: SampleContext, { amount }) => ({ amount: btcAmount(amount) }),
  }),
  defineMethod({
    name: 'explode',
    category: 'hidden',
    summary: 'Fails as no handler should.',
    params: [],
    result: { schema: z.null() },
    handler: () => {
      throw new TypeError('secret detail')
    },
  }),
  defineMethod({
    name: 'submitblock',
    category: 'mining',
    summary: 'Takes a block.',
    params: [{ name: 'hexdata', schema: z.string(), description: 'The block.' }],
    result: { schema: z.null() },
    handler: () => null,
  }),
]

/** A clock whose time a test sets. */
export class ManualClock implements Clock {
  nowMs = 1_000
  scheduledCount = 0

  now(): number {
    return this.nowMs
  }

  monotonic(): number {
    return this.nowMs
  }

  schedule(_delayMs: number, action: () => void): { cancel(): void } {
    this.scheduledCount++
    queueMicrotask(action)
    return { cancel: () => {} }
  }
}

/** A log that remembers. */
export class RecordingLog implements Logger {
  readonly lines: { level: string; message: string; fields: unknown }[] = []
  trace = this.#record('trace')
  debug = this.#record('debug')
  info = this.#record('info')
  warn = this.#record('warn')
  error = this.#record('error')

  #record(level: string) {
    return (message: string, fields?: unknown): void => {
      this.lines.push({ level, message, fields })
    }
  }
}
