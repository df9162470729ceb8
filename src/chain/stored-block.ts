/** @module Blocks and undo data read back from the store. */

import type { BlockUndo } from '../consensus/index.ts'
import { type Block, type BlockHash, decodeBlock } from '../primitives/index.ts'
import type { BlockEntry } from './block-entry.ts'
import { type ChainStore, DAMAGE_CURES, StoreError } from './chain-store.ts'
import { decodeUndo } from './coin-codec.ts'

/** The block, or undefined if its body is not stored. */
export async function readStoredBlock(
  store: ChainStore,
  hash: BlockHash,
): Promise<Block | undefined> {
  const bytes = await store.readBody(hash)
  return bytes === undefined ? undefined : decodeBlock(bytes)
}

/** The coins that a block spent, or undefined if it was never connected. */
export async function readStoredUndo(
  store: ChainStore,
  hash: BlockHash,
): Promise<BlockUndo | undefined> {
  const bytes = await store.readUndo(hash)
  return bytes === undefined ? undefined : decodeUndo(bytes)
}

/** A block that has to be there. @throws {@link StoreError} `corrupt` if it is not. */
export async function requireBlock(store: ChainStore, entry: BlockEntry): Promise<Block> {
  const block = await readStoredBlock(store, entry.hash)
  if (block === undefined && entry.isPruned) {
    throw new StoreError(
      'corrupt',
      `block ${entry.hashHex} at height ${entry.height} was pruned, and another branch leaves the chain below it: ` +
        'start with --reindex to fetch everything again',
      { part: 'blocks' },
    )
  }
  if (block === undefined) {
    throw new StoreError(
      'corrupt',
      `the body of block ${entry.hashHex} is missing: ${DAMAGE_CURES.blocks}`,
      {
        part: 'blocks',
      },
    )
  }
  return block
}

/** Undo data that have to be there. @throws {@link StoreError} `corrupt` if they are not. */
export async function requireUndo(store: ChainStore, entry: BlockEntry): Promise<BlockUndo> {
  const undo = await readStoredUndo(store, entry.hash)
  if (undo === undefined) {
    throw new StoreError(
      'corrupt',
      `the undo data of block ${entry.hashHex} are missing: ${DAMAGE_CURES.blocks}`,
      {
        part: 'blocks',
      },
    )
  }
  return undo
}
