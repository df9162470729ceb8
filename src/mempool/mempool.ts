/** @module Transactions that wait for a block. */

import type { BlockEvent, ScriptChecker } from '../chain/index.ts'
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
import type { ChainView } from './chain-view.ts'
import { FeeDeltas } from './fee-deltas.ts'
import { feeRateOf } from './fee-rate.ts'
import {
  createMember,
  isReconsiderable,
  isRefusal,
  type PackageMember,
  type PackageOutcome,
  type PackageVerdict,
  type Refusal,
} from './judge-package.ts'
import type { MempoolEntry, WaitingTransaction } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'
import type { DropReason, MempoolEvents } from './mempool-events.ts'
import { createMempoolPolicy, type MempoolPolicy } from './mempool-policy.ts'
import { RollingFee } from './rolling-fee.ts'
import { type SelectionLimits, selectTransactions } from './select-transactions.ts'
import type { Selection } from './selection-table.ts'
import { type JudgeWishes, TipJudge } from './tip-judge.ts'
import { WaitingTransactions } from './waiting-transactions.ts'

/** What the mempool works with. */
export interface MempoolDeps {
  readonly chain: ChainView
  /** For small transactions. */
  readonly signatures: SignatureEngine
  /** For those that take long. */
  readonly scriptChecker: ScriptChecker
  readonly clock: Clock
  readonly log: Logger
}

/** A transaction that was taken. */
export interface Acceptance {
  readonly entry: MempoolEntry
  /** Those that had to go for it, with all that needed them. */
  readonly replaced: readonly MempoolEntry[]
}

/** How a transaction comes. */
interface ComingTransaction {
  /** When it came first, in milliseconds since the Unix epoch; undefined for now. */
  readonly addedMs: number | undefined
  /** Whether it comes back after a reorganisation. */
  readonly isReturning?: boolean
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
  readonly #rollingFee: RollingFee
  readonly #judge: TipJudge
  readonly #accepting = new Mutex()
  /** Waiting to be judged anew after a reorganisation. */
  #displaced: DisplacedTransaction[] = []
  /** Those of them that waited before it. */
  readonly #displacedIds = new Set<TxidHex>()
  /** Readmissions that are not over. */
  #readmissions = 0
  /** Called once nothing that a reorganisation has displaced is on its way back. */
  #waitingForSettled: (() => void)[] = []
  /** How long transactions have been judged since others last had a turn. */
  #busyMs = 0
  #sequence = 0

  constructor(deps: MempoolDeps, policy: Partial<MempoolPolicy> = {}) {
    this.#deps = deps
    this.policy = createMempoolPolicy(policy)
    this.#rollingFee = new RollingFee(this.policy)
    this.#judge = new TipJudge(
      { ...deps, waiting: this.#waiting },
      {
        policy: this.policy,
        clock: deps.clock,
        feeDeltaOf: (txid) => this.#feeDeltas.get(txid),
        minFeeRate: () => this.#currentRollingFee(),
      },
    )
    const { events } = deps.chain
    events.on('blockConnected', (event) => this.#onBlockConnected(event))
    events.on('blockDisconnected', (event) => this.#onBlockDisconnected(event))
    events.on('tipChanged', () => this.#readmit())
  }

  /** Resolves once all transactions that a reorganisation has displaced are back, or refused: mostly at once. */
  settled(): Promise<void> {
    if (this.#isSettled) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waitingForSettled.push(resolve)
    })
  }

  get #isSettled(): boolean {
    return this.#displaced.length === 0 && this.#readmissions === 0
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
    const { minRelayFeeRate } = this.policy
    if (rolling > minRelayFeeRate) return rolling
    return minRelayFeeRate
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
  select(limits: Omit<SelectionLimits, 'minFeeRate'>): Selection {
    const minFeeRate = this.policy.blockMinFeeRate
    return selectTransactions(this.#waiting.table, { ...limits, minFeeRate })
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
    const { entry } = await this.#accepting.run(() => this.#acceptInTurn(tx, { addedMs }))
    return entry
  }

  /**
   * Takes a child with its parents: each by itself if it can be, and those that pay too little by themselves together.
   *
   * @param transactions - Parents first, the child last.
   * @param maxFeeRate - None may pay more, satoshis per 1,000 virtual bytes; undefined for no limit.
   * @see Bitcoin Core `ProcessNewPackage`; BIP-0331
   */
  acceptPackage(
    transactions: readonly Transaction[],
    maxFeeRate?: bigint,
  ): Promise<PackageOutcome> {
    return this.#accepting.run(async () => {
      const members: PackageMember[] = []
      for (const tx of transactions) members.push(await this.#acceptMember(tx, maxFeeRate))
      const rest = members.flatMap(({ refusal }) => refusal ?? [])
      const isHopeless = rest.length < 2 || !rest.every(isReconsiderable)
      const outcome = isHopeless
        ? { members, refusal: undefined }
        : await this.#acceptTogether(members, maxFeeRate)
      // Members that came early may have made room for others.
      const kept = outcome.members.map((member): PackageMember => {
        const { tx, entry } = member
        const isGone = entry !== undefined && this.#waiting.get(entry.txid) === undefined
        return isGone ? { ...createMember(tx), refusal: new MempoolError('mempool full') } : member
      })
      return { ...outcome, members: kept }
    })
  }

  async #acceptMember(tx: Transaction, maxFeeRate: bigint | undefined): Promise<PackageMember> {
    // With other witnesses it does as well.
    const known = this.#waiting.get(toDisplayHex(computeTxid(tx)))
    if (known !== undefined) return { ...createMember(tx), entry: known }
    try {
      const { entry, replaced } = await this.#acceptNow(tx, {
        maxFeeRate,
        mayExceedFamily: false,
      })
      return { tx, entry, group: [entry], replaced, refusal: undefined }
    } catch (error) {
      if (!isRefusal(error)) throw error
      return { ...createMember(tx), refusal: error }
    }
  }

  /** Tries again together what was refused alone. */
  async #acceptTogether(
    members: readonly PackageMember[],
    maxFeeRate: bigint | undefined,
  ): Promise<PackageOutcome> {
    const rest = members.filter(({ refusal }) => refusal !== undefined)
    const { taken, refusal, refusedAt } = await this.#judge.judgeTogether(
      rest.map(({ tx }) => tx),
      { maxFeeRate, mayReplace: false, mayExceedFamily: false },
      true,
    )
    if (refusal === undefined) {
      this.#addTogether(taken)
      const resolved = new Map(
        rest.map((member, i): [PackageMember, PackageMember] => [
          member,
          { tx: member.tx, entry: taken[i], group: taken, replaced: [], refusal: undefined },
        ]),
      )
      return { members: members.map((member) => resolved.get(member) ?? member), refusal }
    }
    const refused = refusedAt === undefined ? undefined : rest[refusedAt]
    return {
      members: members.map((member) => (member === refused ? { ...member, refusal } : member)),
      refusal: findWholeRefusal(refusal, refused),
    }
  }

  /** Keeps all of a package or, if there is no room for one of them, none. */
  #addTogether(group: readonly WaitingTransaction[]): void {
    const fresh = new Set(group)
    for (const entry of group) this.#add(entry)
    this.#limit(fresh)
    const isWhole = group.every((entry) => this.#waiting.get(entry.txid) === entry)
    for (const entry of group) {
      if (isWhole) this.#tellAdded(entry)
      else this.#drop(entry, 'sizelimit', fresh)
    }
  }

  /**
   * Judges transactions as {@link accept} would, one after another, and keeps none.
   *
   * @param transactions - Parents first; each may spend outputs of those before it.
   * @see Bitcoin Core `ProcessNewPackage` with `test_accept`
   */
  check(transactions: readonly Transaction[]): Promise<PackageVerdict> {
    // Of several, none may be what another replaces, or beside the limits.
    const isAlone = transactions.length === 1
    const wishes = { mayReplace: isAlone, mayExceedFamily: isAlone }
    return this.#accepting.run(() => this.#judge.judgeTogether(transactions, wishes, false))
  }

  /** Of many, each after others have had a turn where that is due. */
  async #acceptInTurn(
    tx: Transaction,
    { addedMs, isReturning = false }: ComingTransaction,
  ): Promise<Acceptance> {
    if (this.#busyMs > MAX_BUSY_MS) {
      await sleep(this.#deps.clock, 0)
      this.#busyMs = 0
    }
    const startMs = this.#deps.clock.monotonic()
    try {
      return await this.#acceptNow(tx, {
        isReturning,
        ...(addedMs !== undefined && { nowMs: addedMs }),
      })
    } finally {
      this.#busyMs += this.#deps.clock.monotonic() - startMs
    }
  }

  async #acceptNow(tx: Transaction, wishes: JudgeWishes): Promise<Acceptance> {
    const { entry, replaced } = await this.#judge.judge(tx, wishes)
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
      this.#rollingFee.raise(feeRateOf(modifiedFee, virtualSize) + this.policy.incrementalFeeRate)
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
    this.#readmissions += 1
    void this.#accepting.run(async () => {
      for (const { tx, addedMs } of displaced) {
        try {
          await this.#acceptInTurn(tx, { addedMs, isReturning: true })
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
      this.#readmissions -= 1
      if (!this.#isSettled) return
      const waiting = this.#waitingForSettled
      this.#waitingForSettled = []
      for (const resolve of waiting) resolve()
    })
  }
}

/** What is told of a whole package of which one is refused, or all are. */
function findWholeRefusal(
  refusal: Refusal,
  refused: PackageMember | undefined,
): MempoolError | undefined {
  if (refusal.code === 'missing-ephemeral-spends') return new MempoolError('unspent-dust')
  return refused === undefined && refusal instanceof MempoolError ? refusal : undefined
}
