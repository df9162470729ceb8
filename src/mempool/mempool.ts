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
  isCoinbase,
  type OutPoint,
  outPointKey,
  type Transaction,
  type TxidHex,
  toDisplayHex,
} from '../primitives/index.ts'
import { ScriptError, type SignatureEngine, STANDARD_SCRIPT_FLAGS } from '../script/index.ts'
import { type Clock, EventEmitter, type Logger, Mutex, toErrorMessage } from '../util/index.ts'
import { MempoolError } from './mempool-error.ts'
import { checkSigopsPolicy } from './sigops-policy.ts'

/** A transaction above this weight is not relayed. @see Bitcoin Core `MAX_STANDARD_TX_WEIGHT` */
export const MAX_STANDARD_TX_WEIGHT = 400_000
/** Satoshis per 1,000 virtual bytes. @see Bitcoin Core 30 `DEFAULT_MIN_RELAY_TX_FEE` */
export const MIN_RELAY_FEE_SATS_PER_KVB = 100n
/** How many unconfirmed ancestors, itself included, a transaction may have. */
export const MAX_ANCESTORS = 25
/** The most memory that all waiting transactions together may take, in bytes. */
export const MAX_MEMPOOL_BYTES = 300_000_000
/** What an entry takes besides its serialised bytes, measured with many small transactions in Node.js 20. */
export const MEMPOOL_ENTRY_OVERHEAD_BYTES = 5_000
const BYTES_PER_KVB = 1_000n
/** Beyond this, a tenth of a second's work or so, scripts are verified on other threads. */
const HEAVY_SIGOPS_COST = 320

/** A waiting transaction and what is known of it. */
export interface MempoolEntry {
  readonly tx: Transaction
  readonly txid: TxidHex
  readonly wtxid: TxidHex
  /** Satoshis. */
  readonly fee: bigint
  readonly weight: number
  /** Virtual bytes. */
  readonly virtualSize: number
  /** Serialised bytes. */
  readonly size: number
  readonly sigopsCost: number
  /** Ids of waiting transactions whose outputs it spends. */
  readonly parents: readonly TxidHex[]
  /** Height of the tip on which it was judged. */
  readonly height: number
  /** Milliseconds since the Unix epoch. */
  readonly addedMs: number
}

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
}

function usageOf(size: number): number {
  return size + MEMPOOL_ENTRY_OVERHEAD_BYTES
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
  readonly #entries = new Map<TxidHex, MempoolEntry>()
  readonly #byWtxid = new Map<TxidHex, MempoolEntry>()
  /** Which entry spends an outpoint. */
  readonly #spenders = new Map<string, MempoolEntry>()
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

  async #judge(tx: Transaction, tip: BlockEntry): Promise<MempoolEntry> {
    checkTransaction(tx)
    if (isCoinbase(tx)) throw new MempoolError('coinbase')
    const { weight, virtualSize, totalSize } = computeTransactionSize(tx)
    if (weight > MAX_STANDARD_TX_WEIGHT) throw new MempoolError('tx-size', { weight })
    const height = tip.height + 1
    if (!isFinal(tx, height, tip.medianTimePast)) throw new MempoolError('non-final')
    const txid = toDisplayHex(computeTxid(tx))
    if (this.#entries.has(txid)) throw new MempoolError('txn-already-in-mempool')
    const parents = this.#findParents(tx)
    const spent = await this.#findSpent(tx, height)
    const fee = this.#checkInputs(tx, spent, tip, virtualSize)
    if (this.#usage + usageOf(totalSize) > MAX_MEMPOOL_BYTES) throw new MempoolError('mempool full')
    const sigopsCost = computeSigopsCost(tx, spent, STANDARD_SCRIPT_FLAGS)
    checkSigopsPolicy(tx, spent, sigopsCost)
    await this.#checkScripts(tx, spent, sigopsCost)
    return {
      tx,
      txid,
      wtxid: toDisplayHex(computeWtxid(tx)),
      fee,
      weight,
      virtualSize,
      size: totalSize,
      sigopsCost,
      parents,
      height: tip.height,
      addedMs: this.#deps.clock.now(),
    }
  }

  #findParents(tx: Transaction): readonly TxidHex[] {
    const parents = new Set<TxidHex>()
    for (const { prevout } of tx.inputs) {
      const spender = this.getSpender(prevout)
      if (spender !== undefined) {
        throw new MempoolError('txn-mempool-conflict', { with: spender.txid })
      }
      const parent = toDisplayHex(prevout.txid)
      if (this.#entries.has(parent)) parents.add(parent)
    }
    const ancestors = new Set<TxidHex>()
    for (const parent of parents) this.#collectAncestors(parent, ancestors)
    if (ancestors.size + 1 > MAX_ANCESTORS) throw new MempoolError('too-long-mempool-chain')
    return [...parents]
  }

  #collectAncestors(txid: TxidHex, into: Set<TxidHex>): void {
    if (into.has(txid)) return
    into.add(txid)
    for (const parent of this.#entries.get(txid)?.parents ?? []) {
      this.#collectAncestors(parent, into)
    }
  }

  async #findSpent(tx: Transaction, height: number): Promise<readonly Coin[]> {
    const confirmed = await this.#deps.chain.readCoins(tx.inputs.map((input) => input.prevout))
    const coins = new Map<string, Coin>()
    for (const [i, { prevout }] of tx.inputs.entries()) {
      const parent = this.#entries.get(toDisplayHex(prevout.txid))
      const output = parent?.tx.outputs[prevout.vout]
      const coin = output === undefined ? confirmed[i] : { output, height, isCoinbase: false }
      if (coin === undefined) {
        throw new MempoolError('missing-inputs', { prevout: outPointKey(prevout) })
      }
      coins.set(outPointKey(prevout), coin)
    }
    return findSpentCoins(tx, (outPoint) => coins.get(outPointKey(outPoint)))
  }

  #checkInputs(
    tx: Transaction,
    spent: readonly Coin[],
    tip: BlockEntry,
    virtualSize: number,
  ): bigint {
    const { params } = this.#deps.chain
    const height = tip.height + 1
    const medianTimePastAt = (at: number) => tip.getAncestor(at)?.medianTimePast ?? 0
    if (!areSequenceLocksMet(tx, spent, height, tip.medianTimePast, medianTimePastAt)) {
      throw new MempoolError('non-BIP68-final')
    }
    const fee = checkTransactionInputs(tx, spent, height, params)
    // Rounded up, as Bitcoin Core's `CFeeRate::GetFee` does.
    const perKvb = MIN_RELAY_FEE_SATS_PER_KVB * BigInt(virtualSize)
    const wanted = (perKvb + BYTES_PER_KVB - 1n) / BYTES_PER_KVB
    if (fee < wanted) {
      throw new MempoolError('min relay fee not met', { fee: Number(fee), wanted: Number(wanted) })
    }
    return fee
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

  #add(entry: MempoolEntry): void {
    this.#entries.set(entry.txid, entry)
    this.#byWtxid.set(entry.wtxid, entry)
    for (const { prevout } of entry.tx.inputs) this.#spenders.set(outPointKey(prevout), entry)
    this.#usage += usageOf(entry.size)
    this.#sequence += 1
  }

  #remove(entry: MempoolEntry): void {
    if (!this.#entries.delete(entry.txid)) return
    this.#byWtxid.delete(entry.wtxid)
    for (const { prevout } of entry.tx.inputs) this.#spenders.delete(outPointKey(prevout))
    this.#usage -= usageOf(entry.size)
    this.#sequence += 1
  }

  #removeWithDescendants(entry: MempoolEntry): void {
    this.#remove(entry)
    for (const vout of entry.tx.outputs.keys()) {
      const child = this.getSpender({ txid: computeTxid(entry.tx), vout })
      if (child !== undefined) this.#removeWithDescendants(child)
    }
  }

  #onBlockConnected({ block }: BlockEvent): void {
    for (const tx of block.transactions) {
      const confirmed = this.#entries.get(toDisplayHex(computeTxid(tx)))
      if (confirmed !== undefined) this.#remove(confirmed)
      for (const { prevout } of tx.inputs) {
        const conflict = this.getSpender(prevout)
        if (conflict !== undefined) this.#removeWithDescendants(conflict)
      }
    }
  }

  /** Empties the pool: until it is judged anew, nothing here is known to be valid. */
  #onBlockDisconnected({ block }: BlockEvent): void {
    const waiting = [...this.#entries.values()].map((entry) => entry.tx)
    const returned = block.transactions.filter((tx) => !isCoinbase(tx))
    this.#displaced = [...returned, ...this.#displaced, ...waiting]
    for (const entry of [...this.#entries.values()]) this.#remove(entry)
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
