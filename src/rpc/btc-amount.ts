/** @module Money on the RPC boundary: whole satoshis inside, decimal coins outside, no floats between. */

import { isMoney, SATS_PER_COIN } from '../consensus/index.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** Digits after the point in an amount of coins. */
const DECIMALS = 8
/** The digits of a decimal number, as JSON and JavaScript write it. */
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/
/** An amount is never written with more characters; checked before its digits are read. */
const MAX_AMOUNT_TEXT_LENGTH = 64

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

/** Satoshis that a decimal number of coins stands for; undefined if there are none that fit. */
function parseDecimal(text: string): bigint | undefined {
  if (text.length > MAX_AMOUNT_TEXT_LENGTH) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? []
  if (whole === '') return undefined
  const shift = DECIMALS + Number(exponent) - fraction.length
  const digits = BigInt(whole + fraction)
  const scale = 10n ** BigInt(Math.abs(shift))
  if (shift < 0 && digits % scale !== 0n) return undefined
  const magnitude = shift < 0 ? digits / scale : digits * scale
  return sign === '-' ? -magnitude : magnitude
}

/**
 * Reads coins that a caller gave as a number or a text into satoshis.
 *
 * A JSON number arrives as a double. That is exact enough: amounts up to 21 million coins with eight
 * decimals are further apart than doubles of that size, so the shortest text of the double is what
 * was written.
 *
 * @throws {@link RpcError} -3 if it is no number, has more than eight decimals, or is out of range.
 * @see Bitcoin Core `AmountFromValue`
 */
export function parseBtcAmount(value: unknown): bigint {
  if (typeof value !== 'number' && typeof value !== 'string') {
    throw new RpcError(RPC_CODES.TYPE_ERROR, 'Amount is not a number or string')
  }
  const sats = parseDecimal(String(value))
  if (sats === undefined) throw new RpcError(RPC_CODES.TYPE_ERROR, 'Invalid amount')
  if (!isMoney(sats)) throw new RpcError(RPC_CODES.TYPE_ERROR, 'Amount out of range')
  return sats
}
