/** @module Compact bits, targets, work and difficulty. */

/** The largest 256-bit number. */
const MAX_UINT256 = (1n << 256n) - 1n
const TWO_TO_256 = 1n << 256n

/** What compact bits stand for. */
export interface DecodedBits {
  /** The magnitude, even if `isNegative`; the low 256 bits if `isOverflow`. */
  readonly target: bigint
  readonly isNegative: boolean
  readonly isOverflow: boolean
}

/**
 * Expands compact bits: one byte of exponent, 23 bits of mantissa, one bit of sign.
 *
 * @see Bitcoin Core `arith_uint256::SetCompact`
 */
export function decodeBits(bits: number): DecodedBits {
  const size = bits >>> 24
  const word = bits & 0x007f_ffff
  const shifted = size <= 3 ? word >>> (8 * (3 - size)) : word
  const target = size <= 3 ? BigInt(shifted) : BigInt(word) << BigInt(8 * (size - 3))
  return {
    target: target & MAX_UINT256,
    isNegative: shifted !== 0 && (bits & 0x0080_0000) !== 0,
    isOverflow:
      shifted !== 0 && (size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32)),
  }
}

/**
 * Writes a target as compact bits, dropping all but its top 23 or so bits.
 *
 * @param target - Not negative, below 2^256.
 * @see Bitcoin Core `arith_uint256::GetCompact`
 */
export function encodeBits(target: bigint): number {
  let size = Math.ceil(target.toString(16).length / 2)
  if (target === 0n) size = 0
  let word =
    size <= 3 ? Number(target << BigInt(8 * (3 - size))) : Number(target >> BigInt(8 * (size - 3)))
  if ((word & 0x0080_0000) !== 0) {
    word >>>= 8
    size += 1
  }
  return ((size << 24) | word) >>> 0
}

/**
 * The target that `bits` stand for, if a header may carry them on a chain with this limit.
 *
 * @returns The target, or undefined if negative, zero, overflowing or above `powLimit`.
 * @see Bitcoin Core `DeriveTarget`
 */
export function deriveTarget(bits: number, powLimit: bigint): bigint | undefined {
  const { target, isNegative, isOverflow } = decodeBits(bits)
  if (isNegative || isOverflow || target === 0n || target > powLimit) return undefined
  return target
}

/**
 * Expected number of hashes that a block with these bits takes.
 *
 * @returns 0 for bits that no header may carry.
 * @see Bitcoin Core `GetBlockProof`
 */
export function computeWork(bits: number): bigint {
  const { target, isNegative, isOverflow } = decodeBits(bits)
  if (isNegative || isOverflow || target === 0n) return 0n
  return TWO_TO_256 / (target + 1n)
}

/** Exponent of the easiest target on mainnet, in bytes. */
const DIFFICULTY_ONE_SIZE = 29
const DIFFICULTY_ONE_MANTISSA = 0xffff

/**
 * How many times harder than mainnet's easiest. For people: no rule looks at it. Computed in the same
 * steps as Bitcoin Core does, so that the same float comes out.
 *
 * @see Bitcoin Core `GetDifficulty`
 */
export function computeDifficulty(bits: number): number {
  const mantissa = bits & 0x00ff_ffff
  if (mantissa === 0) return 0
  const shift = DIFFICULTY_ONE_SIZE - (bits >>> 24)
  return (DIFFICULTY_ONE_MANTISSA / mantissa) * 256 ** shift
}

/** A hash as the number that proof of work compares: little-endian. */
export function hashToNumber(hash: Uint8Array): bigint {
  let number = 0n
  for (let i = hash.length - 1; i >= 0; i--) number = (number << 8n) | BigInt(hash[i] ?? 0)
  return number
}

/** A 256-bit number as 32 little-endian bytes. */
export function targetToBytes(target: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  let rest = target
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** A target as people write it: 64 hex digits, most significant first. */
export function targetToHex(target: bigint): string {
  return target.toString(16).padStart(64, '0')
}

/** Bits as people write them: 8 hex digits. */
export function bitsToHex(bits: number): string {
  return bits.toString(16).padStart(8, '0')
}
