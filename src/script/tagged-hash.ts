/** @module Hashes with a purpose in front, so that none can stand for another. */

import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'

/**
 * A hash function that prefixes what it hashes with twice the hash of its tag. That prefix is one SHA-256 block and
 * is hashed once, here.
 *
 * @see BIP-0340, "Design"
 */
export function createTaggedHash(tag: string): (...parts: readonly Uint8Array[]) => Uint8Array {
  const tagHash = sha256(utf8ToBytes(tag))
  const prefixed = sha256.create().update(tagHash).update(tagHash)
  return (...parts) => {
    const hash = prefixed.clone()
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
}
