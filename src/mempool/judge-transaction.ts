/** @module Whether a transaction is valid on top of the tip, and worth relaying. */

import type { BlockEntry, ScriptChecker } from '../chain/index.ts'
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
import type { ChainView } from './chain-view.ts'
import {
  checkDustIsSpent,
  checkEphemeralDust,
  checkStandardInputs,
  checkStandardTransaction,
  MAX_STANDARD_TX_WEIGHT,
} from './check-standard.ts'
import { checkFamily } from './family-limits.ts'
import { feeFor } from './fee-rate.ts'
import { collectRelatives, WaitingTransaction } from './mempool-entry.ts'
import { MempoolError, MissingInputsError } from './mempool-error.ts'
import type { MempoolPolicy } from './mempool-policy.ts'
import { checkReplacement, collectReplaced } from './replacement.ts'
import { checkSigopsPolicy } from './sigops-policy.ts'
import { checkTruc, TRUC_VERSION } from './truc.ts'
import type { WaitingTransactions } from './waiting-transactions.ts'

const WEIGHT_PER_VIRTUAL_BYTE = 4
/** Beyond this, a tenth of a second's work or so, scripts are verified on other threads. */
const HEAVY_SIGOPS_COST = 320

/** What judging works with. */
export interface JudgeDeps {
  readonly chain: ChainView
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
  readonly policy: MempoolPolicy
  /** Satoshis by which mining counts a transaction as paying more, or less. */
  readonly feeDeltaOf: (txid: TxidHex) => bigint
  /** The least fee rate that a full mempool takes, satoshis per 1,000 virtual bytes; undefined if fees are not asked. */
  readonly minFeeRate: bigint | undefined
  /** What whoever sends it would not pay, satoshis per 1,000 virtual bytes; undefined for no limit. */
  readonly maxFeeRate: bigint | undefined
  /** Whether it may push others out. */
  readonly mayReplace: boolean
  /**
   * Whether it comes back after a reorganisation: neither its fee nor the rules of version 3 are asked then.
   *
   * @see Bitcoin Core `bypass_limits`
   */
  readonly isReturning: boolean
  /** Whether it may be the one small child beside the limits. */
  readonly mayExceedFamily: boolean
  /** Transactions whose outputs can be spent as if they waited. */
  readonly before: ReadonlyMap<TxidHex, WaitingTransaction>
}

/** A transaction that may be taken. */
export interface Candidate {
  readonly entry: WaitingTransaction
  /** Coins that it spends, in the order of its inputs. */
  readonly spent: readonly Coin[]
  /** Transactions whose outputs it spends and that wait already. */
  readonly waitingParents: ReadonlySet<WaitingTransaction>
  /** Those, with all that they need. */
  readonly waitingAncestors: ReadonlySet<WaitingTransaction>
  /** Those that have to go for it, with all that need them. */
  readonly replaced: ReadonlySet<WaitingTransaction>
}

/**
 * Checks that a fee is enough to be relayed.
 *
 * @param fee - Satoshis as mining counts them.
 * @param minFeeRate - The least that a full mempool takes, satoshis per 1,000 virtual bytes.
 * @param minRelayFeeRate - The least that is ever relayed, in the same unit.
 * @throws {@link MempoolError} `mempool min fee not met` or `min relay fee not met`.
 * @see Bitcoin Core `MemPoolAccept::CheckFeeRate`
 */
export function checkFeeRate(
  fee: bigint,
  virtualSize: number,
  minFeeRate: bigint,
  minRelayFeeRate: bigint,
): void {
  const wanted = feeFor(minFeeRate, virtualSize)
  if (fee < wanted) {
    throw new MempoolError('mempool min fee not met', { fee: Number(fee), wanted: Number(wanted) })
  }
  checkRelayFee(fee, virtualSize, minRelayFeeRate)
}

function checkRelayFee(fee: bigint, virtualSize: number, minRelayFeeRate: bigint): void {
  const wanted = feeFor(minRelayFeeRate, virtualSize)
  if (fee >= wanted) return
  throw new MempoolError('min relay fee not met', { fee: Number(fee), wanted: Number(wanted) })
}

/** What a transaction has to pay, and may pay at most. */
function checkOwnFee(
  { version }: Transaction,
  modifiedFee: bigint,
  virtualSize: number,
  { minFeeRate, maxFeeRate, policy: { minRelayFeeRate } }: JudgeOptions,
): void {
  if (minFeeRate !== undefined) {
    checkFeeRate(modifiedFee, virtualSize, minFeeRate, minRelayFeeRate)
  }
  // Others, once taken, might stay without those that paid for them.
  else if (version !== TRUC_VERSION) checkRelayFee(modifiedFee, virtualSize, minRelayFeeRate)
  if (maxFeeRate === undefined || modifiedFee <= feeFor(maxFeeRate, virtualSize)) return
  throw new MempoolError('max feerate exceeded')
}

/**
 * Judges a transaction as if its like had come from a peer, up to what is checked last: {@link checkSpends} and
 * {@link checkScripts}. Keeps nothing.
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
  const { tip, policy, nowMs } = options
  const { requiresStandard } = policy
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
    Math.max(weight, sigopsCost * policy.bytesPerSigop) / WEIGHT_PER_VIRTUAL_BYTE,
  )
  const feeDelta = options.feeDeltaOf(txid)
  const modifiedFee = fee + feeDelta
  if (!options.isReturning) checkOwnFee(tx, modifiedFee, virtualSize, options)
  if (requiresStandard) checkEphemeralDust(tx, fee, modifiedFee, policy.dustFeeRate)
  const parents = findParents(tx, deps.waiting, options.before)
  const waitingParents = new Set([...parents].filter(({ txid: id }) => !options.before.has(id)))
  checkFamily(
    {
      version: tx.version,
      virtualSize,
      parents: waitingParents,
      conflicts,
      mayExceed: options.mayExceedFamily,
    },
    policy.familyLimits,
  )
  const ancestors = collectAncestors(waitingParents)
  const { mayReplace } = options
  const sibling = options.isReturning
    ? undefined
    : checkTruc({ tx, txid, wtxid, virtualSize, ancestors, conflicts, mayReplace })
  if (sibling !== undefined) conflicts.add(sibling)
  const isSibling = sibling !== undefined
  const replaced = collectReplaced(txid, conflicts, isSibling)
  if (conflicts.size > 0) {
    checkReplacement(
      { tx, txid, conflicts, isSibling, parents, ancestors, modifiedFee, virtualSize },
      replaced,
      policy.incrementalFeeRate,
    )
  }
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
  return { entry, spent, waitingParents, waitingAncestors: ancestors, replaced }
}

/** What needs no coins. */
function checkForm(tx: Transaction, { chain }: JudgeDeps, { tip, policy }: JudgeOptions): void {
  checkTransaction(tx)
  if (isCoinbase(tx)) throw new MempoolError('coinbase')
  if (policy.requiresStandard) checkStandardTransaction(tx, policy)
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

/**
 * Checks that dust of its parents does not stay behind.
 *
 * @throws {@link MempoolError} `missing-ephemeral-spends`.
 */
export function checkSpends({ entry }: Candidate, policy: MempoolPolicy): void {
  if (policy.requiresStandard) checkDustIsSpent(entry, entry.parents, policy.dustFeeRate)
}

/** Verifies the scripts of a candidate. @throws {@link MempoolError} `mempool-script-verify-flag-failed`. */
export async function checkScripts(
  { entry: { tx, txid, wtxid, sigopsCost }, spent }: Candidate,
  { signatures, scriptChecker }: Pick<JudgeDeps, 'signatures' | 'scriptChecker'>,
): Promise<void> {
  const spentOutputs = spent.map((coin) => coin.output)
  const check = { tx, spentOutputs, flags: STANDARD_SCRIPT_FLAGS }
  if (sigopsCost > HEAVY_SIGOPS_COST || isHeavyCheck(check)) {
    try {
      await scriptChecker.verify([check], { isHeavy: true })
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error
      throw scriptFailure(`${error.data['reason']}`)
    }
    return
  }
  for (const [start, { prevout }] of tx.inputs.entries()) {
    try {
      verifyTransactionScripts(check, signatures, { start, end: start + 1 })
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error
      const spending = `spending ${outPointKey(prevout)}`
      throw scriptFailure(error.reason, `input ${start} of ${txid} (wtxid ${wtxid}), ${spending}`)
    }
  }
}

/** @param detail - Which input it is; undefined if that is not known. */
function scriptFailure(reason: string, detail?: string): MempoolError {
  return new MempoolError('mempool-script-verify-flag-failed', {
    reason,
    ...(detail !== undefined && { detail }),
  })
}
