/** @module Stored bodies and the entries that tell of them, brought into line after a kill. */

import type { ConsensusParams } from '../consensus/index.ts'
import { type BlockHash, toDisplayHex } from '../primitives/index.ts'
import type { Clock, Logger } from '../util/index.ts'
import type { ActiveChain } from './active-chain.ts'
import type { BlockEntry } from './block-entry.ts'
import type { BlockTree } from './block-tree.ts'
import type { ChainStore } from './chain-store.ts'
import type { PendingEntries } from './pending-entries.ts'
import { type FoundBlock, readFoundBlock } from './rebuild.ts'

/** The parts of a chain that are brought into line. */
export interface AdoptDeps {
  readonly store: ChainStore
  readonly clock: Clock
  readonly log: Logger
  readonly params: ConsensusParams
  readonly tree: BlockTree
  /** Its tip is the stored one. */
  readonly active: ActiveChain
  readonly pending: PendingEntries
}

/** What the bodies in a store are. */
interface Inventory {
  /** Bodies that no entry knows of. */
  readonly strays: readonly BlockHash[]
  /** Bodies that were to be deleted. */
  readonly pruned: readonly BlockHash[]
  /** Entries whose bodies are there. */
  readonly present: ReadonlySet<BlockEntry>
}

async function takeInventory({ store, tree }: AdoptDeps): Promise<Inventory> {
  const strays: BlockHash[] = []
  const pruned: BlockHash[] = []
  const present = new Set<BlockEntry>()
  for await (const hash of store.readBodyHashes()) {
    const entry = tree.get(toDisplayHex(hash))
    if (entry?.isPruned === true) pruned.push(hash)
    else if (entry?.hasBody === true) present.add(entry)
    else strays.push(hash)
  }
  return { strays, pruned, present }
}

/** Takes bodies into the tree whose parents are there, those of one after another. */
async function adoptStrays(deps: AdoptDeps, strays: readonly BlockHash[]): Promise<number> {
  const { store, clock, params, tree, pending } = deps
  const byParent = new Map<string, FoundBlock[]>()
  for (const hash of strays) {
    const bytes = await store.readBody(hash).catch(() => undefined)
    const found = readFoundBlock({ hash, bytes }, params)
    if (found === undefined) continue
    const parent = toDisplayHex(found.header.prevBlockHash)
    byParent.set(parent, [...(byParent.get(parent) ?? []), found])
  }
  const next = new Set(
    [...byParent].flatMap(([parent, found]) => (tree.get(parent) === undefined ? [] : found)),
  )
  // Grows while it is walked.
  for (const found of next) {
    const { header, hash, hashHex, transactionCount } = found
    const prev = tree.get(toDisplayHex(header.prevBlockHash))
    const entry = tree.get(hashHex) ?? tree.add({ header, hash, prev, firstSeenMs: clock.now() })
    pending.addAll(tree.markBody(entry, transactionCount))
    pending.keep(entry)
    if (prev?.isFailed === true) pending.addAll(tree.markFailed(prev))
    for (const child of byParent.get(hashHex) ?? []) next.add(child)
  }
  return next.size
}

/**
 * Brings what was stored and what is known of it into line, where the last use did not end by closing the store:
 * bodies come first, and what tells of them, the tip with it, seconds later. Bodies that no entry knows of are taken
 * into the tree, so that nobody has to send them again; entries whose bodies never reached the disk are marked; bodies
 * that were to be deleted are.
 *
 * @throws {@link StoreError} `io`
 */
export async function adoptBlocks(deps: AdoptDeps): Promise<void> {
  const { store, log, tree, active, pending } = deps
  if (store.wasClosed) return
  const { strays, pruned, present } = await takeInventory(deps)
  let lost = 0
  for (const entry of tree.findBodies(Number.POSITIVE_INFINITY)) {
    // Below the stored tip nothing can be missing but by damage, which is told where it is met.
    if (present.has(entry) || active.has(entry)) continue
    pending.addAll(tree.markPruned(entry, false))
    lost += 1
  }
  const adopted = await adoptStrays(deps, strays)
  if (pruned.length > 0) await store.deleteBlocks(pruned)
  await pending.flush()
  if (adopted + lost + pruned.length === 0) return
  log.warn('blocks and what is known of them were brought into line', {
    adopted,
    lost,
    deleted: pruned.length,
  })
}
