/** @module The key pair that makes a node itself. */

import {
  generateKeyPairFromSeed,
  privateKeyFromProtobuf,
  privateKeyToProtobuf,
} from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeerId } from '../sync/index.ts'
import { DecodeError, type RandomSource } from '../util/index.ts'

const ED25519_SEED_BYTES = 32

/** Makes a new Ed25519 key pair and encodes it as libp2p's protobuf. Secret: store it readable to its owner alone. */
export async function generateIdentity(random: Pick<RandomSource, 'bytes'>): Promise<Uint8Array> {
  const seed = random.bytes(ED25519_SEED_BYTES)
  return privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', seed))
}

/**
 * The peer id of an encoded private key.
 *
 * @throws {@link DecodeError} `bad-value` if the bytes are not a private key.
 */
export function peerIdFromIdentity(identity: Uint8Array): PeerId {
  return peerIdFromPrivateKey(decodeIdentity(identity)).toString()
}

/**
 * Decodes what {@link generateIdentity} made.
 *
 * @throws {@link DecodeError} `bad-value` if the bytes are not a private key.
 */
export function decodeIdentity(identity: Uint8Array): PrivateKey {
  try {
    return privateKeyFromProtobuf(identity)
  } catch {
    // The cause is left out on purpose: no part of a key belongs into a log.
    throw new DecodeError('bad-value', 0, 'not a libp2p private key')
  }
}

/** Tells whether bytes are what {@link generateIdentity} makes. */
export function isIdentity(identity: Uint8Array): boolean {
  try {
    decodeIdentity(identity)
    return true
  } catch {
    return false
  }
}
