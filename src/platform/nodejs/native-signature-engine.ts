/**
 * Signatures by libsecp256k1, compiled for the machine: the addon of the package `secp256k1`.
 *
 * Loads the package's entry `bindings` alone. Its main entry falls back to a curve in JavaScript without a word,
 * which consensus must never meet. The addon knows no BIP-0340; its operations on points verify it in two calls, which
 * takes less than half the time of the library's own function in WebAssembly.
 *
 * @module
 */

import { createRequire } from 'node:module'
import {
  createTaggedHash,
  hasHighS,
  nobleSignatureEngine,
  parseLaxSignature,
  type SignatureEngine,
  type TweakedKey,
} from '../../script/index.ts'
import { equalBytes } from '../../util/index.ts'
import { agreesWithKnownAnswers } from '../signature-self-test.ts'

/** What is used of the package. Each throws for keys and numbers that are none. */
interface Secp256k1Bindings {
  /** Verifies low S alone. */
  ecdsaVerify(compact: Uint8Array, hash: Uint8Array, publicKey: Uint8Array): boolean
  /** Makes a high S low, in place. */
  signatureNormalize(compact: Uint8Array): Uint8Array
  publicKeyTweakAdd(publicKey: Uint8Array, tweak: Uint8Array): Uint8Array
  publicKeyTweakMul(publicKey: Uint8Array, tweak: Uint8Array): Uint8Array
}

const SCALAR_SIZE = 32
const SIGNATURE_SIZE = 64
const COMPRESSED_SIZE = 33
const UNCOMPRESSED_SIZE = 65
const EVEN = 2
const ODD = 3
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

const hashChallenge = createTaggedHash('BIP0340/challenge')

/** A key of 33 bytes for the even point with this x. */
function toEvenKey(xOnly: Uint8Array): Uint8Array {
  const key = new Uint8Array(COMPRESSED_SIZE)
  key[0] = EVEN
  key.set(xOnly, 1)
  return key
}

/** The order less a number of 32 bytes, big-endian; undefined for 0, which no hash is in practice. */
function negate(number: Uint8Array): Uint8Array | undefined {
  let value = 0n
  const view = new DataView(number.buffer, number.byteOffset, number.length)
  for (let i = 0; i < SCALAR_SIZE; i += 8) value = (value << 64n) | view.getBigUint64(i)
  value %= ORDER
  if (value === 0n) return undefined
  let rest = ORDER - value
  const negated = new Uint8Array(SCALAR_SIZE)
  const target = new DataView(negated.buffer)
  for (let i = SCALAR_SIZE - 8; i >= 0; i -= 8) {
    target.setBigUint64(i, rest & 0xffff_ffff_ffff_ffffn)
    rest >>= 64n
  }
  return negated
}

class NativeSignatureEngine implements SignatureEngine {
  readonly #bindings: Secp256k1Bindings

  constructor(bindings: Secp256k1Bindings) {
    this.#bindings = bindings
  }

  verifyEcdsa(publicKey: Uint8Array, signature: Uint8Array, hash: Uint8Array): boolean {
    const { length } = publicKey
    const isKeySize = length === COMPRESSED_SIZE || length === UNCOMPRESSED_SIZE
    if (!isKeySize || hash.length !== SCALAR_SIZE) return false
    const compact = parseLaxSignature(signature)
    if (compact === undefined) return false
    try {
      if (hasHighS(compact)) this.#bindings.signatureNormalize(compact)
      return this.#bindings.ecdsaVerify(compact, hash, publicKey)
    } catch {
      // It is no point of the curve.
      return false
    }
  }

  /** BIP-0340: R = s·G − e·P has to be the even point whose x is the signature's r. */
  verifySchnorr(publicKey: Uint8Array, signature: Uint8Array, hash: Uint8Array): boolean {
    const areSizes = publicKey.length === SCALAR_SIZE && hash.length === SCALAR_SIZE
    if (!areSizes || signature.length !== SIGNATURE_SIZE) return false
    const r = signature.subarray(0, SCALAR_SIZE)
    const minusE = negate(hashChallenge(r, publicKey, hash))
    if (minusE === undefined) return nobleSignatureEngine.verifySchnorr(publicKey, signature, hash)
    try {
      const minusEP = this.#bindings.publicKeyTweakMul(toEvenKey(publicKey), minusE)
      const point = this.#bindings.publicKeyTweakAdd(minusEP, signature.subarray(SCALAR_SIZE))
      // An x of a point is below the field's order, and so is an r that equals it.
      return point[0] === EVEN && equalBytes(point.subarray(1), r)
    } catch {
      // The key is not on the curve, s is not below the order, or the sum is infinity.
      return false
    }
  }

  tweakPublicKey(internalKey: Uint8Array, tweak: Uint8Array): TweakedKey | undefined {
    if (internalKey.length !== SCALAR_SIZE || tweak.length !== SCALAR_SIZE) return undefined
    try {
      const sum = this.#bindings.publicKeyTweakAdd(toEvenKey(internalKey), tweak)
      return { key: Uint8Array.from(sum.subarray(1)), parity: sum[0] === ODD ? 1 : 0 }
    } catch {
      return undefined
    }
  }
}

/**
 * Makes an engine on the addon.
 *
 * @param loadBindings - Loads the package's entry `bindings`.
 * @returns Nothing where the addon is not installed, does not load, or gives a wrong answer.
 */
export function createNativeSignatureEngine(
  loadBindings: () => unknown = () => createRequire(import.meta.url)('secp256k1/bindings'),
): SignatureEngine | undefined {
  try {
    const engine = new NativeSignatureEngine(loadBindings() as Secp256k1Bindings)
    return agreesWithKnownAnswers(engine) ? engine : undefined
  } catch {
    return undefined
  }
}
