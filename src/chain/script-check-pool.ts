/** @module Verifies the scripts of large blocks on worker threads, and those of small ones here. */

import { ConsensusError, type ScriptCheck } from '../consensus/index.ts'
import {
  ScriptError,
  type SignatureCache,
  type SignatureEngine,
  SignatureNotCached,
} from '../script/index.ts'
import { type Clock, type Logger, sleep, type Timer, toErrorMessage } from '../util/index.ts'
import type { ScriptCheckSlice } from './script-check-codec.ts'
import {
  isHeavyCheck,
  type ScriptChecker,
  type VerifyOptions,
  verifyTransactionScripts,
} from './script-checker.ts'
import {
  createVerifyCommand,
  type ScriptFailure,
  type SpawnVerifyWorker,
  type VerifyWorker,
  type VerifyWorkerReport,
  verifySlices,
} from './verify-worker.ts'

/** Fewer inputs than this, some 10 ms of work, are verified on the thread that asks. See `npm run bench:script`. */
export const MIN_POOLED_INPUTS = 32
/** Inputs in a batch: enough to outweigh its message, few enough that a failure elsewhere soon stops a worker. */
const MIN_BATCH_INPUTS = 8
const MAX_BATCH_INPUTS = 96
/** Batches for each worker, at least, so that none waits long for the slowest. */
const BATCHES_PER_WORKER = 4
/** Inputs that are verified on this thread before others may run: one may check some two hundred signatures. */
const INPUTS_AT_ONCE = 4
/** Batches that a worker has at a time: one to work on, one to go on with at once. */
const MAX_BATCHES_PER_WORKER = 2
/** After so many workers that ended by themselves, no other is started. */
const MAX_WORKER_FAILURES = 3
/** How long workers wait for another large block before they end, to give their memory back. */
const IDLE_MS = 60_000
/** After so long others may run before this thread verifies more. */
const MAX_HOLD_MS = 25

/** What a pool works with. */
export interface ScriptCheckPoolDeps {
  readonly spawnVerifyWorker: SpawnVerifyWorker
  /** Verifies on this thread. */
  readonly signatures: SignatureEngine
  /** What the mempool has verified already. */
  readonly cache: SignatureCache
  readonly clock: Clock
  readonly log: Logger
}

/** How a pool behaves: plain data. */
export interface ScriptCheckPoolOptions {
  /** How many threads; with 0 everything is verified on the thread that asks. */
  readonly maxWorkers: number
  /** {@link MIN_POOLED_INPUTS} unless told. */
  readonly minInputs?: number
}

/** A block whose scripts are being verified on threads. */
interface Job {
  /** Batches without an outcome, by their place in the block. */
  readonly open: Set<Batch>
  failure: { readonly order: number; readonly failure: ScriptFailure } | undefined
  readonly finish: () => void
  readonly fail: (error: unknown) => void
}

interface Batch {
  readonly id: number
  readonly job: Job
  /** Place among the batches of the block. */
  readonly order: number
  readonly slices: readonly ScriptCheckSlice[]
}

/** A worker and what it has been given. */
interface Seat {
  readonly worker: VerifyWorker
  readonly batches: Map<number, Batch>
}

function countInputs(checks: readonly ScriptCheck[]): number {
  return checks.reduce((sum, { tx }) => sum + tx.inputs.length, 0)
}

/**
 * Cuts checks into runs of slices, each with `size` inputs but the last.
 *
 * @param maxSlices - Into how many a large transaction may be cut: each is sent with the whole of it.
 */
function* cutIntoBatches(
  checks: readonly ScriptCheck[],
  size: number,
  maxSlices: number,
): Generator<readonly ScriptCheckSlice[]> {
  let slices: ScriptCheckSlice[] = []
  let room = size
  for (const check of checks) {
    const { length } = check.tx.inputs
    const least = Math.ceil(length / maxSlices)
    if (least > size) {
      if (slices.length > 0) yield slices
      slices = []
      room = size
      for (let start = 0; start < length; start += least) {
        yield [{ check, start, end: Math.min(length, start + least) }]
      }
      continue
    }
    for (let start = 0; start < length; ) {
      const end = Math.min(length, start + room)
      slices.push({ check, start, end })
      room -= end - start
      start = end
      if (room > 0) continue
      yield slices
      slices = []
      room = size
    }
  }
  if (slices.length > 0) yield slices
}

function rejectFor(failure: ScriptFailure): ConsensusError {
  const { reason, txid } = failure
  return new ConsensusError('block-script-verify-flag-failed', { reason, txid })
}

/**
 * Verifies blocks on worker threads, which are started for the first block that is worth it and end when none comes
 * for a while.
 *
 * The outcome is the same on any number of threads: the error tells of the first input of the block that fails. Once
 * one has failed, nothing behind it is begun. Whatever a worker leaves undone when it ends is verified here.
 */
export class ScriptCheckPool implements ScriptChecker {
  readonly #deps: ScriptCheckPoolDeps
  readonly #maxWorkers: number
  readonly #minInputs: number
  readonly #recall: SignatureEngine
  readonly #seats = new Set<Seat>()
  /** Not yet given to anybody. */
  #queue: Batch[] = []
  /** What workers left undone. */
  readonly #left: Batch[] = []
  #isClearing = false
  #lastBatchId = 0
  #failures = 0
  #jobs = 0
  #idleTimer: Timer | undefined
  #isStopped = false

  constructor(deps: ScriptCheckPoolDeps, options: ScriptCheckPoolOptions) {
    this.#deps = deps
    this.#maxWorkers = options.maxWorkers
    this.#minInputs = options.minInputs ?? MIN_POOLED_INPUTS
    this.#recall = deps.cache.createRecallEngine(deps.signatures)
  }

  /** How many workers there are now. */
  get workerCount(): number {
    return this.#seats.size
  }

  /** @throws {@link ConsensusError} `block-script-verify-flag-failed` (reject). */
  async verify(
    checks: readonly ScriptCheck[],
    { isHeavy = false }: VerifyOptions = {},
  ): Promise<void> {
    const isSmall = (some: readonly ScriptCheck[]): boolean =>
      some.length === 0 ||
      (!isHeavy && countInputs(some) < this.#minInputs && !some.some(isHeavyCheck))
    if (isSmall(checks)) return this.#verifyHere(checks)
    this.#jobs += 1
    this.#idleTimer?.cancel()
    try {
      const unknown = await this.#dropKnown(checks)
      if (isSmall(unknown) || !this.#hire()) {
        await this.#verifyHere(unknown)
      } else await this.#verifyOnThreads(unknown)
    } finally {
      this.#jobs -= 1
      this.#armIdleTimer()
    }
  }

  /** Ends the workers. What is being verified goes on here. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#idleTimer?.cancel()
    await this.#dismiss()
  }

  /** Verifies without threads, giving way to others now and then. */
  async #verifyHere(checks: readonly ScriptCheck[]): Promise<void> {
    let since = this.#deps.clock.monotonic()
    for (const slices of cutIntoBatches(checks, INPUTS_AT_ONCE, Number.POSITIVE_INFINITY)) {
      since = await this.#giveWay(since)
      const failure = verifySlices(slices, this.#deps.signatures)
      if (failure !== undefined) throw rejectFor(failure)
    }
  }

  /** The checks that need a signature which is not remembered. */
  async #dropKnown(checks: readonly ScriptCheck[]): Promise<readonly ScriptCheck[]> {
    if (this.#deps.cache.size === 0) return checks
    const unknown: ScriptCheck[] = []
    let since = this.#deps.clock.monotonic()
    for (const check of checks) {
      since = await this.#giveWay(since)
      // Without a signature in it a script goes to its end, and that may take long.
      if (isHeavyCheck(check)) {
        unknown.push(check)
        continue
      }
      try {
        verifyTransactionScripts(check, this.#recall)
      } catch (error) {
        // What fails here may not be the first to fail, so that it has to wait for its turn.
        if (!(error instanceof SignatureNotCached || error instanceof ScriptError)) throw error
        unknown.push(check)
      }
    }
    return unknown
  }

  /** Lets others run if this thread was held for long. @returns Since when it is held. */
  async #giveWay(since: number): Promise<number> {
    const { clock } = this.#deps
    if (clock.monotonic() - since < MAX_HOLD_MS) return since
    await sleep(clock, 0)
    return clock.monotonic()
  }

  #verifyOnThreads(checks: readonly ScriptCheck[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const job: Job = { open: new Set(), failure: undefined, finish: resolve, fail: reject }
      const wanted = Math.ceil(countInputs(checks) / (this.#seats.size * BATCHES_PER_WORKER))
      const size = Math.min(MAX_BATCH_INPUTS, Math.max(MIN_BATCH_INPUTS, wanted))
      const maxSlices = this.#seats.size * BATCHES_PER_WORKER
      for (const slices of cutIntoBatches(checks, size, maxSlices)) {
        const batch = { id: ++this.#lastBatchId, job, order: job.open.size, slices }
        job.open.add(batch)
        this.#queue.push(batch)
      }
      this.#assign()
    })
  }

  /** Starts the workers that are missing. @returns Whether there are any. */
  #hire(): boolean {
    while (
      !this.#isStopped &&
      this.#failures < MAX_WORKER_FAILURES &&
      this.#seats.size < this.#maxWorkers
    ) {
      try {
        this.#hireOne()
      } catch (error) {
        this.#noteFailure(toErrorMessage(error))
      }
    }
    return this.#seats.size > 0
  }

  #hireOne(): void {
    const seat: Seat = {
      batches: new Map(),
      worker: this.#deps.spawnVerifyWorker(
        (report) => this.#onReport(seat, report),
        (reason) => this.#onLost(seat, reason),
      ),
    }
    this.#seats.add(seat)
  }

  /** Gives batches to workers, in order, encoded only now: few exist as bytes at a time. */
  #assign(): void {
    for (let round = 0; round < MAX_BATCHES_PER_WORKER; round++) {
      for (const seat of this.#seats) {
        if (seat.batches.size > round) continue
        const batch = this.#queue.shift()
        if (batch === undefined) return
        seat.batches.set(batch.id, batch)
        seat.worker.send(createVerifyCommand(batch.id, batch.slices))
      }
    }
  }

  #onReport(seat: Seat, report: VerifyWorkerReport): void {
    if (!this.#seats.has(seat)) return
    if (report.type === 'failed') {
      this.#onLost(seat, report.reason)
      void seat.worker.terminate()
      return
    }
    const batch = seat.batches.get(report.batchId)
    if (batch === undefined) return
    seat.batches.delete(batch.id)
    this.#settle(batch, report.failure)
    this.#assign()
  }

  /** Takes an outcome down; a failure makes all batches behind it superfluous. */
  #settle(batch: Batch, failure: ScriptFailure | undefined): void {
    const { job, order } = batch
    // Nobody waits for it any more: one in front of it has failed.
    if (!job.open.delete(batch)) return
    if (failure !== undefined) {
      job.failure = { order, failure }
      for (const other of job.open) if (other.order > order) job.open.delete(other)
      this.#queue = this.#queue.filter((other) => other.job !== job || job.open.has(other))
    }
    if (job.open.size > 0) return
    if (job.failure === undefined) job.finish()
    else job.fail(rejectFor(job.failure.failure))
  }

  #noteFailure(reason: string): void {
    this.#failures += 1
    this.#deps.log.warn('a verification worker ended by itself', { reason })
  }

  #onLost(seat: Seat, reason: string): void {
    if (!this.#seats.delete(seat)) return
    this.#noteFailure(reason)
    this.#takeOver([seat])
  }

  /** Takes back what workers that are gone were given, and everything if none is left. */
  #takeOver(lost: readonly Seat[]): void {
    for (const { batches } of lost) this.#left.push(...batches.values())
    if (this.#seats.size === 0) this.#left.push(...this.#queue.splice(0))
    void this.#clearLeft()
  }

  /** Verifies here what workers left undone, giving way to others after each batch. Never rejects. */
  async #clearLeft(): Promise<void> {
    if (this.#isClearing) return
    this.#isClearing = true
    for (let batch = this.#left.shift(); batch !== undefined; batch = this.#left.shift()) {
      if (!batch.job.open.has(batch)) continue
      try {
        this.#settle(batch, verifySlices(batch.slices, this.#deps.signatures))
      } catch (error) {
        const { job } = batch
        job.open.clear()
        this.#queue = this.#queue.filter((other) => other.job !== job)
        job.fail(error)
      }
      await sleep(this.#deps.clock, 0)
    }
    this.#isClearing = false
  }

  async #dismiss(): Promise<void> {
    const seats = [...this.#seats]
    this.#seats.clear()
    this.#takeOver(seats)
    await Promise.all(seats.map(({ worker }) => worker.terminate()))
  }

  #armIdleTimer(): void {
    if (this.#jobs > 0 || this.#isStopped || this.#seats.size === 0) return
    this.#idleTimer?.cancel()
    this.#idleTimer = this.#deps.clock.schedule(IDLE_MS, () => void this.#dismiss())
  }
}
