/** @module The newest blocks held against the coins, before a node goes on from them. */

import { type Coin, ConsensusError, checkBlock } from '../consensus/index.ts'
import { computeBlockHash, type OutPoint, outPointKey } from '../primitives/index.ts'
import { DecodeError, equalBytes } from '../util/index.ts'
import type { ActiveChain } from './active-chain.ts'
import type { BlockEntry } from './block-entry.ts'
import { type ChainStore, StoreError } from './chain-store.ts'
import { requireBlock } from './stored-block.ts'
import { takeBack } from './take-back.ts'

/** So many blocks are looked through at every start. Bitcoin Core does six. @see Bitcoin Core `DEFAULT_CHECKBLOCKS` */
const CHECKED_BLOCKS = 144
/** Fewer if they are large: no more transactions than this are looked at, but for those of the last block. */
const CHECKED_TRANSACTIONS = 5_000

/**
 * Takes the newest blocks back in memory, one after another, and compares what they made and spent with the stored
 * coins.
 *
 * @param active - Its tip is the stored one.
 * @throws {@link StoreError} `corrupt` if a body or undo data are missing or damaged, or the coins are not those of
 * the tip.
 * @see Bitcoin Core `CVerifyDB::VerifyDB`, levels 1 to 3
 */
export async function checkNewestBlocks(store: ChainStore, active: ActiveChain): Promise<void> {
  const changed = new Map<string, Coin | undefined>()
  const read = async (outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> => {
    const stored = await store.readCoins(outPoints)
    return outPoints.map((outPoint, i) => {
      const key = outPointKey(outPoint)
      return changed.has(key) ? changed.get(key) : stored[i]
    })
  }
  let transactions = 0
  for (let i = 0; i < CHECKED_BLOCKS && transactions < CHECKED_TRANSACTIONS; i++) {
    const entry = active.at(active.tip.height - i)
    if (entry === undefined || entry.height === 0 || entry.isPruned) return
    const block = await requireIntactBlock(store, entry)
    transactions += block.transactions.length
    const changes = [...(await takeBack(block, entry, store, read)).changes()]
    await checkSpent(entry, changes, read)
    for (const { outPoint, coin } of changes) changed.set(outPointKey(outPoint), coin)
  }
}

/** The block of an entry. @throws {@link StoreError} `corrupt` if there is another one, or part of one, in its place. */
async function requireIntactBlock(store: ChainStore, entry: BlockEntry) {
  try {
    const block = await requireBlock(store, entry)
    checkBlock(block)
    if (equalBytes(computeBlockHash(block.header), entry.hash)) return block
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof ConsensusError)) throw error
  }
  throw new StoreError(
    'corrupt',
    `the stored body of block ${entry.hashHex} is not what it was: start with --reindex`,
    {
      part: 'blocks',
    },
  )
}

/** What a block spent must not be there any more. */
async function checkSpent(
  entry: BlockEntry,
  changes: readonly { readonly outPoint: OutPoint; readonly coin: Coin | undefined }[],
  read: (outPoints: readonly OutPoint[]) => Promise<readonly (Coin | undefined)[]>,
): Promise<void> {
  const spent = changes.filter(({ coin }) => coin !== undefined)
  const coins = await read(spent.map(({ outPoint }) => outPoint))
  if (coins.every((coin) => coin === undefined)) return
  throw new StoreError('corrupt', `coins that block ${entry.hashHex} spent are still there`, {
    part: 'state',
  })
}
