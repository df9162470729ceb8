/** @module Fee rates. */

const BYTES_PER_KVB = 1_000n

/**
 * Satoshis for so many virtual bytes, rounded up.
 *
 * @param rate - Satoshis per 1,000 virtual bytes.
 * @see Bitcoin Core `CFeeRate::GetFee`
 */
export function feeFor(rate: bigint, virtualSize: number): bigint {
  return (rate * BigInt(virtualSize) + BYTES_PER_KVB - 1n) / BYTES_PER_KVB
}

/** Satoshis per 1,000 virtual bytes, rounded down. @param fee - Satoshis. */
export function feeRateOf(fee: bigint, virtualSize: number): bigint {
  return (fee * BYTES_PER_KVB) / BigInt(virtualSize)
}
