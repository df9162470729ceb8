/** @module What methods that pay are told: amounts, whom, and at what fee. */

import * as z from 'zod'
import { MAX_DATA_CARRIER_BYTES } from '../../mempool/index.ts'
import type { TxOut } from '../../primitives/index.ts'
import { pushData } from '../../script/index.ts'
import { concatBytes, decodeHex, isHex } from '../../util/index.ts'
import { parseBtcAmount } from '../btc-amount.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodePayeeAddress } from './payee-argument.ts'

/** Coins, as a number or a text. */
export const AMOUNT_SCHEMA = z.union([z.number(), z.string()])

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
/** Satoshis for a virtual byte have at most three decimals, so that they are whole for a thousand. */
const FEE_RATE = /^(\d{1,10})(?:\.(\d{1,3}))?$/

/** What was said about the fee. */
export interface FeeChoice {
  /** Satoshis per 1,000 virtual bytes; undefined if it is to be estimated. */
  readonly feeRate: bigint | undefined
  readonly targetBlocks: number | undefined
  readonly isConservative: boolean
}

function parseFeeRate(value: number | string): bigint {
  const [, whole = '', fraction = ''] = FEE_RATE.exec(String(value)) ?? []
  if (whole === '') throw new RpcError(RPC_CODES.TYPE_ERROR, 'Invalid amount')
  return BigInt(whole) * 1_000n + BigInt(fraction.padEnd(3, '0'))
}

/** Reads what was said about the fee. @see Bitcoin Core `SetFeeEstimateMode` */
export function parseFeeChoice(
  target: number | undefined,
  givenMode: string,
  rate: number | string | undefined,
): FeeChoice {
  const mode = givenMode.toLowerCase()
  const refuse = (message: string): RpcError => new RpcError(RPC_CODES.INVALID_PARAMETER, message)
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
    feeRate: rate === undefined ? undefined : parseFeeRate(rate),
    targetBlocks: target,
    isConservative: mode === 'conservative',
  }
}

const NO_PAIR = 'Invalid parameter, key-value pair not an object as expected'

/** Outputs as an object of addresses and amounts, or as a list of such. */
export const OUTPUTS_SCHEMA = z.union([
  z.array(z.record(z.string(), AMOUNT_SCHEMA, { error: NO_PAIR })).max(100_000),
  z.record(z.string(), AMOUNT_SCHEMA),
])

/** An output with data in place of an address. @see Bitcoin Core `ParseOutputs` */
function createDataOutput(data: unknown): TxOut {
  if (typeof data !== 'string' || !isHex(data)) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      `Data must be hexadecimal string (not '${String(data).slice(0, 100)}')`,
    )
  }
  if (data.length > 2 * MAX_DATA_CARRIER_BYTES) {
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

/** Reads whom to pay, and what. @throws {@link RpcError} -5, -8, -3 */
export function parseOutputs(
  { params }: RpcContext,
  given: z.output<typeof OUTPUTS_SCHEMA>,
): NamedOutputs {
  const refuse = (message: string): RpcError => new RpcError(RPC_CODES.INVALID_PARAMETER, message)
  const pairs = (Array.isArray(given) ? given : [given]).flatMap((item) => {
    const entries = Object.entries(item)
    if (Array.isArray(given) && entries.length !== 1) {
      throw refuse('Invalid parameter, key-value pair must contain exactly one key')
    }
    return entries
  })
  const names = new Set<string>()
  const outputs = pairs.map(([name, value]) => {
    if (names.has(name)) {
      throw refuse(
        name === 'data'
          ? 'Invalid parameter, duplicate key: data'
          : `Invalid parameter, duplicated address: ${name}`,
      )
    }
    names.add(name)
    if (name === 'data') return createDataOutput(value)
    const message = `Invalid Bitcoin address: ${name}`
    const scriptPubKey = decodePayeeAddress(name, params.addressPrefixes, message)
    return { value: parseBtcAmount(value), scriptPubKey }
  })
  return { outputs, names: [...names] }
}
