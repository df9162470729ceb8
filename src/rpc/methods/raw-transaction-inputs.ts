/** @module Transactions that are put together by hand. */

import * as z from 'zod'
import {
  fromDisplayHex,
  type OutPoint,
  SEQUENCE_FINAL,
  type Transaction,
  type TxIn,
  type Txid,
} from '../../primitives/index.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, int32Schema } from './arguments.ts'
import { OUTPUTS_SCHEMA, parseOutputs } from './payment-arguments.ts'

const UINT32_MAX = 0xffff_ffff
/** Says that it may be replaced, and that its lock time counts. */
const SEQUENCE_REPLACEABLE = SEQUENCE_FINAL - 2
const SEQUENCE_LOCKED = SEQUENCE_FINAL - 1
const DEFAULT_VERSION = 2
const MAX_VERSION = 3
const MAX_INPUTS = 100_000

const NO_TXID = 'JSON value of type null is not of expected type string'
const NO_WEIGHT = 'Invalid parameter, missing weight key'
const NO_VOUT = 'Invalid parameter, missing vout key'

/** One input as callers name it. @see Bitcoin Core `AddInputs` */
export const INPUT_SCHEMA = z.object({
  txid: hashSchema('txid', {
    error: ({ input }) => (input === undefined ? NO_TXID : undefined),
  }).describe('The transaction.'),
  vout: int32Schema({
    error: ({ input }) => (typeof input === 'number' ? undefined : NO_VOUT),
  }).describe('The number of its output.'),
  sequence: z.int().optional().describe('The sequence number.'),
  weight: z
    .int({ error: ({ input }) => (typeof input === 'number' ? undefined : NO_WEIGHT) })
    .optional()
    .describe('Of the signed input, where the wallet does not know it.'),
})

/** The parameters of `createrawtransaction` and `createpsbt`. */
export const CREATE_PARAMS = [
  {
    name: 'inputs',
    schema: z.array(INPUT_SCHEMA).max(MAX_INPUTS),
    description: 'What to spend.',
  },
  { name: 'outputs', schema: OUTPUTS_SCHEMA, description: 'Coins by address, or data.' },
  { name: 'locktime', schema: z.int().default(0), description: 'The lock time.' },
  {
    name: 'replaceable',
    schema: z.boolean().optional(),
    description:
      'Whether it says that it may be replaced (BIP-0125); by default it does, unless sequence numbers say otherwise.',
  },
  { name: 'version', schema: z.int().default(DEFAULT_VERSION), description: 'The version.' },
] as const

type InputArgument = z.output<typeof INPUT_SCHEMA>

function refuse(message: string): RpcError {
  return new RpcError(RPC_CODES.INVALID_PARAMETER, message)
}

/** The outpoint that a caller named. */
export function toOutPoint({ txid, vout }: Pick<InputArgument, 'txid' | 'vout'>): OutPoint {
  if (vout < 0) throw refuse('Invalid parameter, vout cannot be negative')
  return { txid: fromDisplayHex<Txid>(txid), vout }
}

/** The sequence number that a caller named. */
export function checkSequence(sequence: number | undefined): number | undefined {
  if (sequence === undefined || (sequence >= 0 && sequence <= UINT32_MAX)) return sequence
  throw refuse('Invalid parameter, sequence number is out of range')
}

/** What a transaction is to be. */
export interface TransactionArguments {
  readonly inputs: readonly InputArgument[]
  readonly outputs: z.output<typeof OUTPUTS_SCHEMA>
  readonly locktime: number
  /** Undefined if nobody says: then it is, unless sequence numbers say otherwise. */
  readonly replaceable: boolean | undefined
  readonly version: number
}

/** Puts a transaction together. @see Bitcoin Core `ConstructTransaction` */
export function constructTransaction(
  context: RpcContext,
  { inputs, outputs, locktime, replaceable, version }: TransactionArguments,
): Transaction {
  if (locktime < 0 || locktime > UINT32_MAX) {
    throw refuse('Invalid parameter, locktime out of range')
  }
  if (version < 1 || version > MAX_VERSION) {
    throw refuse(`Invalid parameter, version out of range(1~${MAX_VERSION})`)
  }
  const lockedSequence = locktime === 0 ? SEQUENCE_FINAL : SEQUENCE_LOCKED
  const usual = (replaceable ?? true) ? SEQUENCE_REPLACEABLE : lockedSequence
  const tx: Transaction = {
    version,
    inputs: inputs.map(
      (input): TxIn => ({
        prevout: toOutPoint(input),
        scriptSig: new Uint8Array(),
        sequence: checkSequence(input.sequence) ?? usual,
        witness: [],
      }),
    ),
    outputs: parseOutputs(context, outputs).outputs,
    lockTime: locktime,
  }
  const isFinal = tx.inputs.every(({ sequence }) => sequence > SEQUENCE_REPLACEABLE)
  if (replaceable === true && tx.inputs.length > 0 && isFinal) {
    throw refuse('Invalid parameter combination: Sequence number(s) contradict replaceable option')
  }
  return tx
}
