/** @module Taking a stored block back, and finding out whether the coins are those that it left. */

import { type Coin, CoinsView, disconnectBlock } from '../consensus/index.ts'
import {
  type Block,
  computeTxid,
  type OutPoint,
  outPointKey,
  type TxOut,
} from '../primitives/index.ts'
import { isUnspendable } from '../script/index.ts'
import { equalBytes } from '../util/index.ts'
import type { BlockEntry } from './block-entry.ts'
import { type ChainStore, StoreError } from './chain-store.ts'
import { requireUndo } from './stored-block.ts'

/** Coins at outpoints, in the order asked; undefined where there is none. */
export type ReadCoins = (outPoints: readonly OutPoint[]) => Promise<readonly (Coin | undefined)[]>

/** What a block makes that a later block could spend, but for what it spends itself. */
function listCreated(block: Block): ReadonlyMap<string, { outPoint: OutPoint; output: TxOut }> {
  const created = new Map<string, { outPoint: OutPoint; output: TxOut }>()
  for (const tx of block.transactions) {
    for (const { prevout } of tx.inputs) created.delete(outPointKey(prevout))
    const txid = computeTxid(tx)
    for (const [vout, output] of tx.outputs.entries()) {
      if (isUnspendable(output.scriptPubKey)) continue
      const outPoint = { txid, vout }
      created.set(outPointKey(outPoint), { outPoint, output })
    }
  }
  return created
}

/**
 * Takes a connected block back.
 *
 * @param entry - Of the block, which is the tip.
 * @returns A view with the changes.
 * @throws {@link StoreError} `corrupt` if its undo data are missing or do not fit, or if the coins are not those that
 * the block left.
 * @see Bitcoin Core `Chainstate::DisconnectBlock`
 */
export async function takeBack(
  block: Block,
  entry: BlockEntry,
  store: ChainStore,
  read: ReadCoins,
): Promise<CoinsView> {
  const undo = await requireUndo(store, entry)
  const created = [...listCreated(block).values()]
  const coins = await read(created.map(({ outPoint }) => outPoint))
  const base = new Map<string, Coin>()
  for (const [i, { outPoint, output }] of created.entries()) {
    const coin = coins[i]
    const isOurs =
      coin?.height === entry.height &&
      coin.output.value === output.value &&
      equalBytes(coin.output.scriptPubKey, output.scriptPubKey)
    if (!isOurs) {
      throw new StoreError('corrupt', `the coins do not fit block ${entry.hashHex}`, {
        part: 'state',
      })
    }
    base.set(outPointKey(outPoint), coin)
  }
  const view = new CoinsView(base)
  try {
    disconnectBlock(block, undo, view)
  } catch (error) {
    throw new StoreError(
      'corrupt',
      `the undo data do not fit block ${entry.hashHex}: start with --reindex`,
      {
        cause: error,
        part: 'blocks',
      },
    )
  }
  return view
}
