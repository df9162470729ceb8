/** @module MuHash: a hash of a set to which elements are added and removed in any order. */

import { chacha20 } from '@noble/ciphers/chacha.js'
import { sha256 } from '@noble/hashes/sha2.js'

/** Bytes of a product, and so of a stored {@link MuHash}. */
export const MUHASH_STATE_SIZE = 384
const BITS = BigInt(MUHASH_STATE_SIZE * 8)
/** The largest prime below 2^3072 that is safe lies so far below it. @see Bitcoin Core `Num3072` */
const PRIME_DIFFERENCE = 1_103_717n
const PRIME = (1n << BITS) - PRIME_DIFFERENCE
const MASK = (1n << BITS) - 1n

const NONCE = new Uint8Array(12)
const ZEROS = new Uint8Array(MUHASH_STATE_SIZE)
const HEX_RADIX = 16
const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(HEX_RADIX).padStart(2, '0'),
)

/** A product of two numbers below the prime. 2^3072 and the difference are the same modulo the prime. */
function multiply(a: bigint, b: bigint): bigint {
  let product = a * b
  product = (product & MASK) + (product >> BITS) * PRIME_DIFFERENCE
  product = (product & MASK) + (product >> BITS) * PRIME_DIFFERENCE
  return product >= PRIME ? product - PRIME : product
}

/** The number whose product with another is 1, by the extended Euclidean algorithm. */
function invert(value: bigint): bigint {
  let [remainder, next] = [PRIME, value]
  let [factor, nextFactor] = [0n, 1n]
  while (next !== 0n) {
    const quotient = remainder / next
    ;[remainder, next] = [next, remainder - quotient * next]
    ;[factor, nextFactor] = [nextFactor, factor - quotient * nextFactor]
  }
  return factor < 0n ? factor + PRIME : factor
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  let hex = '0x'
  for (let i = bytes.length - 1; i >= 0; i--) hex += HEX_BYTES[bytes[i] ?? 0]
  return BigInt(hex)
}

function toLittleEndian(value: bigint): Uint8Array {
  const hex = value.toString(HEX_RADIX).padStart(2 * MUHASH_STATE_SIZE, '0')
  const bytes = new Uint8Array(MUHASH_STATE_SIZE)
  for (let i = 0; i < bytes.length; i++) {
    const end = hex.length - 2 * i
    bytes[i] = Number.parseInt(hex.slice(end - 2, end), HEX_RADIX)
  }
  return bytes
}

/** Blows an element up to a number that nobody can choose. */
function toNumber(element: Uint8Array): bigint {
  const value = fromLittleEndian(chacha20(sha256(element), NONCE, ZEROS))
  return value >= PRIME ? value - PRIME : value
}

/**
 * A running hash of a set. Equal sets have equal hashes, however they came about.
 *
 * @see Bitcoin Core `MuHash3072`
 */
export class MuHash {
  #product: bigint
  /** Of what was removed and is not divided out yet: one division costs as much as a thousand products. */
  #removed = 1n

  private constructor(product: bigint) {
    this.#product = product
  }

  /** The hash of the empty set. */
  static empty(): MuHash {
    return new MuHash(1n)
  }

  /** @param state - What {@link toState} gave: {@link MUHASH_STATE_SIZE} bytes, little-endian. */
  static fromState(state: Uint8Array): MuHash {
    return new MuHash(fromLittleEndian(state))
  }

  insert(element: Uint8Array): void {
    this.#product = multiply(this.#product, toNumber(element))
  }

  remove(element: Uint8Array): void {
    this.#removed = multiply(this.#removed, toNumber(element))
  }

  /** Everything that is needed to go on: {@link MUHASH_STATE_SIZE} bytes, little-endian. */
  toState(): Uint8Array {
    if (this.#removed !== 1n) {
      this.#product = multiply(this.#product, invert(this.#removed))
      this.#removed = 1n
    }
    return toLittleEndian(this.#product)
  }

  /** The hash: 32 bytes in internal order. */
  digest(): Uint8Array {
    return sha256(this.toState())
  }
}
