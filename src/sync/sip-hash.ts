/** @module SipHash-2-4: a short hash that nobody can steer who does not know its key. */

/** Size in bytes of a key. */
export const SIP_HASH_KEY_SIZE = 16

const WORD_SIZE = 8
const ROUNDS_PER_WORD = 2
const FINAL_ROUNDS = 4
/** Goes into the third part of the state before the final rounds. */
const FINAL_MARK = 0xff

/** A 64-bit number as two unsigned halves: engines work with these many times faster than with bigints. */
export interface SipHash {
  readonly low: number
  readonly high: number
}

/** Little-endian, with zeros for what is beyond the end. */
function readHalf(bytes: Uint8Array, offset: number): number {
  let half = 0
  for (let i = 3; i >= 0; i--) half = (half << 8) | (bytes[offset + i] ?? 0)
  return half
}

/** What the addition of two 32-bit halves carries into the upper one. */
function carryOf(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31
}

/**
 * Hashes bytes with a key.
 *
 * @param key - {@link SIP_HASH_KEY_SIZE} bytes: k0, then k1, little-endian.
 * @see Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); Bitcoin Core `CSipHasher`
 */
export function computeSipHash(key: Uint8Array, bytes: Uint8Array): SipHash {
  // "somepseudorandomlygeneratedbytes", low and high half of each of the four parts.
  let v0 = 0x70736575 ^ readHalf(key, 0)
  let w0 = 0x736f6d65 ^ readHalf(key, 4)
  let v1 = 0x6e646f6d ^ readHalf(key, 8)
  let w1 = 0x646f7261 ^ readHalf(key, 12)
  let v2 = 0x6e657261 ^ readHalf(key, 0)
  let w2 = 0x6c796765 ^ readHalf(key, 4)
  let v3 = 0x79746573 ^ readHalf(key, 8)
  let w3 = 0x74656462 ^ readHalf(key, 12)
  const lastWord = Math.floor(bytes.length / WORD_SIZE)
  // One turn for each word, the last of which ends in the size, and one for the final rounds.
  for (let word = 0; word <= lastWord + 1; word++) {
    const isFinal = word > lastWord
    const low = isFinal ? 0 : readHalf(bytes, word * WORD_SIZE)
    const size = word === lastWord ? bytes.length << 24 : 0
    const high = isFinal ? 0 : readHalf(bytes, word * WORD_SIZE + 4) | size
    if (isFinal) v2 ^= FINAL_MARK
    v3 ^= low
    w3 ^= high
    for (let round = isFinal ? FINAL_ROUNDS : ROUNDS_PER_WORD; round > 0; round--) {
      // v0 += v1; v1 = v0 ^ (v1 <<< 13); v0 <<<= 32. In each step the halves of the sum come first.
      let sum = (v0 + v1) | 0
      let top = (w0 + w1 + carryOf(v0, v1, sum)) | 0
      let old = v1
      v1 = ((v1 << 13) | (w1 >>> 19)) ^ sum
      w1 = ((w1 << 13) | (old >>> 19)) ^ top
      v0 = top
      w0 = sum
      // v2 += v3; v3 = v2 ^ (v3 <<< 16)
      sum = (v2 + v3) | 0
      w2 = (w2 + w3 + carryOf(v2, v3, sum)) | 0
      v2 = sum
      old = v3
      v3 = ((v3 << 16) | (w3 >>> 16)) ^ v2
      w3 = ((w3 << 16) | (old >>> 16)) ^ w2
      // v0 += v3; v3 = v0 ^ (v3 <<< 21)
      sum = (v0 + v3) | 0
      w0 = (w0 + w3 + carryOf(v0, v3, sum)) | 0
      v0 = sum
      old = v3
      v3 = ((v3 << 21) | (w3 >>> 11)) ^ v0
      w3 = ((w3 << 21) | (old >>> 11)) ^ w0
      // v2 += v1; v1 = v2 ^ (v1 <<< 17); v2 <<<= 32
      sum = (v2 + v1) | 0
      top = (w2 + w1 + carryOf(v2, v1, sum)) | 0
      old = v1
      v1 = ((v1 << 17) | (w1 >>> 15)) ^ sum
      w1 = ((w1 << 17) | (old >>> 15)) ^ top
      v2 = top
      w2 = sum
    }
    v0 ^= low
    w0 ^= high
  }
  return { low: (v0 ^ v1 ^ v2 ^ v3) >>> 0, high: (w0 ^ w1 ^ w2 ^ w3) >>> 0 }
}
