/** @module Transactions that are put together by hand. */

import * as z from 'zod'
import {
  decodeTransaction,
  fromDisplayHex,
  type OutPoint,
  SEQUENCE_FINAL,
  type Transaction,
  type TxIn,
  type Txid,
} from '../../primitives/index.ts'
import { ByteReader, DecodeError, decodeHex, isHex } from '../../util/index.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema } from './arguments.ts'
import { OUTPUTS_SCHEMA, parseOutputs } from './payment-arguments.ts'

const UINT32_MAX = 0xffff_ffff
/** Says that it may be replaced, and that its lock time counts. */
const SEQUENCE_REPLACEABLE = SEQUENCE_FINAL - 2
const SEQUENCE_LOCKED = SEQUENCE_FINAL - 1
/** Smallest encoded output: value 8, empty script 1. */
const MIN_OUTPUT_SIZE = 9
const DEFAULT_VERSION = 2
const MAX_VERSION = 3
const MAX_INPUTS = 100_000

/** One input as callers name it. */
export const INPUT_SCHEMA = z.object({
  txid: hashSchema('txid').describe('The transaction.'),
  vout: z.int().describe('The number of its output.'),
  sequence: z.int().optional().describe('The sequence number.'),
  weight: z.int().min(165).max(400_000).optional().describe('Of the signed input.'),
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
    schema: z.boolean().default(true),
    description: 'Whether it says that it may be replaced (BIP-0125).',
  },
  { name: 'version', schema: z.int().default(DEFAULT_VERSION), description: 'The version.' },
] as const

type InputArgument = z.output<typeof INPUT_SCHEMA>

function refuse(message: string): RpcError {
  return new RpcError(RPC_CODES.INVALID_PARAMETER, message)
}

/** The outpoint that a caller named. */
export function toOutPoint({ txid, vout }: InputArgument): OutPoint {
  if (vout < 0) throw refuse('Invalid parameter, vout cannot be negative')
  if (vout > UINT32_MAX) throw refuse('Invalid parameter, vout is too high')
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
  readonly replaceable: boolean
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
  const usual = replaceable ? SEQUENCE_REPLACEABLE : lockedSequence
  return {
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
}

/** Reads a transaction without inputs, whose form is that of no other. */
function readInputless(bytes: Uint8Array): Transaction {
  const reader = new ByteReader(bytes)
  const version = reader.readInt32()
  if (reader.readUint8() !== 0) throw new DecodeError('bad-value', reader.offset, 'it has inputs')
  const outputs = Array.from({ length: reader.readCount(MIN_OUTPUT_SIZE) }, () => ({
    value: reader.readInt64(),
    scriptPubKey: reader.readVarBytes(),
  }))
  const lockTime = reader.readUint32()
  reader.expectEnd()
  return { version, inputs: [], outputs, lockTime }
}

/** Reads a transaction that may lack inputs. @throws {@link RpcError} -22 @see Bitcoin Core `DecodeHexTx` */
export function decodeUnfinished(hex: string, message = 'TX decode failed'): Transaction {
  for (const decode of [decodeTransaction, readInputless]) {
    try {
      if (isHex(hex)) return decode(decodeHex(hex))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }
  throw new RpcError(RPC_CODES.DESERIALIZATION_ERROR, message)
}
