/** @module Bringing a chain up from its store. */

import type { ConsensusParams } from '../consensus/index.ts'
import { encodeBlock, toDisplayHex } from '../primitives/index.ts'
import { type Clock, equalBytes, type Logger } from '../util/index.ts'
import type { ActiveChain } from './active-chain.ts'
import type { BlockEntry } from './block-entry.ts'
import { BlockTree } from './block-tree.ts'
import { type ChainStore, type StoredEntry, type StoredTip, StoreError } from './chain-store.ts'
import type { CoinCache } from './coin-cache.ts'
import { MuHash } from './muhash.ts'
import { toStored } from './pending-entries.ts'
import { rebuildIndex } from './rebuild.ts'

/** The parts of a chain that are filled. */
export interface OpenChainParts {
  readonly store: ChainStore
  readonly clock: Clock
  readonly log: Logger
  readonly coins: CoinCache
  readonly params: ConsensusParams
  readonly tree: BlockTree
  readonly active: ActiveChain
}

/**
 * Loads the tree and the tip from the store, or begins with genesis. Where there are blocks but no tip, because the
 * state was damaged and thrown away, the tree is made anew from the blocks.
 *
 * @param keepsWhatItCan - Whether blocks that are damaged, or lack an ancestor, are left out then.
 * @throws {@link StoreError} `wrong-chain` or `corrupt`.
 */
export async function openChain(parts: OpenChainParts, keepsWhatItCan: boolean): Promise<void> {
  let tip = await parts.store.readTip()
  if (tip === undefined) {
    await rebuildIndex(parts, parts.params, keepsWhatItCan)
    tip = await writeGenesis(parts)
  }
  await load(parts, tip)
}

async function writeGenesis({ store, clock, params }: OpenChainParts): Promise<StoredTip> {
  const { genesis, genesisHash: hash } = params
  const tree = new BlockTree()
  const { header } = genesis
  const entry = tree.add({ header, hash, prev: undefined, firstSeenMs: clock.now() })
  tree.markBody(entry, genesis.transactions.length)
  entry.validity = 'connected'
  entry.wasConnected = true
  await store.writeBody(entry.hash, encodeBlock(genesis))
  // Consensus: genesis' coinbase enters no set of coins, so nobody can ever spend it.
  const tip = { hash, utxoHash: MuHash.empty().toState() }
  await store.writeTip({ ...tip, coins: [], entries: [toStored(entry)] })
  return tip
}

async function load(parts: OpenChainParts, stored: StoredTip): Promise<void> {
  const { store, coins, tree, active } = parts
  let last: BlockEntry | undefined
  for await (const entries of store.readEntries()) {
    for (const entry of entries) last = restore(parts, entry, last)
  }
  const tip = tree.get(toDisplayHex(stored.hash))
  if (tip === undefined) {
    throw new StoreError('corrupt', 'the stored tip is not among the stored headers', {
      part: 'state',
    })
  }
  active.reset(tip)
  // A tip that was declared invalid is left for whatever is best.
  tree.refillCandidates(tip.isFailed ? 0n : tip.chainWork)
  tree.prefer(tip, tip)
  coins.open(stored.utxoHash)
}

/** @param last - Restored before it, and most often its parent. */
function restore(
  { params, tree }: OpenChainParts,
  stored: StoredEntry,
  last: BlockEntry | undefined,
): BlockEntry {
  const { prevBlockHash } = stored.header
  const isNext = last !== undefined && equalBytes(prevBlockHash, last.hash)
  const prev = isNext ? last : tree.get(toDisplayHex(prevBlockHash))
  if (prev === undefined && !equalBytes(stored.hash, params.genesisHash)) {
    const code = stored.height === 0 ? 'wrong-chain' : 'corrupt'
    throw new StoreError(code, `block ${toDisplayHex(stored.hash)} has no parent in the store`, {
      part: 'state',
    })
  }
  return tree.restore(stored, prev)
}
