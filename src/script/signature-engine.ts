/** @module The port through which signatures are verified, and its adapter over `@noble/curves`. */

import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToNumberBE } from '@noble/curves/utils.js'
import { parseLaxSignature } from './signature-encoding.ts'

/** A tweaked public key. */
export interface TweakedKey {
  /** 32 bytes, x only. */
  readonly key: Uint8Array
  /** 1 if Y is odd. */
  readonly parity: 0 | 1
}

/**
 * Verifies signatures. Never throws: what cannot be parsed is not valid. Calls depend on nothing but their
 * arguments, which are not changed or kept.
 */
export interface SignatureEngine {
  /**
   * @param publicKey - Compressed, uncompressed or hybrid.
   * @param signature - DER without the hash type byte, read leniently. High S is accepted, as consensus does.
   * @param hash - 32 bytes.
   * @see Bitcoin Core `CPubKey::Verify`
   */
  verifyEcdsa(publicKey: Uint8Array, signature: Uint8Array, hash: Uint8Array): boolean
  /**
   * @param publicKey - 32 bytes, x only.
   * @param signature - 64 bytes.
   * @param hash - 32 bytes.
   * @see BIP-0340
   */
  verifySchnorr(publicKey: Uint8Array, signature: Uint8Array, hash: Uint8Array): boolean
  /**
   * Adds a multiple of the generator to a key. Undefined if the key is not on the curve, the tweak not below the
   * order, or the sum infinity.
   *
   * @param internalKey - 32 bytes, x only.
   * @param tweak - 32 bytes.
   * @see BIP-0341, `taproot_tweak_pubkey`
   */
  tweakPublicKey(internalKey: Uint8Array, tweak: Uint8Array): TweakedKey | undefined
}

const UNCOMPRESSED = 4
const HYBRID_EVEN = 6
const HYBRID_ODD = 7
const UNCOMPRESSED_SIZE = 65
/** Of x-only keys too. */
const SCALAR_SIZE = 32

/**
 * Turns a hybrid public key, which consensus accepts and most libraries do not, into an uncompressed one.
 *
 * @returns Keys of other kinds as they are; undefined for a hybrid key whose prefix does not tell Y's parity.
 */
export function normalizePublicKey(publicKey: Uint8Array): Uint8Array | undefined {
  const [prefix] = publicKey
  const isHybrid = prefix === HYBRID_EVEN || prefix === HYBRID_ODD
  if (publicKey.length !== UNCOMPRESSED_SIZE || !isHybrid) return publicKey
  const isOdd = ((publicKey[UNCOMPRESSED_SIZE - 1] ?? 0) & 1) === 1
  if (isOdd !== (prefix === HYBRID_ODD)) return undefined
  const uncompressed = Uint8Array.from(publicKey)
  uncompressed[0] = UNCOMPRESSED
  return uncompressed
}

/** Signatures by `@noble/curves`: audited, and right before fast. */
export const nobleSignatureEngine: SignatureEngine = {
  verifyEcdsa(publicKey, signature, hash) {
    const key = normalizePublicKey(publicKey)
    const compact = parseLaxSignature(signature)
    if (key === undefined || compact === undefined) return false
    try {
      const options = { prehash: false, lowS: false, format: 'compact' } as const
      return secp256k1.verify(compact, hash, key, options)
    } catch {
      return false
    }
  },
  verifySchnorr(publicKey, signature, hash) {
    try {
      return schnorr.verify(signature, hash, publicKey)
    } catch {
      return false
    }
  },
  tweakPublicKey(internalKey, tweak) {
    if (internalKey.length !== SCALAR_SIZE || tweak.length !== SCALAR_SIZE) return undefined
    const { Point, utils } = schnorr
    const scalar = bytesToNumberBE(tweak)
    if (scalar >= Point.Fn.ORDER) return undefined
    try {
      const point = utils.lift_x(bytesToNumberBE(internalKey))
      const sum = point.add(Point.BASE.multiplyUnsafe(scalar))
      if (sum.is0()) return undefined
      const [prefix, ...key] = sum.toBytes(true)
      return { key: Uint8Array.from(key), parity: prefix === 3 ? 1 : 0 }
    } catch {
      return undefined
    }
  },
}
