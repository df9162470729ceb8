/** @module Where in the address book an address may stand: what one network, or one source, can fill of it. */

import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { PeerId } from '../sync/index.ts'
import {
  ADDRESS_BUCKET_SIZE,
  NEW_BUCKETS,
  NEW_BUCKETS_PER_SOURCE,
  TRIED_BUCKETS,
  TRIED_BUCKETS_PER_GROUP,
} from './limits.ts'

/**
 * Computes slots from a secret, so that nobody can aim at one.
 *
 * @see Bitcoin Core `AddrInfo::GetNewBucket`, `GetTriedBucket`, `GetBucketPosition`
 */
export class AddressSlots {
  readonly #secret: Uint8Array

  /** @param secret - Random, kept over restarts. */
  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** The slot of an address that we were told of: what one source tells goes into few buckets. */
  newSlot(group: string, sourceGroup: string, id: PeerId): number {
    const spread = this.#hash('source', sourceGroup, group) % NEW_BUCKETS_PER_SOURCE
    const bucket = this.#hash('new', sourceGroup, String(spread)) % NEW_BUCKETS
    return this.#slot('new', bucket, id)
  }

  /** The slot of an address that we were connected to: those of one network go into few buckets. */
  triedSlot(group: string, id: PeerId): number {
    const spread = this.#hash('peer', id) % TRIED_BUCKETS_PER_GROUP
    const bucket = this.#hash('tried', group, String(spread)) % TRIED_BUCKETS
    return this.#slot('tried', bucket, id)
  }

  #slot(table: string, bucket: number, id: PeerId): number {
    const position = this.#hash('position', table, String(bucket), id) % ADDRESS_BUCKET_SIZE
    return bucket * ADDRESS_BUCKET_SIZE + position
  }

  /** 32 bits of a keyed hash. */
  #hash(...parts: readonly string[]): number {
    const digest = sha256
      .create()
      .update(this.#secret)
      .update(utf8ToBytes(JSON.stringify(parts)))
      .digest()
    return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
  }
}
