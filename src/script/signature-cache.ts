/** @module Signatures that were verified once need not be verified again when their transaction comes in a block. */

import { sha256 } from '@noble/hashes/sha2.js'
import { LruMap } from '../util/index.ts'
import type { SignatureEngine } from './signature-engine.ts'

/** How many signatures are remembered: those of a full mempool's next blocks, in some 10 MB. */
export const MAX_CACHED_SIGNATURES = 65_536

type SignatureKind = 'ecdsa' | 'schnorr'
const KIND_BYTES: Readonly<Record<SignatureKind, number>> = { ecdsa: 0x45, schnorr: 0x53 }
/** Lengths are written in two bytes: anything longer is not remembered. */
const MAX_PART_SIZE = 0xffff

/**
 * Names a verification by everything that its outcome depends on.
 *
 * @returns SHA-256 of the kind and of key, signature and hash, each with its length in front, as a text of 32
 * characters; undefined for parts longer than any that verify.
 */
function nameSignature(
  kind: SignatureKind,
  publicKey: Uint8Array,
  signature: Uint8Array,
  hash: Uint8Array,
): string | undefined {
  const parts = [publicKey, signature, hash]
  if (parts.some((part) => part.length > MAX_PART_SIZE)) return undefined
  const preimage = new Uint8Array(parts.reduce((size, part) => size + 2 + part.length, 1))
  preimage[0] = KIND_BYTES[kind]
  let offset = 1
  for (const part of parts) {
    preimage[offset] = part.length & 0xff
    preimage[offset + 1] = part.length >> 8
    preimage.set(part, offset + 2)
    offset += 2 + part.length
  }
  return String.fromCharCode(...sha256(preimage))
}

/**
 * Remembers signatures that are valid. Those that are not are forgotten: whoever makes them up at no cost must not
 * push out what others have signed.
 *
 * @see Bitcoin Core `CSignatureCache`
 */
export class SignatureCache {
  readonly #valid: LruMap<string, true>

  constructor(maxSignatures = MAX_CACHED_SIGNATURES) {
    this.#valid = new LruMap(maxSignatures)
  }

  /** How many signatures are remembered. */
  get size(): number {
    return this.#valid.size
  }

  /**
   * An engine that looks here first.
   *
   * @param remembers - Whether it also adds what it finds valid. Verifying blocks does not: a signature in a
   * block is rarely seen again.
   */
  createEngine(engine: SignatureEngine, remembers: boolean): SignatureEngine {
    return this.#createEngine(engine, (name, verify) => {
      const isValid = verify()
      if (isValid && remembers) this.#valid.set(name, true)
      return isValid
    })
  }

  /**
   * An engine that only looks here. It breaks the rule that engines never throw, to end a verification that would
   * need more than what is remembered.
   *
   * @param engine - For what is never remembered: tweaks.
   */
  createRecallEngine(engine: SignatureEngine): SignatureEngine {
    return this.#createEngine(engine, () => {
      throw new SignatureNotCached()
    })
  }

  #createEngine(
    engine: SignatureEngine,
    onUnknown: (name: string, verify: () => boolean) => boolean,
  ): SignatureEngine {
    const lookUp = (name: string | undefined, verify: () => boolean): boolean => {
      if (name === undefined) return verify()
      return this.#valid.get(name) === true || onUnknown(name, verify)
    }
    return {
      verifyEcdsa: (key, signature, hash) =>
        lookUp(nameSignature('ecdsa', key, signature, hash), () =>
          engine.verifyEcdsa(key, signature, hash),
        ),
      verifySchnorr: (key, signature, hash) =>
        lookUp(nameSignature('schnorr', key, signature, hash), () =>
          engine.verifySchnorr(key, signature, hash),
        ),
      tweakPublicKey: (key, tweak) => engine.tweakPublicKey(key, tweak),
    }
  }
}

/** A verification needs a signature that is not remembered. Says nothing about the signature. */
export class SignatureNotCached extends Error {
  override readonly name = 'SignatureNotCached'
  readonly code = 'signature-not-cached'
}
