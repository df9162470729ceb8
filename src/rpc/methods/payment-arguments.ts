/** @module What methods that pay are told: amounts, whom, and at what fee. */

import * as z from 'zod'
import { DEFAULT_MEMPOOL_POLICY } from '../../mempool/index.ts'
import type { TxOut } from '../../primitives/index.ts'
import { pushData } from '../../script/index.ts'
import { concatBytes, decodeHex, encodeHex, isHex } from '../../util/index.ts'
import { AMOUNT_SCHEMA, type Amount, parseBtcAmount, parseFixedPoint } from '../btc-amount.ts'
import { type ExactJson, type ExactObject, isJsonObject, membersOf } from '../exact-json.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeAddressArgument } from './address-argument.ts'

/** What owners note about addresses and payments: kept for good, so not without a limit. */
export const NOTE_SCHEMA = z.string().max(1_000)

/** Arguments that decide about the fee, where they are parameters of their own. */
export const FEE_PARAMS = {
  confTarget: {
    name: 'conf_target',
    schema: z.int().optional(),
    description: 'In how many blocks it is to be confirmed.',
  },
  estimateMode: {
    name: 'estimate_mode',
    schema: z.string().default('unset'),
    description: 'unset, economical or conservative.',
  },
  feeRate: {
    name: 'fee_rate',
    schema: AMOUNT_SCHEMA.optional(),
    description: 'Satoshis for each virtual byte.',
  },
} as const

const MODES: ReadonlySet<string> = new Set(['unset', 'economical', 'conservative'])
const MAX_TARGET = 1_008
const OP_RETURN = 0x6a
/** Of satoshis for a virtual byte, so that they are whole for a thousand. */
const FEE_RATE_DECIMALS = 3

/** What was said about the fee. */
export interface FeeChoice {
  /** Satoshis per 1,000 virtual bytes; undefined if it is to be estimated. */
  readonly feeRate: bigint | undefined
  readonly targetBlocks: number | undefined
  readonly isConservative: boolean
}

function refuse(message: string): RpcError {
  return new RpcError(RPC_CODES.INVALID_PARAMETER, message)
}

/** Reads what was said about the fee. @see Bitcoin Core `SetFeeEstimateMode` */
export function parseFeeChoice(
  target: number | undefined,
  givenMode: string,
  rate: Amount | undefined,
): FeeChoice {
  const mode = givenMode.toLowerCase()
  if (rate !== undefined && target !== undefined) {
    throw refuse(
      'Cannot specify both conf_target and fee_rate. Please provide either a confirmation target in blocks for automatic fee estimation, or an explicit fee rate.',
    )
  }
  if (rate !== undefined && mode !== 'unset') {
    throw refuse('Cannot specify both estimate_mode and fee_rate')
  }
  if (!MODES.has(mode)) {
    throw refuse(
      'Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"',
    )
  }
  if (target !== undefined && (target < 1 || target > MAX_TARGET)) {
    throw refuse(`Invalid conf_target, must be between 1 and ${MAX_TARGET}`)
  }
  return {
    feeRate: rate === undefined ? undefined : parseFixedPoint(rate, FEE_RATE_DECIMALS),
    targetBlocks: target,
    isConservative: mode === 'conservative',
  }
}

/** JSON Schema of one address, or `data`, and what it gets. */
const OUTPUT_MAP = {
  type: 'object',
  additionalProperties: { anyOf: [{ type: 'number' }, { type: 'string' }] },
} as const

type Outputs = Readonly<Record<string, number | string>>

/** Schema of outputs by address. They keep their order, and equal ones stay. */
export const OUTPUT_MAP_SCHEMA = z.custom<ExactObject>(isJsonObject).meta(OUTPUT_MAP) as z.ZodType<
  ExactObject,
  Outputs
>

/** Outputs as an object of addresses and amounts, or as a list of such. */
export const OUTPUTS_SCHEMA = z
  .custom<ExactObject | readonly ExactJson[]>(
    (value) => isJsonObject(value) || Array.isArray(value),
  )
  .meta({ anyOf: [{ type: 'array', items: OUTPUT_MAP }, OUTPUT_MAP] }) as z.ZodType<
  ExactObject | readonly ExactJson[],
  Outputs | readonly Outputs[]
>

/** An output with data in place of an address. @see Bitcoin Core `ParseOutputs` */
function createDataOutput(data: unknown): TxOut {
  if (typeof data !== 'string' || !isHex(data)) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      `Data must be hexadecimal string (not '${String(data).slice(0, 100)}')`,
    )
  }
  if (data.length > 2 * DEFAULT_MEMPOOL_POLICY.maxDataCarrierBytes) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Data is too long')
  }
  const scriptPubKey = concatBytes(Uint8Array.of(OP_RETURN), pushData(decodeHex(data)))
  return { value: 0n, scriptPubKey }
}

/** Outputs with the addresses that they were given by. */
export interface NamedOutputs {
  readonly outputs: readonly TxOut[]
  /** The address of each, or `data`. */
  readonly names: readonly string[]
}

/** @see Bitcoin Core `NormalizeOutputs` */
function toPairs(given: ExactObject | readonly ExactJson[]) {
  if (isJsonObject(given)) return membersOf(given)
  return given.flatMap((item) => {
    if (!isJsonObject(item)) {
      throw refuse('Invalid parameter, key-value pair not an object as expected')
    }
    const pairs = membersOf(item)
    if (pairs.length === 1) return pairs
    throw refuse('Invalid parameter, key-value pair must contain exactly one key')
  })
}

/** Reads whom to pay, and what. @throws {@link RpcError} -5, -8, -3 @see Bitcoin Core `ParseOutputs` */
export function parseOutputs(
  { params }: RpcContext,
  given: ExactObject | readonly ExactJson[],
): NamedOutputs {
  const names: string[] = []
  const outputs: TxOut[] = []
  const scripts = new Set<string>()
  let hasData = false
  for (const [name, value] of toPairs(given)) {
    if (name === 'data') {
      if (hasData) throw refuse('Invalid parameter, duplicate key: data')
      hasData = true
      outputs.push(createDataOutput(value))
    } else {
      const sats = parseBtcAmount(value)
      const message = `Invalid Bitcoin address: ${name}`
      const scriptPubKey = decodeAddressArgument(name, params.addressPrefixes, message)
      const script = encodeHex(scriptPubKey)
      // An address can be written in two ways, so its script is what counts.
      if (scripts.has(script)) throw refuse(`Invalid parameter, duplicated address: ${name}`)
      scripts.add(script)
      outputs.push({ value: sats, scriptPubKey })
    }
    names.push(name)
  }
  return { outputs, names }
}
