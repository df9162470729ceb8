/** @module The index of blocks made anew from their stored bodies. */

import {
  ConsensusError,
  type ConsensusParams,
  checkBlock,
  checkProofOfWork,
} from '../consensus/index.ts'
import {
  type BlockHashHex,
  type BlockHeader,
  computeBlockHash,
  decodeBlock,
  toDisplayHex,
} from '../primitives/index.ts'
import { type Clock, DecodeError, equalBytes, type Logger } from '../util/index.ts'
import { BlockTree } from './block-tree.ts'
import { type ChainStore, type StoredBody, StoreError } from './chain-store.ts'
import { toStored } from './pending-entries.ts'

/** Entries that are written at a time. */
const ENTRIES_PER_WRITE = 1_000
const PROGRESS_INTERVAL_MS = 5_000

/** What rebuilding works with. */
export interface RebuildDeps {
  /** Holds bodies, and nothing else. */
  readonly store: ChainStore
  readonly clock: Clock
  readonly log: Logger
}

/** A stored block as far as the index wants to know. */
export interface FoundBlock {
  readonly header: BlockHeader
  readonly hash: StoredBody['hash']
  readonly hashHex: BlockHashHex
  readonly transactionCount: number
}

/** What a stored body is; undefined if it is damaged. */
export function readFoundBlock(
  { hash, bytes }: StoredBody,
  params: ConsensusParams,
): FoundBlock | undefined {
  if (bytes === undefined) return undefined
  const hashHex = toDisplayHex(hash)
  try {
    const block = decodeBlock(bytes)
    const { header, transactions } = block
    if (!equalBytes(computeBlockHash(header), hash)) return undefined
    // Genesis has no proof of work; a block that breaks another rule is found out when it is connected.
    if (hashHex !== toDisplayHex(params.genesisHash)) checkProofOfWork(header, hash, params)
    checkBlock(block)
    return { header, hash, hashHex, transactionCount: transactions.length }
  } catch (error) {
    if (error instanceof DecodeError || error instanceof ConsensusError) return undefined
    throw error
  }
}

/** Reads all bodies. */
async function scan(
  { store, clock, log }: RebuildDeps,
  params: ConsensusParams,
): Promise<{
  readonly found: ReadonlyMap<BlockHashHex, FoundBlock[]>
  readonly damaged: string[]
}> {
  const found = new Map<BlockHashHex, FoundBlock[]>()
  const damaged: string[] = []
  let count = 0
  let toldMs = clock.monotonic()
  for await (const body of store.readBodies()) {
    const block = readFoundBlock(body, params)
    if (block === undefined) damaged.push(toDisplayHex(body.hash))
    else {
      const parent = toDisplayHex(block.header.prevBlockHash)
      const siblings = found.get(parent)
      if (siblings === undefined) found.set(parent, [block])
      else siblings.push(block)
    }
    count += 1
    if (clock.monotonic() - toldMs < PROGRESS_INTERVAL_MS) continue
    toldMs = clock.monotonic()
    log.info('reading stored blocks', { blocks: count })
  }
  return { found, damaged }
}

/**
 * Fills a store that holds only bodies with their entries, so that a chain that is opened on it connects them all
 * again from genesis.
 *
 * What operators declared invalid is forgotten. Of blocks with equal work on different branches, either may come out
 * as the one seen first.
 *
 * @param keepsWhatItCan - Whether to go on without the bodies that are damaged or lack an ancestor; they are fetched
 * from peers.
 * @throws {@link StoreError} `corrupt` if there are such bodies and `keepsWhatItCan` is false.
 */
export async function rebuildIndex(
  deps: RebuildDeps,
  params: ConsensusParams,
  keepsWhatItCan: boolean,
): Promise<void> {
  const { store, clock, log } = deps
  const { found, damaged } = await scan(deps, params)
  const blocks = [...(found.get(toDisplayHex(params.genesis.header.prevBlockHash)) ?? [])].filter(
    ({ hashHex }) => hashHex === toDisplayHex(params.genesisHash),
  )
  // Grows while it is walked: parents before children.
  for (const block of blocks) blocks.push(...(found.get(block.hashHex) ?? []))
  let total = 0
  for (const siblings of found.values()) total += siblings.length
  const orphans = total - blocks.length
  if (!keepsWhatItCan && damaged.length + orphans > 0) {
    throw new StoreError(
      'corrupt',
      `of the stored blocks ${damaged.length} are damaged (${damaged[0] ?? 'none'}) and ${orphans} lack an ancestor: ` +
        'start with --reindex to keep the other ones and fetch these from peers',
      { part: 'blocks' },
    )
  }
  const tree = new BlockTree()
  const entries = blocks.map(({ header, hash, transactionCount }) => {
    const prev = tree.get(toDisplayHex(header.prevBlockHash))
    const entry = tree.add({ header, hash, prev, firstSeenMs: clock.now() })
    tree.markBody(entry, transactionCount)
    return entry
  })
  // The first of them is genesis, which the chain writes itself, with the tip.
  for (let i = 1; i < entries.length; i += ENTRIES_PER_WRITE) {
    await store.writeEntries(entries.slice(i, i + ENTRIES_PER_WRITE).map(toStored))
  }
  if (entries.length <= 1 && damaged.length + orphans === 0) return
  log.warn('rebuilding the chain state from stored blocks', {
    blocks: blocks.length,
    height: entries.reduce((height, entry) => Math.max(height, entry.height), 0),
    damaged: damaged.length,
    orphans,
  })
}
