/** @module Transactions that wait for a block. */

import type { BlockEntry, BlockEvent, Chain, ScriptChecker } from '../chain/index.ts'
import type { ConsensusError } from '../consensus/index.ts'
import {
  computeTxid,
  isCoinbase,
  type OutPoint,
  type Transaction,
  type TxidHex,
  toDisplayHex,
} from '../primitives/index.ts'
import type { SignatureEngine } from '../script/index.ts'
import {
  type Clock,
  EventEmitter,
  type Logger,
  Mutex,
  sleep,
  toErrorMessage,
} from '../util/index.ts'
import { FeeDeltas } from './fee-deltas.ts'
import {
  feeRateOf,
  INCREMENTAL_RELAY_FEE_SATS_PER_KVB,
  MIN_RELAY_FEE_SATS_PER_KVB,
} from './fee-rate.ts'
import { isReconsiderable, isRefusal, judgeTogether, type PackageMember } from './judge-package.ts'
import { type Candidate, type JudgeOptions, judgeTransaction } from './judge-transaction.ts'
import type { MempoolEntry, WaitingTransaction } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'
import { DEFAULT_MEMPOOL_POLICY, type MempoolPolicy } from './mempool-policy.ts'
import { RollingFee } from './rolling-fee.ts'
import { type SelectionLimits, selectTransactions } from './select-transactions.ts'
import type { Selection } from './selection-table.ts'
import { WaitingTransactions } from './waiting-transactions.ts'

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

/**
 * Why a transaction waits no longer without being on the chain: another that spends the same is on the chain, or pays
 * more; it waited too long; or there was no room.
 *
 * @see Bitcoin Core `MemPoolRemovalReason`
 */
export type DropReason = 'conflict' | 'replaced' | 'expiry' | 'sizelimit'

/** Why a transaction waits no more. `reorg`: it was not taken again when a reorganisation had displaced it. */
export type MempoolRemovalReason = DropReason | 'block' | 'reorg'

/** A transaction that waits no more, and why. */
export interface MempoolRemoval {
  readonly txid: TxidHex
  readonly reason: MempoolRemovalReason
}

/** What the mempool tells. */
export interface MempoolEvents extends Record<string, unknown> {
  added: MempoolEntry
  /** As `added`, but not of what waited before a reorganisation too and was only judged anew. */
  entered: MempoolEntry
  /** Told once of each that had `entered`, for whatever reason it has left. */
  removed: MempoolRemoval
  /** A block is on the chain, of this height; what it confirms is told next. */
  blockPassed: number
  confirmed: MempoolEntry
  dropped: { readonly entry: MempoolEntry; readonly reason: DropReason }
}

/** What became of transactions that were only tried. */
export interface MempoolTrial {
  /** Those that would be taken. */
  readonly taken: readonly MempoolEntry[]
  /** Why the one after them would not be; those behind it have not been looked at. */
  readonly refusal: MempoolError | ConsensusError | undefined
}

/** A transaction that was taken. */
export interface Acceptance {
  readonly entry: MempoolEntry
  /** Those that had to go for it, with all that needed them. */
  readonly replaced: readonly MempoolEntry[]
}

/** A transaction on its way back after a reorganisation. */
interface DisplacedTransaction {
  readonly tx: Transaction
  /** Milliseconds since the Unix epoch; undefined if it comes out of a block. */
  readonly addedMs: number | undefined
}

/**
 * After so much work others have a turn of the event loop. Without it a run of transactions that wait for nothing but
 * each other would keep blocks, and answers to the peers that send them, waiting for as long as it lasts.
 */
const MAX_BUSY_MS = 20

const NO_TRANSACTIONS: ReadonlyMap<TxidHex, WaitingTransaction> = new Map()

/**
 * Valid, unconfirmed transactions, each spending only confirmed outputs or outputs of others here.
 *
 * What it holds is always valid on top of the active chain's tip: when blocks are taken back, everything
 * is judged anew before it counts again. It never takes more memory than its policy allows: what pays least goes, and
 * what pays no more than that is not taken for a while.
 */
export class Mempool {
  readonly events = new EventEmitter<MempoolEvents>()
  readonly policy: MempoolPolicy
  readonly #deps: MempoolDeps
  readonly #waiting = new WaitingTransactions()
  readonly #feeDeltas = new FeeDeltas()
  readonly #rollingFee = new RollingFee()
  readonly #accepting = new Mutex()
  /** Waiting to be judged anew after a reorganisation. */
  #displaced: DisplacedTransaction[] = []
  /** Those of them that waited before it. */
  readonly #displacedIds = new Set<TxidHex>()
  /** How long transactions have been judged since others last had a turn. */
  #busyMs = 0
  #sequence = 0

  constructor(deps: MempoolDeps, policy: Partial<MempoolPolicy> = {}) {
    this.#deps = deps
    this.policy = { ...DEFAULT_MEMPOOL_POLICY, ...policy }
    const { events } = deps.chain
    events.on('blockConnected', (event) => this.#onBlockConnected(event))
    events.on('blockDisconnected', (event) => this.#onBlockDisconnected(event))
    events.on('tipChanged', () => this.#readmit())
  }

  /** How many transactions wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Bytes of memory that all that wait take, by estimate. */
  get usage(): number {
    return this.#waiting.usage
  }

  /** The least fee rate that is taken now, satoshis per 1,000 virtual bytes. @see Bitcoin Core `mempoolminfee` */
  get minFeeRate(): bigint {
    const rolling = this.#currentRollingFee()
    if (rolling > MIN_RELAY_FEE_SATS_PER_KVB) return rolling
    return MIN_RELAY_FEE_SATS_PER_KVB
  }

  /** Goes up with every change; tells templates that they are out of date. */
  get sequence(): number {
    return this.#sequence
  }

  get(txid: TxidHex): MempoolEntry | undefined {
    return this.#waiting.get(txid)
  }

  getByWtxid(wtxid: TxidHex): MempoolEntry | undefined {
    return this.#waiting.getByWtxid(wtxid)
  }

  /** All that wait, parents before children. */
  entries(): IterableIterator<MempoolEntry> {
    return this.#waiting.values()
  }

  /** Chooses for a block; see {@link selectTransactions}. */
  select(limits: SelectionLimits): Selection {
    return selectTransactions(this.#waiting.table, limits)
  }

  /** The entry that spends an outpoint. */
  getSpender(outPoint: OutPoint): MempoolEntry | undefined {
    return this.#waiting.getSpender(outPoint)
  }

  /**
   * Judges a transaction and keeps it if it is valid and worth relaying.
   *
   * @param addedMs - When it came, if that was earlier; milliseconds since the Unix epoch.
   * @throws {@link ConsensusError} if it breaks a rule of consensus.
   * @throws {@link MempoolError} if policy declines it; `MissingInputsError` if what it spends is not there.
   * @see Bitcoin Core `MemPoolAccept`
   */
  async accept(tx: Transaction, addedMs?: number): Promise<MempoolEntry> {
    const { entry } = await this.#accepting.run(() => this.#acceptInTurn(tx, addedMs))
    return entry
  }

  /**
   * Takes a child with its parents: each by itself if it can be, and those that pay too little by themselves together.
   *
   * @param transactions - Parents first, the child last.
   * @param maxFeeRate - None may pay more, satoshis per 1,000 virtual bytes; undefined for no limit.
   * @returns What became of each. After a refusal that nothing of the rest could make good, the rest is left unjudged.
   * @see Bitcoin Core `ProcessNewPackage`; BIP-0331
   */
  acceptPackage(
    transactions: readonly Transaction[],
    maxFeeRate?: bigint,
  ): Promise<readonly PackageMember[]> {
    return this.#accepting.run(async () => {
      const members: PackageMember[] = []
      for (const tx of transactions) {
        const member = await this.#acceptMember(tx, maxFeeRate)
        members.push(member)
        if (member.refusal !== undefined && !isReconsiderable(member.refusal)) break
      }
      const isHopeless = members.some(
        ({ refusal }) => refusal !== undefined && !isReconsiderable(refusal),
      )
      if (!isHopeless) await this.#acceptTogether(members, maxFeeRate)
      return transactions.map((tx, i) => members[i] ?? createMember(tx))
    })
  }

  async #acceptMember(tx: Transaction, maxFeeRate: bigint | undefined): Promise<PackageMember> {
    // With other witnesses it does as well.
    const known = this.#waiting.get(toDisplayHex(computeTxid(tx)))
    if (known !== undefined) return { ...createMember(tx), entry: known }
    try {
      const { entry, replaced } = await this.#acceptNow(tx, { maxFeeRate })
      return { tx, entry, group: [entry], replaced, refusal: undefined }
    } catch (error) {
      if (!isRefusal(error)) throw error
      return { ...createMember(tx), refusal: error }
    }
  }

  /** Tries again together what was refused alone. @param members - Changed where that goes well. */
  async #acceptTogether(members: PackageMember[], maxFeeRate: bigint | undefined): Promise<void> {
    const rest = members.filter(({ refusal }) => refusal !== undefined)
    if (rest.length < 2) return
    try {
      const group = await this.#judgeOnTip((tip) =>
        judgeTogether(
          rest.map(({ tx }) => tx),
          (tx, wishes) => this.#judge(tx, tip, { maxFeeRate, ...wishes }),
          this.#currentRollingFee(),
        ),
      )
      for (const entry of group) this.#add(entry)
      this.#limit(new Set(group))
      // They came as a whole, and go as a whole.
      const isWhole = group.every((entry) => this.#waiting.get(entry.txid) === entry)
      if (!isWhole) {
        for (const entry of group) this.#drop(entry, 'sizelimit', new Set(group))
        throw new MempoolError('mempool full')
      }
      for (const [i, { tx }] of rest.entries()) {
        const entry = group[i]
        const at = members.findIndex((member) => member.tx === tx)
        members[at] = { tx, entry, group, replaced: [], refusal: undefined }
      }
      for (const entry of group) this.#tellAdded(entry)
    } catch (error) {
      if (!isRefusal(error)) throw error
      const last = members.at(-1)
      // The child is what the package is for: it says why all of it failed.
      if (last?.refusal !== undefined) members[members.length - 1] = { ...last, refusal: error }
    }
  }

  /**
   * Judges transactions as {@link accept} would, one after another, and keeps none.
   *
   * @param transactions - Parents first; each may spend outputs of those before it.
   * @returns What each would be in the pool, up to the first that is declined, and why that is.
   * @see Bitcoin Core `ProcessNewPackage` with `test_accept`
   */
  check(transactions: readonly Transaction[]): Promise<MempoolTrial> {
    return this.#accepting.run(() => this.#judgeOnTip((tip) => this.#try(transactions, tip)))
  }

  async #try(transactions: readonly Transaction[], tip: BlockEntry): Promise<MempoolTrial> {
    const taken: WaitingTransaction[] = []
    const before = new Map<TxidHex, WaitingTransaction>()
    // Of several, none may be what another replaces.
    const mayReplace = transactions.length === 1
    for (const tx of transactions) {
      try {
        const { entry } = await this.#judge(tx, tip, { before, mayReplace })
        taken.push(entry)
        before.set(entry.txid, entry)
      } catch (error) {
        if (!isRefusal(error)) throw error
        return { taken, refusal: error }
      }
    }
    return { taken, refusal: undefined }
  }

  /** Judges until the tip has stayed the same: coins are read meanwhile, and it may move. */
  async #judgeOnTip<Verdict>(judge: (tip: BlockEntry) => Promise<Verdict>): Promise<Verdict> {
    for (;;) {
      const { tip } = this.#deps.chain
      const isStill = (): boolean => this.#deps.chain.tip === tip
      try {
        const verdict = await judge(tip)
        if (isStill()) return verdict
      } catch (error) {
        if (isStill()) throw error
      }
    }
  }

  #judge(tx: Transaction, tip: BlockEntry, wishes: Partial<JudgeOptions>): Promise<Candidate> {
    const deps = { ...this.#deps, waiting: this.#waiting }
    return judgeTransaction(tx, deps, {
      tip,
      nowMs: this.#deps.clock.now(),
      requiresStandard: this.policy.requiresStandard,
      feeDeltaOf: (txid) => this.#feeDeltas.get(txid),
      minFeeRate: this.#currentRollingFee(),
      maxFeeRate: undefined,
      mayReplace: true,
      before: NO_TRANSACTIONS,
      ...wishes,
    })
  }

  /** Of many, each after others have had a turn where that is due. */
  async #acceptInTurn(tx: Transaction, addedMs?: number): Promise<Acceptance> {
    if (this.#busyMs > MAX_BUSY_MS) {
      await sleep(this.#deps.clock, 0)
      this.#busyMs = 0
    }
    const startMs = this.#deps.clock.monotonic()
    try {
      return await this.#acceptNow(tx, addedMs === undefined ? {} : { nowMs: addedMs })
    } finally {
      this.#busyMs += this.#deps.clock.monotonic() - startMs
    }
  }

  async #acceptNow(tx: Transaction, wishes: Partial<JudgeOptions>): Promise<Acceptance> {
    const { entry, replaced } = await this.#judgeOnTip((tip) => this.#judge(tx, tip, wishes))
    for (const other of replaced) this.#drop(other, 'replaced')
    this.#add(entry)
    this.#limit(new Set([entry]))
    if (this.#waiting.get(entry.txid) !== entry) throw new MempoolError('mempool full')
    this.#tellAdded(entry)
    return { entry, replaced: [...replaced] }
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
    const entry = this.#waiting.get(txid)
    if (entry === undefined || change === 0n) return
    this.#waiting.addFeeDelta(entry, change)
    this.#sequence += 1
  }

  /** Every transaction with a fee delta, and that delta in satoshis. */
  feeDeltas(): IterableIterator<[TxidHex, bigint]> {
    return this.#feeDeltas.entries()
  }

  #currentRollingFee(): bigint {
    const fill = this.#waiting.usage / this.policy.maxBytes
    return this.#rollingFee.current(fill, this.#deps.clock.now())
  }

  #add(entry: WaitingTransaction): void {
    this.#waiting.add(entry)
    // Deltas may have changed while the transaction was being judged.
    const missed = entry.fee + this.#feeDeltas.get(entry.txid) - entry.modifiedFee
    if (missed !== 0n) this.#waiting.addFeeDelta(entry, missed)
    this.#sequence += 1
  }

  #tellAdded(entry: WaitingTransaction): void {
    this.events.emit('added', entry)
    if (!this.#displacedIds.delete(entry.txid)) this.events.emit('entered', entry)
  }

  #remove(entry: WaitingTransaction): boolean {
    const isRemoved = this.#waiting.remove(entry)
    if (isRemoved) this.#sequence += 1
    return isRemoved
  }

  /** @param fresh - Not told of yet; so its end is not told either. */
  #drop(
    entry: WaitingTransaction,
    reason: DropReason,
    fresh?: ReadonlySet<WaitingTransaction>,
  ): void {
    // What needs an entry goes before it, so that everybody's totals stay right.
    for (const child of [...entry.children]) this.#drop(child, reason, fresh)
    if (!this.#remove(entry) || fresh?.has(entry) === true) return
    this.events.emit('dropped', { entry, reason })
    this.events.emit('removed', { txid: entry.txid, reason })
  }

  /** Lets go of what has waited too long, and of what there is no room for. @see Bitcoin Core `LimitMempoolSize` */
  #limit(fresh: ReadonlySet<WaitingTransaction>): void {
    this.#expire(fresh)
    while (this.#waiting.usage > this.policy.maxBytes) {
      const worst = this.#waiting.findWorst()
      if (worst === undefined) return
      const { modifiedFee, virtualSize } = worst.descendants
      this.#rollingFee.raise(
        feeRateOf(modifiedFee, virtualSize) + INCREMENTAL_RELAY_FEE_SATS_PER_KVB,
      )
      this.#drop(worst, 'sizelimit', fresh)
    }
  }

  #expire(fresh: ReadonlySet<WaitingTransaction>): void {
    const oldestMs = this.#deps.clock.now() - this.policy.expiryMs
    for (;;) {
      const oldest = this.#waiting.findOldest()
      if (oldest === undefined || oldest.addedMs >= oldestMs) return
      this.#drop(oldest, 'expiry', fresh)
    }
  }

  #onBlockConnected({ block, entry: { height } }: BlockEvent): void {
    this.#rollingFee.onBlock(this.#deps.clock.now())
    this.events.emit('blockPassed', height)
    for (const tx of block.transactions) {
      const txid = toDisplayHex(computeTxid(tx))
      const confirmed = this.#waiting.get(txid)
      if (confirmed !== undefined) {
        this.#remove(confirmed)
        this.events.emit('confirmed', confirmed)
      }
      if (confirmed !== undefined || this.#displacedIds.delete(txid)) {
        this.events.emit('removed', { txid, reason: 'block' })
      }
      this.#feeDeltas.delete(txid)
      for (const { prevout } of tx.inputs) {
        const conflict = this.#waiting.getSpender(prevout)
        if (conflict === undefined) continue
        this.#drop(conflict, 'conflict')
        this.#feeDeltas.delete(conflict.txid)
      }
    }
  }

  /** Empties the pool: until it is judged anew, nothing here is known to be valid. */
  #onBlockDisconnected({ block }: BlockEvent): void {
    const waiting = [...this.#waiting.values()]
    for (const { txid } of waiting) this.#displacedIds.add(txid)
    const returned = block.transactions.filter((tx) => !isCoinbase(tx))
    this.#displaced = [
      ...returned.map((tx) => ({ tx, addedMs: undefined })),
      ...this.#displaced,
      ...waiting.map(({ tx, addedMs }) => ({ tx, addedMs })),
    ]
    this.#waiting.clear()
    this.#sequence += 1
  }

  #readmit(): void {
    const displaced = this.#displaced
    this.#displaced = []
    if (displaced.length === 0) return
    void this.#accepting.run(async () => {
      for (const { tx, addedMs } of displaced) {
        try {
          await this.#acceptInTurn(tx, addedMs)
        } catch (error) {
          const txid = toDisplayHex(computeTxid(tx))
          this.#deps.log.debug('transaction not readmitted', {
            txid,
            reason: toErrorMessage(error),
          })
          if (this.#displacedIds.delete(txid)) {
            this.events.emit('removed', { txid, reason: 'reorg' })
          }
        }
      }
    })
  }
}

/** A transaction of a package of which nothing is known yet. */
function createMember(tx: Transaction): PackageMember {
  return { tx, entry: undefined, group: [], replaced: [], refusal: undefined }
}
