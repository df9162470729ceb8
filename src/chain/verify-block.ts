/** @module A block's transactions judged against the coins of its parent. */

import {
  type BlockUndo,
  type Coin,
  CoinsView,
  type ConsensusParams,
  connectBlock,
  isBip30Enforced,
} from '../consensus/index.ts'
import {
  type Block,
  type BlockHash,
  computeTxid,
  type OutPoint,
  outPointKey,
} from '../primitives/index.ts'
import type { BlockEntry } from './block-entry.ts'
import type { ChainStore } from './chain-store.ts'
import type { ScriptChecker } from './script-checker.ts'

/** What verification works with. */
export interface VerifyBlockDeps {
  readonly store: ChainStore
  readonly scriptChecker: ScriptChecker
  readonly params: ConsensusParams
}

/** What a valid block does. */
export interface VerifiedBlock {
  /** Holds the coins that change. */
  readonly view: CoinsView
  readonly undo: BlockUndo
}

/**
 * Verifies transactions and scripts of a block on the stored tip.
 *
 * @param parent - The entry of the stored tip.
 * @throws {@link ConsensusError} for the first rule that it breaks.
 * @see Bitcoin Core `Chainstate::ConnectBlock`
 */
export async function verifyBlock(
  block: Block,
  hash: BlockHash,
  parent: BlockEntry,
  { store, scriptChecker, params }: VerifyBlockDeps,
): Promise<VerifiedBlock> {
  const height = parent.height + 1
  const hashAtBip34 = parent.getAncestor(params.deployments.bip34)?.hashHex
  const enforcesBip30 = isBip30Enforced(height, hash, hashAtBip34, params)
  const view = new CoinsView(await loadCoins(block, enforcesBip30, store))
  const { undo, scriptChecks } = connectBlock(block, view, {
    height,
    hash,
    enforcesBip30,
    parentMedianTimePast: parent.medianTimePast,
    medianTimePastAt: (at) => parent.getAncestor(at)?.medianTimePast ?? 0,
    params,
  })
  await scriptChecker.verify(scriptChecks)
  return { view, undo }
}

/** The coins in the store that a block's inputs name, and with BIP-0030 those it would overwrite. */
async function loadCoins(
  block: Block,
  overwrites: boolean,
  store: ChainStore,
): Promise<Map<string, Coin>> {
  const wanted: OutPoint[] = []
  for (const [index, tx] of block.transactions.entries()) {
    if (index > 0) for (const input of tx.inputs) wanted.push(input.prevout)
    if (!overwrites) continue
    const txid = computeTxid(tx)
    for (const vout of tx.outputs.keys()) wanted.push({ txid, vout })
  }
  const coins = await store.readCoins(wanted)
  const found = new Map<string, Coin>()
  for (const [i, outPoint] of wanted.entries()) {
    const coin = coins[i]
    if (coin !== undefined) found.set(outPointKey(outPoint), coin)
  }
  return found
}
