/** @module Bringing a chain up from its store. */

import type { ConsensusParams } from '../consensus/index.ts'
import { type BlockHash, encodeBlock, toDisplayHex } from '../primitives/index.ts'
import type { ActiveChain } from './active-chain.ts'
import type { BlockTree } from './block-tree.ts'
import { type ChainStore, type StoredEntry, StoreError } from './chain-store.ts'
import { toStored } from './pending-entries.ts'

/** The parts of a chain that are filled. */
export interface OpenChainParts {
  readonly store: ChainStore
  readonly params: ConsensusParams
  readonly tree: BlockTree
  readonly active: ActiveChain
}

/**
 * Loads the tree and the tip from the store, or begins with genesis.
 *
 * @throws {@link StoreError} `wrong-chain` or `corrupt`.
 */
export async function openChain(parts: OpenChainParts, nowMs: number): Promise<void> {
  const tipHash = await parts.store.readTip()
  if (tipHash === undefined) await writeGenesis(parts, nowMs)
  else await load(parts, tipHash)
}

async function writeGenesis(
  { store, params, tree, active }: OpenChainParts,
  nowMs: number,
): Promise<void> {
  const { genesis, genesisHash } = params
  const entry = tree.add({
    header: genesis.header,
    hash: genesisHash,
    prev: undefined,
    firstSeenMs: nowMs,
  })
  tree.markBody(entry, genesis.transactions.length)
  entry.validity = 'connected'
  entry.wasConnected = true
  await store.writeBody(entry.hash, encodeBlock(genesis))
  // Consensus: genesis' coinbase enters no set of coins, so nobody can ever spend it.
  await store.writeTip({ tip: entry.hash, tipHeight: 0, coins: [], entries: [toStored(entry)] })
  active.push(entry)
}

async function load(parts: OpenChainParts, tipHash: BlockHash): Promise<void> {
  const { store, tree, active } = parts
  for await (const stored of store.readEntries()) restore(parts, stored)
  const tip = tree.get(toDisplayHex(tipHash))
  if (tip === undefined) {
    throw new StoreError('corrupt', 'the stored tip is not among the stored headers')
  }
  active.reset(tip)
  tree.prefer(tip, tip)
}

function restore({ params, tree }: OpenChainParts, stored: StoredEntry): void {
  const prev = tree.get(toDisplayHex(stored.header.prevBlockHash))
  if (prev === undefined && toDisplayHex(stored.hash) !== toDisplayHex(params.genesisHash)) {
    const code = stored.height === 0 ? 'wrong-chain' : 'corrupt'
    throw new StoreError(code, `block ${toDisplayHex(stored.hash)} has no parent in the store`)
  }
  tree.restore(stored, prev)
}
