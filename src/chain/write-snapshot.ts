/** @module The coins of a block, from whoever vouches for them, in place of those in the store. */

import { sha256 } from '@noble/hashes/sha2.js'
import { type Clock, equalBytes } from '../util/index.ts'
import type { BlockEntry } from './block-entry.ts'
import type { BlockTree } from './block-tree.ts'
import { type ChainStore, type StoredCoin, StoreError } from './chain-store.ts'
import { toElements } from './hash-coins.ts'
import { MuHash } from './muhash.ts'
import { toStored } from './pending-entries.ts'

/** All coins of a block. */
export interface Snapshot {
  readonly base: BlockEntry
  /** In the order of their outpoints. */
  readonly coins: AsyncIterable<StoredCoin>
  /** SHA-256d of all of them, in internal order. */
  readonly hash: Uint8Array
  readonly tree: BlockTree
}

/**
 * Replaces the coins in a store, and the tip with them. The block and its ancestors count as connected.
 *
 * @returns The running hash of the coins.
 * @throws {@link StoreError} `corrupt` if the coins do not have the hash. The state is condemned then.
 */
export async function writeSnapshot(
  store: ChainStore,
  clock: Clock,
  { base, coins, hash, tree }: Snapshot,
): Promise<Uint8Array> {
  const muhash = MuHash.empty()
  const serialized = sha256.create()
  async function* hashed(): AsyncGenerator<StoredCoin> {
    for await (const stored of toElements(coins, clock)) {
      muhash.insert(stored.element)
      serialized.update(stored.element)
      yield stored
    }
  }
  let utxoHash = new Uint8Array(0)
  await store.replaceCoins(hashed(), () => {
    if (!equalBytes(sha256(serialized.digest()), hash)) {
      throw new StoreError('corrupt', 'the coins of the snapshot have another hash', {
        part: 'state',
      })
    }
    utxoHash = muhash.toState() as Uint8Array<ArrayBuffer>
    const entries = tree.markAssumed(base)
    tree.markStored(base)
    return { hash: base.hash, utxoHash, entries: entries.map(toStored) }
  })
  return utxoHash
}
