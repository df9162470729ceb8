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
  toDisplayHex,
} from '../primitives/index.ts'
import type { BlockEntry } from './block-entry.ts'
import type { CoinCache } from './coin-cache.ts'
import type { ScriptChecker } from './script-checker.ts'

/** What verification works with. */
export interface VerifyBlockDeps {
  readonly coins: CoinCache
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
 * Verifies transactions and scripts of a block on the tip.
 *
 * @param parent - The entry of the tip.
 * @param areScriptsKnown - Whether its scripts need not be verified (again).
 * @throws {@link ConsensusError} for the first rule that it breaks.
 * @see Bitcoin Core `Chainstate::ConnectBlock`
 */
export async function verifyBlock(
  block: Block,
  hash: BlockHash,
  parent: BlockEntry,
  { coins, scriptChecker, params }: VerifyBlockDeps,
  areScriptsKnown = false,
): Promise<VerifiedBlock> {
  const height = parent.height + 1
  const hashAtBip34 = parent.getAncestor(params.deployments.bip34)?.hashHex
  const enforcesBip30 = isBip30Enforced(height, hash, hashAtBip34, params)
  // An exception of BIP-0030 overwrites coins, which then have to leave the hash of all coins.
  const overwrites = enforcesBip30 || params.bip30Exceptions.includes(toDisplayHex(hash))
  const view = new CoinsView(await loadCoins(block, overwrites, coins))
  const { undo, scriptChecks } = connectBlock(block, view, {
    height,
    hash,
    enforcesBip30,
    parentMedianTimePast: parent.medianTimePast,
    medianTimePastAt: (at) => parent.getAncestor(at)?.medianTimePast ?? 0,
    params,
  })
  if (!areScriptsKnown) await scriptChecker.verify(scriptChecks)
  return { view, undo }
}

/** The coins that a block's inputs name, and if asked for those it would overwrite. */
async function loadCoins(
  block: Block,
  overwrites: boolean,
  cache: CoinCache,
): Promise<Map<string, Coin>> {
  const wanted: OutPoint[] = []
  for (const [index, tx] of block.transactions.entries()) {
    if (index > 0) for (const input of tx.inputs) wanted.push(input.prevout)
    if (!overwrites) continue
    const txid = computeTxid(tx)
    for (const vout of tx.outputs.keys()) wanted.push({ txid, vout })
  }
  const coins = await cache.read(wanted)
  const found = new Map<string, Coin>()
  for (const [i, outPoint] of wanted.entries()) {
    const coin = coins[i]
    if (coin !== undefined) found.set(outPointKey(outPoint), coin)
  }
  return found
}
