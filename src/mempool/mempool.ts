/** @module Transactions that wait for a block. */

import type { BlockEntry, BlockEvent, Chain, ScriptChecker } from '../chain/index.ts'
import { isHeavyCheck, toUnixSeconds, verifyTransactionScripts } from '../chain/index.ts'
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
import { type Clock, EventEmitter, type Logger, Mutex, toErrorMessage } from '../util/index.ts'
import { FeeDeltas } from './fee-deltas.ts'
import { collectRelatives, type MempoolEntry, WaitingTransaction } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'
import { checkSigopsPolicy } from './sigops-policy.ts'

/** A transaction above this weight is not relayed. @see Bitcoin Core `MAX_STANDARD_TX_WEIGHT` */
export const MAX_STANDARD_TX_WEIGHT = 400_000
/** Satoshis per 1,000 virtual bytes. @see Bitcoin Core 30 `DEFAULT_MIN_RELAY_TX_FEE` */
export const MIN_RELAY_FEE_SATS_PER_KVB = 100n
/** How many unconfirmed ancestors, itself included, a transaction may have. */
export const MAX_ANCESTORS = 25
/** How many unconfirmed descendants, itself included, a transaction may have. */
export const MAX_DESCENDANTS = 25
/** The most memory that all waiting transactions together may take, in bytes. */
export const MAX_MEMPOOL_BYTES = 300_000_000
/** What an entry takes besides its serialised bytes, measured with many small transactions in Node.js 20. */
export const MEMPOOL_ENTRY_OVERHEAD_BYTES = 5_600
const BYTES_PER_KVB = 1_000n
/** Beyond this, a tenth of a second's work or so, scripts are verified on other threads. */
const HEAVY_SIGOPS_COST = 320

/** What the mempool works with. */
export interface MempoolDeps {
  readonly chain: Chain
  /** For small transactions. */
  readonly signatures: SignatureEngine
  /** For those that take long. */
  readonly scriptChecker: ScriptChecker
  readonly clock: Clock
  readonly log: Logger
}

/** What the mempool tells. */
export interface MempoolEvents extends Record<string, unknown> {
  added: MempoolEntry
  /** A block is on the chain, of this height; what it confirms is told next. */
  blockPassed: number
  confirmed: MempoolEntry
  /** Another transaction has been confirmed that spends the same. */
  dropped: MempoolEntry
}

/** What became of transactions that were only tried. */
export interface MempoolTrial {
  /** Those that would be taken. */
  readonly taken: readonly MempoolEntry[]
  /** Why the one after them would not be; those behind it have not been looked at. */
  readonly refusal: MempoolError | ConsensusError | undefined
}

const NO_TRANSACTIONS: ReadonlyMap<TxidHex, Transaction> = new Map()

function usageOf(size: number): number {
  return size + MEMPOOL_ENTRY_OVERHEAD_BYTES
}

/** @param fee - Satoshis as mining counts them. */
function checkFeeRate(fee: bigint, virtualSize: number): void {
  // Rounded up, as Bitcoin Core's `CFeeRate::GetFee` does.
  const perKvb = MIN_RELAY_FEE_SATS_PER_KVB * BigInt(virtualSize)
  const wanted = (perKvb + BYTES_PER_KVB - 1n) / BYTES_PER_KVB
  if (fee < wanted) {
    throw new MempoolError('min relay fee not met', { fee: Number(fee), wanted: Number(wanted) })
  }
}

/**
 * Valid, unconfirmed transactions, each spending only confirmed outputs or outputs of others here.
 *
 * What it holds is always valid on top of the active chain's tip: when blocks are taken back, everything
 * is judged anew before it counts again.
 */
export class Mempool {
  readonly events = new EventEmitter<MempoolEvents>()
  readonly #deps: MempoolDeps
  readonly #entries = new Map<TxidHex, WaitingTransaction>()
  readonly #byWtxid = new Map<TxidHex, WaitingTransaction>()
  /** Which entry spends an outpoint. */
  readonly #spenders = new Map<string, WaitingTransaction>()
  readonly #feeDeltas = new FeeDeltas()
  readonly #accepting = new Mutex()
  /** Waiting to be judged anew after a reorganisation. */
  #displaced: Transaction[] = []
  #usage = 0
  #sequence = 0

  constructor(deps: MempoolDeps) {
    this.#deps = deps
    const { events } = deps.chain
    events.on('blockConnected', (event) => this.#onBlockConnected(event))
    events.on('blockDisconnected', (event) => this.#onBlockDisconnected(event))
    events.on('tipChanged', () => this.#readmit())
  }

  /** How many transactions wait. */
  get size(): number {
    return this.#entries.size
  }

  /** Bytes of memory that all that wait take, by estimate. */
  get usage(): number {
    return this.#usage
  }

  /** Goes up with every change; tells templates that they are out of date. */
  get sequence(): number {
    return this.#sequence
  }

  get(txid: TxidHex): MempoolEntry | undefined {
    return this.#entries.get(txid)
  }

  getByWtxid(wtxid: TxidHex): MempoolEntry | undefined {
    return this.#byWtxid.get(wtxid)
  }

  /** All that wait, parents before children. */
  entries(): IterableIterator<MempoolEntry> {
    return this.#entries.values()
  }

  /** The entry that spends an outpoint. */
  getSpender(outPoint: OutPoint): MempoolEntry | undefined {
    return this.#spenders.get(outPointKey(outPoint))
  }

  /**
   * Judges a transaction and keeps it if it is valid and worth relaying.
   *
   * @throws {@link ConsensusError} if it breaks a rule of consensus.
   * @throws {@link MempoolError} if policy declines it.
   * @see Bitcoin Core `MemPoolAccept`
   */
  accept(tx: Transaction): Promise<MempoolEntry> {
    return this.#accepting.run(() => this.#acceptNow(tx))
  }

  /**
   * Judges transactions as {@link accept} would, one after another, and keeps none.
   *
   * @param transactions - Parents first; each may spend outputs of those before it.
   * @returns What each would be in the pool, up to the first that is declined, and why that is.
   * @see Bitcoin Core `ProcessNewPackage` with `test_accept`
   */
  check(transactions: readonly Transaction[]): Promise<MempoolTrial> {
    return this.#accepting.run(async () => {
      const { chain } = this.#deps
      for (;;) {
        const { tip } = chain
        const trial = await this.#try(transactions, tip)
        if (chain.tip === tip) return trial
      }
    })
  }

  async #try(transactions: readonly Transaction[], tip: BlockEntry): Promise<MempoolTrial> {
    const taken: WaitingTransaction[] = []
    const before = new Map<TxidHex, Transaction>()
    for (const tx of transactions) {
      try {
        const entry = await this.#judge(tx, tip, before)
        taken.push(entry)
        before.set(entry.txid, tx)
      } catch (error) {
        if (!(error instanceof MempoolError || error instanceof ConsensusError)) throw error
        return { taken, refusal: error }
      }
    }
    return { taken, refusal: undefined }
  }

  async #acceptNow(tx: Transaction): Promise<MempoolEntry> {
    for (;;) {
      const { tip } = this.#deps.chain
      const entry = await this.#judge(tx, tip)
      // The tip may have moved while coins were read: then what was found no longer holds.
      if (this.#deps.chain.tip !== tip) continue
      this.#add(entry)
      this.events.emit('added', entry)
      return entry
    }
  }

  /**
   * Has mining count a transaction, whether it waits yet or not, as paying so many satoshis more (or less)
   * than it does. Adds to what was said before, until the transaction is confirmed or contradicted.
   *
   * @throws {@link MempoolError} `too-many-prioritised`
   * @see Bitcoin Core `CTxMemPool::PrioritiseTransaction`
   */
  prioritise(txid: TxidHex, sats: bigint): void {
    const change = this.#feeDeltas.add(txid, sats)
    const entry = this.#entries.get(txid)
    if (entry === undefined || change === 0n) return
    entry.addFeeDelta(change)
    this.#sequence += 1
  }

  /** Every transaction with a fee delta, and that delta in satoshis. */
  feeDeltas(): IterableIterator<[TxidHex, bigint]> {
    return this.#feeDeltas.entries()
  }

  /** @param before - Transactions that count as if they were here. */
  async #judge(
    tx: Transaction,
    tip: BlockEntry,
    before: ReadonlyMap<TxidHex, Transaction> = NO_TRANSACTIONS,
  ): Promise<WaitingTransaction> {
    checkTransaction(tx)
    if (isCoinbase(tx)) throw new MempoolError('coinbase')
    const { weight, virtualSize, totalSize } = computeTransactionSize(tx)
    if (weight > MAX_STANDARD_TX_WEIGHT) throw new MempoolError('tx-size', { weight })
    const height = tip.height + 1
    if (!isFinal(tx, height, tip.medianTimePast)) throw new MempoolError('non-final')
    if (height < this.#deps.chain.params.deployments.segwit && hasWitness(tx)) {
      throw new MempoolError('no-witness-yet')
    }
    const txid = toDisplayHex(computeTxid(tx))
    if (this.#entries.has(txid)) throw new MempoolError('txn-already-in-mempool')
    const parents = this.#findParents(tx)
    const spent = await this.#findSpent(tx, height, before)
    const feeDelta = this.#feeDeltas.get(txid)
    const fee = this.#checkInputs(tx, spent, tip)
    checkFeeRate(fee + feeDelta, virtualSize)
    if (this.#usage + usageOf(totalSize) > MAX_MEMPOOL_BYTES) throw new MempoolError('mempool full')
    const sigopsCost = computeSigopsCost(tx, spent, STANDARD_SCRIPT_FLAGS)
    checkSigopsPolicy(tx, spent, sigopsCost)
    await this.#checkScripts(tx, spent, sigopsCost)
    return new WaitingTransaction({
      tx,
      txid,
      wtxid: toDisplayHex(computeWtxid(tx)),
      fee,
      feeDelta,
      weight,
      virtualSize,
      size: totalSize,
      sigopsCost,
      parents,
      height: tip.height,
      addedMs: this.#deps.clock.now(),
    })
  }

  #findParents(tx: Transaction): ReadonlySet<WaitingTransaction> {
    const parents = new Set<WaitingTransaction>()
    for (const { prevout } of tx.inputs) {
      const spender = this.#spenders.get(outPointKey(prevout))
      if (spender !== undefined) {
        throw new MempoolError('txn-mempool-conflict', { with: spender.txid })
      }
      const parent = this.#entries.get(toDisplayHex(prevout.txid))
      if (parent !== undefined) parents.add(parent)
    }
    const ancestors = new Set<WaitingTransaction>()
    for (const parent of parents) {
      for (const ancestor of collectRelatives(parent, 'parents')) ancestors.add(ancestor)
    }
    const isTooLong =
      ancestors.size + 1 > MAX_ANCESTORS ||
      [...ancestors].some(({ descendants }) => descendants.count + 1 > MAX_DESCENDANTS)
    if (isTooLong) throw new MempoolError('too-long-mempool-chain')
    return parents
  }

  async #findSpent(
    tx: Transaction,
    height: number,
    before: ReadonlyMap<TxidHex, Transaction>,
  ): Promise<readonly Coin[]> {
    const confirmed = await this.#deps.chain.readCoins(tx.inputs.map((input) => input.prevout))
    const coins = new Map<string, Coin>()
    for (const [i, { prevout }] of tx.inputs.entries()) {
      const parentId = toDisplayHex(prevout.txid)
      const parent = this.#entries.get(parentId)?.tx ?? before.get(parentId)
      const output = parent?.outputs[prevout.vout]
      const coin = output === undefined ? confirmed[i] : { output, height, isCoinbase: false }
      if (coin === undefined) {
        throw new MempoolError('missing-inputs', { prevout: outPointKey(prevout) })
      }
      coins.set(outPointKey(prevout), coin)
    }
    return findSpentCoins(tx, (outPoint) => coins.get(outPointKey(outPoint)))
  }

  #checkInputs(tx: Transaction, spent: readonly Coin[], tip: BlockEntry): bigint {
    const { params } = this.#deps.chain
    const height = tip.height + 1
    const medianTimePastAt = (at: number) => tip.getAncestor(at)?.medianTimePast ?? 0
    if (!areSequenceLocksMet(tx, spent, height, tip.medianTimePast, medianTimePastAt)) {
      throw new MempoolError('non-BIP68-final')
    }
    return checkTransactionInputs(tx, spent, height, params)
  }

  async #checkScripts(tx: Transaction, spent: readonly Coin[], sigopsCost: number): Promise<void> {
    const { signatures, scriptChecker } = this.#deps
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

  #add(entry: WaitingTransaction): void {
    entry.link()
    // Deltas may have changed while the transaction was being judged.
    const missed = entry.fee + this.#feeDeltas.get(entry.txid) - entry.modifiedFee
    if (missed !== 0n) entry.addFeeDelta(missed)
    this.#entries.set(entry.txid, entry)
    this.#byWtxid.set(entry.wtxid, entry)
    for (const { prevout } of entry.tx.inputs) this.#spenders.set(outPointKey(prevout), entry)
    this.#usage += usageOf(entry.size)
    this.#sequence += 1
  }

  #remove(entry: WaitingTransaction): void {
    if (!this.#entries.delete(entry.txid)) return
    entry.unlink()
    this.#byWtxid.delete(entry.wtxid)
    for (const { prevout } of entry.tx.inputs) this.#spenders.delete(outPointKey(prevout))
    this.#usage -= usageOf(entry.size)
    this.#sequence += 1
  }

  /** What needs an entry goes before it, so that everybody's totals stay right. */
  #removeWithDescendants(entry: WaitingTransaction): void {
    for (const child of [...entry.children]) this.#removeWithDescendants(child)
    this.#remove(entry)
    this.events.emit('dropped', entry)
  }

  #onBlockConnected({ block, entry: { height } }: BlockEvent): void {
    this.events.emit('blockPassed', height)
    for (const tx of block.transactions) {
      const txid = toDisplayHex(computeTxid(tx))
      const confirmed = this.#entries.get(txid)
      if (confirmed !== undefined) {
        this.#remove(confirmed)
        this.events.emit('confirmed', confirmed)
      }
      this.#feeDeltas.delete(txid)
      for (const { prevout } of tx.inputs) {
        const conflict = this.#spenders.get(outPointKey(prevout))
        if (conflict === undefined) continue
        this.#removeWithDescendants(conflict)
        this.#feeDeltas.delete(conflict.txid)
      }
    }
  }

  /** Empties the pool: until it is judged anew, nothing here is known to be valid. */
  #onBlockDisconnected({ block }: BlockEvent): void {
    const waiting = [...this.#entries.values()].map((entry) => entry.tx)
    const returned = block.transactions.filter((tx) => !isCoinbase(tx))
    this.#displaced = [...returned, ...this.#displaced, ...waiting]
    this.#clear()
  }

  #clear(): void {
    this.#entries.clear()
    this.#byWtxid.clear()
    this.#spenders.clear()
    this.#usage = 0
    this.#sequence += 1
  }

  #readmit(): void {
    const transactions = this.#displaced
    this.#displaced = []
    if (transactions.length === 0) return
    void this.#accepting.run(async () => {
      for (const tx of transactions) {
        try {
          await this.#acceptNow(tx)
        } catch (error) {
          this.#deps.log.debug('transaction not readmitted', {
            txid: toDisplayHex(computeTxid(tx)),
            reason: toErrorMessage(error),
            at: toUnixSeconds(this.#deps.clock.now()),
          })
        }
      }
    })
  }
}
