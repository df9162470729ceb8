/** @module Whether a transaction is valid on top of the tip, and worth relaying. */

import type { BlockEntry, Chain, ScriptChecker } from '../chain/index.ts'
import { isHeavyCheck, verifyTransactionScripts } from '../chain/index.ts'
import {
  areSequenceLocksMet,
  type Coin,
  ConsensusError,
  checkTransaction,
  checkTransactionInputs,
  computeSigopsCost,
  findSpentCoins,
  isFinal,
} from '../consensus/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  computeWtxid,
  hasWitness,
  isCoinbase,
  type OutPoint,
  outPointKey,
  type Transaction,
  type TxidHex,
  toDisplayHex,
} from '../primitives/index.ts'
import { ScriptError, type SignatureEngine, STANDARD_SCRIPT_FLAGS } from '../script/index.ts'
import {
  checkDustIsSpent,
  checkEphemeralDust,
  checkStandardInputs,
  checkStandardTransaction,
  MAX_STANDARD_TX_WEIGHT,
} from './check-standard.ts'
import { feeFor, MIN_RELAY_FEE_SATS_PER_KVB } from './fee-rate.ts'
import { collectRelatives, WaitingTransaction } from './mempool-entry.ts'
import { MempoolError, MissingInputsError } from './mempool-error.ts'
import { checkReplacement, collectReplaced } from './replacement.ts'
import { checkSigopsPolicy } from './sigops-policy.ts'
import { checkTruc, TRUC_VERSION } from './truc.ts'
import type { WaitingTransactions } from './waiting-transactions.ts'

/** How many unconfirmed ancestors, itself included, a transaction may have. */
export const MAX_ANCESTORS = 25
/** How many unconfirmed descendants, itself included, a transaction may have. */
export const MAX_DESCENDANTS = 25
/** Virtual bytes that a transaction may have with its ancestors, or with its descendants. */
export const MAX_FAMILY_SIZE = 101_000
/** A child that may come beside what the limits allow, to raise the fee. @see Bitcoin Core `EXTRA_DESCENDANT_TX_SIZE_LIMIT` */
const MAX_EXTRA_CHILD_SIZE = 10_000
/** Virtual bytes that a signature operation counts for at the least. @see Bitcoin Core `DEFAULT_BYTES_PER_SIGOP` */
const BYTES_PER_SIGOP = 20
const WEIGHT_PER_VIRTUAL_BYTE = 4
/** Beyond this, a tenth of a second's work or so, scripts are verified on other threads. */
const HEAVY_SIGOPS_COST = 320

/** What judging works with. */
export interface JudgeDeps {
  readonly chain: Chain
  /** For small transactions. */
  readonly signatures: SignatureEngine
  /** For those that take long. */
  readonly scriptChecker: ScriptChecker
  readonly waiting: WaitingTransactions
}

/** On what grounds a transaction is judged. */
export interface JudgeOptions {
  readonly tip: BlockEntry
  readonly nowMs: number
  readonly requiresStandard: boolean
  /** Satoshis by which mining counts a transaction as paying more, or less. */
  readonly feeDeltaOf: (txid: TxidHex) => bigint
  /** The least fee rate that a full mempool takes, satoshis per 1,000 virtual bytes; undefined if fees are not asked. */
  readonly minFeeRate: bigint | undefined
  /** What whoever sends it would not pay, satoshis per 1,000 virtual bytes; undefined for no limit. */
  readonly maxFeeRate: bigint | undefined
  /** Whether it may push others out. */
  readonly mayReplace: boolean
  /** Transactions that count as if they waited. */
  readonly before: ReadonlyMap<TxidHex, WaitingTransaction>
}

/** A transaction that may be taken. */
export interface Candidate {
  readonly entry: WaitingTransaction
  /** Those that have to go for it, with all that need them. */
  readonly replaced: ReadonlySet<WaitingTransaction>
}

/**
 * Checks that a fee is enough to be relayed.
 *
 * @param fee - Satoshis as mining counts them.
 * @param minFeeRate - The least that a full mempool takes, satoshis per 1,000 virtual bytes.
 * @throws {@link MempoolError} `mempool min fee not met` or `min relay fee not met`.
 * @see Bitcoin Core `MemPoolAccept::CheckFeeRate`
 */
export function checkFeeRate(fee: bigint, virtualSize: number, minFeeRate: bigint): void {
  const wanted = feeFor(minFeeRate, virtualSize)
  if (fee < wanted) {
    throw new MempoolError('mempool min fee not met', { fee: Number(fee), wanted: Number(wanted) })
  }
  checkRelayFee(fee, virtualSize)
}

function checkRelayFee(fee: bigint, virtualSize: number): void {
  const wanted = feeFor(MIN_RELAY_FEE_SATS_PER_KVB, virtualSize)
  if (fee >= wanted) return
  throw new MempoolError('min relay fee not met', { fee: Number(fee), wanted: Number(wanted) })
}

/** What a transaction has to pay, and may pay at most. */
function checkOwnFee(
  { version }: Transaction,
  modifiedFee: bigint,
  virtualSize: number,
  { minFeeRate, maxFeeRate }: JudgeOptions,
): void {
  if (minFeeRate !== undefined) checkFeeRate(modifiedFee, virtualSize, minFeeRate)
  // Others, once taken, might stay without those that paid for them.
  else if (version !== TRUC_VERSION) checkRelayFee(modifiedFee, virtualSize)
  if (maxFeeRate === undefined || modifiedFee <= feeFor(maxFeeRate, virtualSize)) return
  throw new MempoolError('max feerate exceeded')
}

/**
 * Judges a transaction as if its like had come from a peer; keeps nothing.
 *
 * @throws {@link ConsensusError} if it breaks a rule of consensus.
 * @throws {@link MempoolError} if policy declines it.
 * @see Bitcoin Core `MemPoolAccept::PreChecks`
 */
export async function judgeTransaction(
  tx: Transaction,
  deps: JudgeDeps,
  options: JudgeOptions,
): Promise<Candidate> {
  const { tip, requiresStandard, nowMs } = options
  checkForm(tx, deps, options)
  const txid = toDisplayHex(computeTxid(tx))
  const wtxid = toDisplayHex(computeWtxid(tx))
  checkUnknown(txid, wtxid, deps.waiting)
  const conflicts = findConflicts(tx, deps.waiting)
  if (conflicts.size > 0 && !options.mayReplace) {
    throw new MempoolError('bip125-replacement-disallowed')
  }
  const height = tip.height + 1
  const spent = await findSpent(tx, height, deps, options)
  const fee = checkInputs(tx, spent, tip, deps)
  if (requiresStandard) checkStandardInputs(tx, spent)
  const sigopsCost = computeSigopsCost(tx, spent, STANDARD_SCRIPT_FLAGS)
  checkSigopsPolicy(tx, spent, sigopsCost)
  const { weight, totalSize } = computeTransactionSize(tx)
  const virtualSize = Math.ceil(
    Math.max(weight, sigopsCost * BYTES_PER_SIGOP) / WEIGHT_PER_VIRTUAL_BYTE,
  )
  const feeDelta = options.feeDeltaOf(txid)
  const modifiedFee = fee + feeDelta
  checkOwnFee(tx, modifiedFee, virtualSize, options)
  if (requiresStandard) checkEphemeralDust(tx, fee, modifiedFee)
  const parents = findParents(tx, deps.waiting, options.before)
  if (requiresStandard) checkDustIsSpent(tx, parents)
  const ancestors = collectAncestors(parents)
  const { mayReplace, before } = options
  const question = { tx, txid, wtxid, virtualSize, ancestors, conflicts, mayReplace }
  const sibling = checkTruc({ ...question, beside: before.values() })
  if (sibling !== undefined) conflicts.add(sibling)
  const replaced = collectReplaced(txid, conflicts)
  checkFamily(virtualSize, ancestors, replaced, options.before.size)
  if (conflicts.size > 0) {
    checkReplacement(
      { tx, txid, conflicts, parents, ancestors, modifiedFee, virtualSize },
      replaced,
    )
  }
  await checkScripts(tx, spent, sigopsCost, deps)
  const entry = new WaitingTransaction({
    tx,
    txid,
    wtxid,
    fee,
    feeDelta,
    weight,
    virtualSize,
    size: totalSize,
    sigopsCost,
    parents,
    height: tip.height,
    addedMs: nowMs,
  })
  return { entry, replaced }
}

/** What needs no coins. */
function checkForm(
  tx: Transaction,
  { chain }: JudgeDeps,
  { tip, requiresStandard }: JudgeOptions,
): void {
  checkTransaction(tx)
  if (isCoinbase(tx)) throw new MempoolError('coinbase')
  if (requiresStandard) checkStandardTransaction(tx)
  else {
    const { weight } = computeTransactionSize(tx)
    if (weight > MAX_STANDARD_TX_WEIGHT) throw new MempoolError('tx-size', { weight })
  }
  const height = tip.height + 1
  if (!isFinal(tx, height, tip.medianTimePast)) throw new MempoolError('non-final')
  if (height < chain.params.deployments.segwit && hasWitness(tx)) {
    throw new MempoolError('no-witness-yet')
  }
}

function checkUnknown(txid: TxidHex, wtxid: TxidHex, waiting: WaitingTransactions): void {
  const known = waiting.get(txid)
  if (known === undefined) return
  throw new MempoolError(
    known.wtxid === wtxid ? 'txn-already-in-mempool' : 'txn-same-nonwitness-data-in-mempool',
  )
}

function findConflicts(tx: Transaction, waiting: WaitingTransactions): Set<WaitingTransaction> {
  const conflicts = new Set<WaitingTransaction>()
  for (const { prevout } of tx.inputs) {
    const spender = waiting.getSpender(prevout)
    if (spender !== undefined) conflicts.add(spender)
  }
  return conflicts
}

function findParents(
  tx: Transaction,
  waiting: WaitingTransactions,
  before: JudgeOptions['before'],
): ReadonlySet<WaitingTransaction> {
  const parents = new Set<WaitingTransaction>()
  for (const { prevout } of tx.inputs) {
    const txid = toDisplayHex(prevout.txid)
    const parent = waiting.get(txid) ?? before.get(txid)
    if (parent !== undefined) parents.add(parent)
  }
  return parents
}

function collectAncestors(
  parents: ReadonlySet<WaitingTransaction>,
): ReadonlySet<WaitingTransaction> {
  const ancestors = new Set<WaitingTransaction>()
  for (const parent of parents) {
    for (const ancestor of collectRelatives(parent, 'parents')) ancestors.add(ancestor)
  }
  return ancestors
}

/**
 * @param replaced - Count no more.
 * @param beside - Transactions that would come with it, and may have the same ancestors.
 * @see Bitcoin Core `CTxMemPool::CalculateMemPoolAncestors`
 */
function checkFamily(
  virtualSize: number,
  ancestors: ReadonlySet<WaitingTransaction>,
  replaced: ReadonlySet<WaitingTransaction>,
  beside: number,
): void {
  let size = virtualSize
  for (const ancestor of ancestors) size += ancestor.virtualSize
  let isTooLarge = ancestors.size + 1 > MAX_ANCESTORS || size > MAX_FAMILY_SIZE
  const isExtra = ancestors.size === 1 && virtualSize <= MAX_EXTRA_CHILD_SIZE
  for (const ancestor of ancestors) {
    let { count, virtualSize: total } = ancestor.descendants
    for (const gone of replaced) {
      if (!collectRelatives(gone, 'parents').has(ancestor)) continue
      count -= 1
      total -= gone.virtualSize
    }
    isTooLarge ||= count + beside + 1 > MAX_DESCENDANTS + (isExtra ? 1 : 0)
    isTooLarge ||= total + virtualSize > MAX_FAMILY_SIZE + (isExtra ? MAX_EXTRA_CHILD_SIZE : 0)
  }
  if (isTooLarge) throw new MempoolError('too-long-mempool-chain')
}

async function findSpent(
  tx: Transaction,
  height: number,
  { chain, waiting }: JudgeDeps,
  { before }: JudgeOptions,
): Promise<readonly Coin[]> {
  const confirmed = await chain.readCoins(tx.inputs.map((input) => input.prevout))
  const coins = new Map<string, Coin>()
  const missing = new Set<TxidHex>()
  let missingPrevout: OutPoint | undefined
  for (const [i, { prevout }] of tx.inputs.entries()) {
    const parentId = toDisplayHex(prevout.txid)
    const parent = (waiting.get(parentId) ?? before.get(parentId))?.tx
    const output = parent?.outputs[prevout.vout]
    const coin = output === undefined ? confirmed[i] : { output, height, isCoinbase: false }
    if (coin !== undefined) coins.set(outPointKey(prevout), coin)
    else {
      missingPrevout ??= prevout
      if (parent === undefined) missing.add(parentId)
    }
  }
  if (missingPrevout !== undefined) {
    throw new MissingInputsError([...missing], { prevout: outPointKey(missingPrevout) })
  }
  return findSpentCoins(tx, (outPoint) => coins.get(outPointKey(outPoint)))
}

/** @returns The fee in satoshis. */
function checkInputs(
  tx: Transaction,
  spent: readonly Coin[],
  tip: BlockEntry,
  { chain }: JudgeDeps,
): bigint {
  const height = tip.height + 1
  const medianTimePastAt = (at: number) => tip.getAncestor(at)?.medianTimePast ?? 0
  if (!areSequenceLocksMet(tx, spent, height, tip.medianTimePast, medianTimePastAt)) {
    throw new MempoolError('non-BIP68-final')
  }
  return checkTransactionInputs(tx, spent, height, chain.params)
}

async function checkScripts(
  tx: Transaction,
  spent: readonly Coin[],
  sigopsCost: number,
  { signatures, scriptChecker }: JudgeDeps,
): Promise<void> {
  const spentOutputs = spent.map((coin) => coin.output)
  const check = { tx, spentOutputs, flags: STANDARD_SCRIPT_FLAGS }
  const isHeavy = sigopsCost > HEAVY_SIGOPS_COST || isHeavyCheck(check)
  try {
    if (isHeavy) await scriptChecker.verify([check], { isHeavy })
    else verifyTransactionScripts(check, signatures)
  } catch (error) {
    const isRefusal = error instanceof ScriptError || error instanceof ConsensusError
    if (!isRefusal) throw error
    const reason = error instanceof ScriptError ? error.reason : error.data['reason']
    throw new MempoolError('mempool-script-verify-flag-failed', { reason: `${reason}` })
  }
}
