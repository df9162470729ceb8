/** @module Money on the RPC boundary: whole satoshis inside, decimal coins outside, no floats between. */

import * as z from 'zod'
import { isMoney, SATS_PER_COIN } from '../consensus/index.ts'
import { JsonNumber } from './exact-json.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** Digits after the point in an amount of coins. */
const DECIMALS = 8
/** A decimal number as JSON has it. */
const DECIMAL = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/
/** An amount is never written with more characters; checked before its digits are read. */
const MAX_AMOUNT_TEXT_LENGTH = 1_000
/** Amounts have fewer digits than fit into 64 bits. */
const MAX_DIGITS = 18

/** An amount of money inside a result. Written as a JSON number with eight decimals. */
export class BtcAmount {
  readonly sats: bigint

  constructor(sats: bigint) {
    this.sats = sats
  }

  /**
   * The number's text: coins, always eight decimals, never an exponent.
   *
   * @see Bitcoin Core `ValueFromAmount`
   */
  toString(): string {
    const isNegative = this.sats < 0n
    const magnitude = isNegative ? -this.sats : this.sats
    const fraction = (magnitude % SATS_PER_COIN).toString().padStart(DECIMALS, '0')
    return `${isNegative ? '-' : ''}${magnitude / SATS_PER_COIN}.${fraction}`
  }
}

/** Marks satoshis for output as coins: `btcAmount(10_000_000n)` is written as `0.10000000`. */
export function btcAmount(sats: bigint): BtcAmount {
  return new BtcAmount(sats)
}

/**
 * The whole number that a decimal one stands for, in units of `decimals` digits; undefined if there is none.
 *
 * @see Bitcoin Core `ParseFixedPoint`
 */
function parseDecimal(text: string, decimals: number): bigint | undefined {
  if (text.length > MAX_AMOUNT_TEXT_LENGTH) return undefined
  const [, sign, whole, fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? []
  if (whole === undefined) return undefined
  const digits = (whole === '0' ? '' : whole) + fraction
  const mantissa = digits.replace(/0+$/, '')
  const shift = decimals + Number(exponent) - fraction.length + (digits.length - mantissa.length)
  if (shift < 0 || shift >= MAX_DIGITS) return undefined
  const magnitude = BigInt(mantissa) * 10n ** BigInt(shift)
  if (magnitude >= 10n ** BigInt(MAX_DIGITS)) return undefined
  return sign === '-' ? -magnitude : magnitude
}

/** Coins, or a fee rate, as a number or a text. The digits of a number are those that were sent. */
export type Amount = number | string | JsonNumber

function isAmount(value: unknown): value is Amount {
  return typeof value === 'number' || typeof value === 'string' || value instanceof JsonNumber
}

/** Schema of an {@link Amount}: read it with {@link parseBtcAmount}. */
export const AMOUNT_SCHEMA = z
  .custom<Amount>(isAmount, 'Amount is not a number or string')
  .meta({ anyOf: [{ type: 'number' }, { type: 'string' }] }) as z.ZodType<Amount, number | string>

/**
 * Reads a number or a text from a caller into units of `decimals` digits after the point.
 *
 * @throws {@link RpcError} -3 if it is no number, has more digits than that, or is out of range.
 * @see Bitcoin Core `AmountFromValue`
 */
export function parseFixedPoint(value: unknown, decimals: number): bigint {
  if (!isAmount(value)) {
    throw new RpcError(RPC_CODES.TYPE_ERROR, 'Amount is not a number or string')
  }
  const sats = parseDecimal(String(value), decimals)
  if (sats === undefined) throw new RpcError(RPC_CODES.TYPE_ERROR, 'Invalid amount')
  if (!isMoney(sats)) throw new RpcError(RPC_CODES.TYPE_ERROR, 'Amount out of range')
  return sats
}

/** Reads coins into satoshis. @throws {@link RpcError} as {@link parseFixedPoint} */
export function parseBtcAmount(value: unknown): bigint {
  return parseFixedPoint(value, DECIMALS)
}
