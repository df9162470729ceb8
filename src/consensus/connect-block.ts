/** @module Applying a block to the unspent outputs, and taking it back. */

import {
  type Block,
  type BlockHash,
  type BlockHashHex,
  computeTxid,
  isCoinbase,
  type Transaction,
  type TxOut,
  toDisplayHex,
} from '../primitives/index.ts'
import {
  type ScriptFlags,
  VERIFY_CHECKLOCKTIMEVERIFY,
  VERIFY_CHECKSEQUENCEVERIFY,
  VERIFY_DERSIG,
  VERIFY_NONE,
  VERIFY_NULLDUMMY,
  VERIFY_P2SH,
  VERIFY_TAPROOT,
  VERIFY_WITNESS,
} from '../script/index.ts'
import { InvariantError } from '../util/index.ts'
import { computeSubsidy, isMoney } from './amount.ts'
import { MAX_BLOCK_SIGOPS_COST } from './check-block.ts'
import {
  areSequenceLocksMet,
  checkTransactionInputs,
  computeSigopsCost,
  findSpentCoins,
} from './check-inputs.ts'
import type { Coin, CoinsView } from './coin.ts'
import { ConsensusError } from './errors.ts'
import type { ConsensusParams } from './params/consensus-params.ts'

/** From this height BIP-0034 no longer rules out equal txids. @see Bitcoin Core `BIP34_IMPLIES_BIP30_LIMIT` */
const BIP34_IMPLIES_BIP30_LIMIT = 1_983_702

/** One transaction whose scripts are yet to be verified. */
export interface ScriptCheck {
  readonly tx: Transaction
  /** The outputs that its inputs spend, in their order. */
  readonly spentOutputs: readonly TxOut[]
  readonly flags: ScriptFlags
}

/** Where a block stands when it is connected. */
export interface ConnectContext {
  readonly height: number
  readonly hash: BlockHash
  /** Whether unspent outputs must not be overwritten: {@link isBip30Enforced}. */
  readonly enforcesBip30: boolean
  /** Of the parent, in Unix seconds. */
  readonly parentMedianTimePast: number
  /** Of the block at a height on this branch, in Unix seconds. */
  readonly medianTimePastAt: (height: number) => number
  readonly params: ConsensusParams
}

/** What is needed to take a block back: for each transaction but the coinbase, the coins it spent. */
export type BlockUndo = readonly (readonly Coin[])[]

/** What connecting leaves behind. The changes are in the view. */
export interface ConnectResult {
  readonly undo: BlockUndo
  /** Satoshis. */
  readonly fees: bigint
  /** The block counts as valid only once all of these hold. */
  readonly scriptChecks: readonly ScriptCheck[]
}

/**
 * The script rules that bind in a block.
 *
 * @see Bitcoin Core `GetBlockScriptFlags`
 */
export function computeBlockScriptFlags(
  height: number,
  hash: BlockHash,
  params: ConsensusParams,
): ScriptFlags {
  const { deployments } = params
  let flags = VERIFY_P2SH | VERIFY_WITNESS | VERIFY_TAPROOT
  const exception = params.scriptFlagExceptions[toDisplayHex(hash)]
  if (exception === 'none') flags = VERIFY_NONE
  if (exception === 'p2sh-witness') flags = VERIFY_P2SH | VERIFY_WITNESS
  if (height >= deployments.bip66) flags |= VERIFY_DERSIG
  if (height >= deployments.bip65) flags |= VERIFY_CHECKLOCKTIMEVERIFY
  if (height >= deployments.csv) flags |= VERIFY_CHECKSEQUENCEVERIFY
  if (height >= deployments.segwit) flags |= VERIFY_NULLDUMMY
  return flags as ScriptFlags
}

/**
 * Tells whether a block must be looked through for outputs that overwrite unspent ones (BIP-0030).
 *
 * BIP-0034 makes them impossible only if no earlier coinbase names a later height: because all of them name their
 * own, or because the chain up to then is known.
 *
 * @param hashAtBip34 - Of the ancestor at the height of BIP-0034, if there is one.
 * @see Bitcoin Core `ConnectBlock`, `fEnforceBIP30`
 */
export function isBip30Enforced(
  height: number,
  hash: BlockHash,
  hashAtBip34: BlockHashHex | undefined,
  params: ConsensusParams,
): boolean {
  if (params.bip30Exceptions.includes(toDisplayHex(hash))) return false
  if (params.deployments.bip34 <= 1) return false
  const isKnown = hashAtBip34 !== undefined && hashAtBip34 === params.bip34Hash
  return !isKnown || height >= BIP34_IMPLIES_BIP30_LIMIT
}

function checkNoOverwrite(block: Block, view: CoinsView): void {
  for (const tx of block.transactions) {
    const txid = computeTxid(tx)
    const overwrites = tx.outputs.some((_, vout) => view.get({ txid, vout }) !== undefined)
    if (overwrites) throw new ConsensusError('bad-txns-BIP30', { txid: toDisplayHex(txid) })
  }
}

/** Adds a transaction's outputs to the view. */
function addOutputs(tx: Transaction, height: number, view: CoinsView): void {
  const txid = computeTxid(tx)
  for (const [vout, output] of tx.outputs.entries()) {
    view.add({ txid, vout }, { output, height, isCoinbase: isCoinbase(tx) })
  }
}

/** Spends a transaction's inputs; returns its coins and fee. */
function connectTransaction(
  tx: Transaction,
  view: CoinsView,
  context: ConnectContext,
): { readonly spent: readonly Coin[]; readonly fee: bigint } {
  const { height, params, parentMedianTimePast, medianTimePastAt } = context
  const spent = findSpentCoins(tx, (outPoint) => view.get(outPoint))
  const fee = checkTransactionInputs(tx, spent, height, params)
  const bindsSequence = height >= params.deployments.csv
  if (
    bindsSequence &&
    !areSequenceLocksMet(tx, spent, height, parentMedianTimePast, medianTimePastAt)
  ) {
    throw new ConsensusError('bad-txns-nonfinal')
  }
  for (const input of tx.inputs) view.spend(input.prevout)
  return { spent, fee }
}

/**
 * Applies a block to a view and collects the script checks that are left to do.
 *
 * @param block - Passed `checkBlock` and `contextualCheckBlock`.
 * @param view - Holds every coin that the block's inputs name; changed in place, and useless after an
 * error.
 * @throws {@link ConsensusError} `bad-txns-BIP30`, `bad-txns-inputs-missingorspent`,
 * `bad-txns-premature-spend-of-coinbase`, `bad-txns-inputvalues-outofrange`, `bad-txns-in-belowout`,
 * `bad-txns-accumulated-fee-outofrange`, `bad-txns-nonfinal`, `bad-blk-sigops` or `bad-cb-amount`
 * (all reject).
 * @see Bitcoin Core `Chainstate::ConnectBlock`
 */
export function connectBlock(
  block: Block,
  view: CoinsView,
  context: ConnectContext,
): ConnectResult {
  const { height, hash, params } = context
  const flags = computeBlockScriptFlags(height, hash, params)
  if (context.enforcesBip30) checkNoOverwrite(block, view)
  const undo: (readonly Coin[])[] = []
  const scriptChecks: ScriptCheck[] = []
  let fees = 0n
  let sigopsCost = 0
  for (const [index, tx] of block.transactions.entries()) {
    let spent: readonly Coin[] = []
    if (index > 0) {
      const connected = connectTransaction(tx, view, context)
      spent = connected.spent
      fees += connected.fee
      if (!isMoney(fees)) throw new ConsensusError('bad-txns-accumulated-fee-outofrange')
      undo.push(spent)
      scriptChecks.push({ tx, spentOutputs: spent.map((coin) => coin.output), flags })
    }
    sigopsCost += computeSigopsCost(tx, spent, flags)
    if (sigopsCost > MAX_BLOCK_SIGOPS_COST) {
      throw new ConsensusError('bad-blk-sigops', { sigopsCost })
    }
    addOutputs(tx, height, view)
  }
  const minted = block.transactions[0]?.outputs.reduce((sum, { value }) => sum + value, 0n) ?? 0n
  const reward = fees + computeSubsidy(height, params)
  if (minted > reward) {
    throw new ConsensusError('bad-cb-amount', {
      minted: minted.toString(),
      reward: reward.toString(),
    })
  }
  return { undo, fees, scriptChecks }
}

/**
 * Takes a connected block back: the exact inverse of {@link connectBlock}.
 *
 * @param view - Changed in place; its base may be empty.
 * @throws {@link InvariantError} if the undo data are not of this block.
 * @see Bitcoin Core `Chainstate::DisconnectBlock`
 */
export function disconnectBlock(block: Block, undo: BlockUndo, view: CoinsView): void {
  if (undo.length !== block.transactions.length - 1) {
    throw new InvariantError('undo data have another number of transactions than their block')
  }
  for (let index = block.transactions.length - 1; index >= 0; index--) {
    const tx = block.transactions[index] as Transaction
    const txid = computeTxid(tx)
    for (const vout of tx.outputs.keys()) view.remove({ txid, vout })
    if (index === 0) continue
    const spent = undo[index - 1] ?? []
    if (spent.length !== tx.inputs.length) {
      throw new InvariantError('undo data have another number of inputs than their transaction')
    }
    for (const [i, input] of tx.inputs.entries()) view.add(input.prevout, spent[i] as Coin)
  }
}
