/** @module Where mined coins go when nobody said. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, type RandomSource } from '../util/index.ts'
import type { SecretStore } from './platform.ts'

/** Version 0 and a push of 20 bytes. */
const P2WPKH_PREFIX = Uint8Array.of(0x00, 0x14)
const SECRET_KEY_BYTES = 32

/** Draws until it is a key, which the first one always is in practice. */
function createSecretKey(random: RandomSource): Uint8Array {
  for (;;) {
    const key = random.bytes(SECRET_KEY_BYTES)
    if (secp256k1.utils.isValidSecretKey(key)) return key
  }
}

/**
 * The output script of the node's own mining key, which is made on first use and kept as a secret: 32
 * bytes, a secp256k1 private key.
 *
 * @see BIP-0141, "P2WPKH"
 */
export async function loadPayoutScript(
  secrets: SecretStore,
  random: RandomSource,
): Promise<Uint8Array> {
  let key = await secrets.read('miner')
  if (key === undefined) {
    key = createSecretKey(random)
    await secrets.write('miner', key)
  }
  const publicKey = secp256k1.getPublicKey(key, true)
  return concatBytes(P2WPKH_PREFIX, ripemd160(sha256(publicKey)))
}
