/** @module The workers of a miner: how many, how busy, and what happens when one fails. */

import type { Clock, Logger, Timer } from '../util/index.ts'
import type {
  EngineChoice,
  HashWorker,
  HashWorkerReport,
  SpawnHashWorker,
} from './hash-worker-messages.ts'
import type { JobManager, Lease } from './job-manager.ts'
import { type HashRates, RateMeter } from './rate-meter.ts'
import type { SolvedWork } from './work-unit.ts'

/** Ticks of a second without a word after which a worker that should speak is taken for dead. */
export const STALL_TICKS = 30
/** Faults within {@link FAULT_WINDOW_MS} after which the miner trusts its engine no more. */
export const MAX_FAULTS = 4
/** Older faults are forgotten. */
export const FAULT_WINDOW_MS = 600_000
/** A failed worker is replaced after this long, doubled with each fault of late. */
const RESTART_DELAY_MS = 100
const MAX_RESTART_DELAY_MS = 30_000

/** What the pool works with. */
export interface HashWorkerPoolDeps {
  readonly spawnHashWorker: SpawnHashWorker
  readonly jobs: JobManager
  /** Called for everything that a worker claims to have found. */
  readonly onSolution: (workerIndex: number, solved: SolvedWork) => void
  readonly clock: Clock
  readonly log: Logger
}

/** What a worker is doing. `starting` until its engine has passed its test; `failed` if it could not be started. */
export type HashWorkerState = 'starting' | 'hashing' | 'idle' | 'restarting' | 'failed'

/** One worker, as people see it. */
export interface HashWorkerStats {
  readonly index: number
  readonly state: HashWorkerState
  /** Its engine's name; empty until it is ready. */
  readonly engine: string
  readonly hashesPerSecond: HashRates
  /** How often it was replaced. */
  readonly restarts: number
}

interface Slot {
  readonly index: number
  readonly meter: RateMeter
  /** Undefined while it waits to be replaced. */
  worker: HashWorker | undefined
  restartTimer: Timer | undefined
  engine: string
  lease: Lease | undefined
  silentTicks: number
  restarts: number
  /** Workers in a row that failed before they were ready. */
  failedStarts: number
}

/**
 * Keeps a number of workers at work on the jobs there are.
 *
 * A worker that throws, traps, ends, says nothing for {@link STALL_TICKS} ticks or claims what is not true is
 * replaced, and its unit done again. After {@link MAX_FAULTS} of these every worker goes over to the fallback
 * engine, for good. A worker that cannot be started with that either is given up.
 */
export class HashWorkerPool {
  readonly #deps: HashWorkerPoolDeps
  readonly #meter: RateMeter
  readonly #slots = new Map<number, Slot>()
  readonly #endings = new Set<Promise<void>>()
  #throttle: number
  #isPaused = false
  #engine: EngineChoice = 'fastest'
  #faultTimesMs: number[] = []
  /** Whether a failed start has been logged since a worker was last ready. */
  #hasLoggedFailedStart = false

  constructor(deps: HashWorkerPoolDeps, throttle: number) {
    this.#deps = deps
    this.#throttle = throttle
    this.#meter = new RateMeter(deps.clock)
  }

  /** Workers that run or will be replaced. */
  get threads(): number {
    return [...this.#slots.values()].filter((slot) => !isGivenUp(slot, this.#engine)).length
  }

  get throttle(): number {
    return this.#throttle
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Whether the workers had to go over to the fallback engine. */
  get isDegraded(): boolean {
    return this.#engine === 'fallback'
  }

  /** Of all workers together, those that are gone included. */
  get rates(): HashRates {
    return this.#meter.rates()
  }

  /** Hashes since the start. */
  get hashes(): number {
    return this.#meter.total
  }

  get workers(): readonly HashWorkerStats[] {
    return [...this.#slots.values()].map((slot) => ({
      index: slot.index,
      state: describeState(slot, this.#engine),
      engine: slot.engine,
      hashesPerSecond: slot.meter.rates(),
      restarts: slot.restarts,
    }))
  }

  /** The unit that a worker has in hand, of the first that has one. */
  get currentLease(): Lease | undefined {
    return [...this.#slots.values()].find(({ lease }) => lease !== undefined)?.lease
  }

  /** Starts or ends workers until there are so many. Workers that were given up are tried again. */
  setThreads(count: number): void {
    for (const slot of [...this.#slots.values()]) {
      if (slot.index < count && !isGivenUp(slot, this.#engine)) continue
      this.#slots.delete(slot.index)
      this.#end(slot, false)
    }
    for (let index = 0; index < count; index++) {
      if (this.#slots.has(index)) continue
      const slot: Slot = {
        index,
        meter: new RateMeter(this.#deps.clock),
        worker: undefined,
        restartTimer: undefined,
        engine: '',
        lease: undefined,
        silentTicks: 0,
        restarts: 0,
        failedStarts: 0,
      }
      this.#slots.set(index, slot)
      this.#spawn(slot)
    }
  }

  /** @param share - Of a core for each worker, above 0 and up to 1. */
  setThrottle(share: number): void {
    this.#throttle = share
    for (const { worker } of this.#slots.values()) worker?.send({ type: 'throttle', share })
  }

  /** Lets workers rest, or go on. */
  setPaused(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    for (const slot of this.#slots.values()) {
      if (isPaused) this.#rest(slot)
      else this.#assign(slot)
    }
  }

  /** Gives work to whoever has none, or whose work is outranked. To be called when the jobs have changed. */
  redistribute(): void {
    const { jobs } = this.#deps
    for (const slot of this.#slots.values()) {
      if (slot.lease === undefined || jobs.isOutranked(slot.lease)) this.#assign(slot)
    }
  }

  /** Looks for workers that have stalled. To be called once a second. */
  tick(): void {
    for (const slot of this.#slots.values()) {
      if (slot.worker === undefined || (slot.engine !== '' && slot.lease === undefined)) continue
      // Ticks are counted, not time: a thread of ours that was busy or asleep itself proves nothing.
      slot.silentTicks += 1
      if (slot.silentTicks >= STALL_TICKS) this.#onFault(slot, 'no sign of life')
    }
  }

  /** Replaces a worker whose claim was wrong. */
  reportWrongHit(workerIndex: number): void {
    const slot = this.#slots.get(workerIndex)
    if (slot !== undefined) this.#onFault(slot, 'it claimed a hash that is none')
  }

  /** Resolves when every thread has ended. */
  async stop(): Promise<void> {
    this.setThreads(0)
    await Promise.all(this.#endings)
  }

  #spawn(slot: Slot): void {
    const isCurrent = (): boolean => slot.worker === worker
    const worker = this.#deps.spawnHashWorker(
      this.#engine,
      (report) => {
        if (isCurrent()) this.#onReport(slot, report)
      },
      (reason) => {
        if (isCurrent()) this.#onFault(slot, reason)
      },
    )
    slot.worker = worker
    slot.restartTimer = undefined
    slot.silentTicks = 0
    worker.send({ type: 'throttle', share: this.#throttle })
    this.#assign(slot)
  }

  /** Takes away a worker and what it has in hand. */
  #end(slot: Slot, isFaulty: boolean): void {
    const { worker } = slot
    slot.restartTimer?.cancel()
    slot.worker = undefined
    slot.engine = ''
    this.#giveBack(slot.lease, isFaulty)
    slot.lease = undefined
    if (worker === undefined) return
    const ending: Promise<void> = worker
      .terminate()
      .catch(() => undefined)
      .finally(() => this.#endings.delete(ending))
    this.#endings.add(ending)
  }

  /** A unit without an end need not be done again because somebody stopped: there are more of them. */
  #giveBack(lease: Lease | undefined, isFaulty: boolean): void {
    if (lease === undefined) return
    if (isFaulty || lease.unit.hashesMax !== undefined) this.#deps.jobs.giveBack(lease)
  }

  #rest(slot: Slot): void {
    this.#giveBack(slot.lease, false)
    slot.lease = undefined
    slot.worker?.send({ type: 'idle' })
  }

  #assign(slot: Slot): void {
    if (slot.worker === undefined || this.#isPaused) return
    const before = slot.lease
    slot.lease = this.#deps.jobs.lease(slot.index)
    this.#giveBack(before, false)
    if (slot.lease !== undefined) slot.worker.send({ type: 'work', unit: slot.lease.unit })
    else if (before !== undefined) slot.worker.send({ type: 'idle' })
  }

  #onReport(slot: Slot, report: HashWorkerReport): void {
    slot.silentTicks = 0
    switch (report.type) {
      case 'ready':
        slot.engine = report.engine
        slot.failedStarts = 0
        this.#hasLoggedFailedStart = false
        this.#deps.log.debug('hash worker is ready', { worker: slot.index, engine: report.engine })
        break
      case 'progress':
        slot.meter.add(report.hashes)
        this.#meter.add(report.hashes)
        break
      case 'solution':
        this.#deps.onSolution(slot.index, report.solved)
        break
      case 'finished':
        this.#onFinished(slot, report.unitId)
        break
      case 'failed':
        this.#onFault(slot, report.reason)
        break
    }
  }

  #onFinished(slot: Slot, unitId: number): void {
    const { lease } = slot
    // The worker may have been given something else in the meantime.
    if (lease?.unit.id !== unitId) return
    slot.lease = undefined
    lease.job.onUnitFinished?.(lease.unit)
    this.#assign(slot)
  }

  #onFault(slot: Slot, reason: string): void {
    const { clock } = this.#deps
    const nowMs = clock.monotonic()
    this.#faultTimesMs = this.#faultTimesMs.filter((atMs) => nowMs - atMs <= FAULT_WINDOW_MS)
    this.#faultTimesMs.push(nowMs)
    const faults = this.#faultTimesMs.length
    this.#logFault(slot, reason, faults)
    if (slot.engine === '') slot.failedStarts += 1
    this.#end(slot, true)
    slot.restarts += 1
    if (faults >= MAX_FAULTS && this.#engine === 'fastest') {
      this.#degrade(faults)
      return
    }
    if (isGivenUp(slot, this.#engine)) {
      this.#logGivenUp(slot, reason)
      return
    }
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** (faults - 1), MAX_RESTART_DELAY_MS)
    slot.restartTimer = clock.schedule(delayMs, () => this.#spawn(slot))
  }

  /** Failed starts usually have one cause, which is logged once. */
  #logFault(slot: Slot, reason: string, faults: number): void {
    const isFailedStart = slot.engine === ''
    const level = isFailedStart && this.#hasLoggedFailedStart ? 'debug' : 'error'
    if (isFailedStart) this.#hasLoggedFailedStart = true
    const fields = { worker: slot.index, reason, faults }
    this.#deps.log[level]('hash worker failed and is replaced', fields)
  }

  #logGivenUp(slot: Slot, reason: string): void {
    const { threads } = this
    this.#deps.log.error(
      threads === 0
        ? 'no hash worker can be started, so nothing is mined'
        : 'hash worker cannot be started and is given up: fewer threads mine',
      { worker: slot.index, threads, reason },
    )
  }

  #degrade(faults: number): void {
    this.#deps.log.error(
      'hashing goes on with the slow fallback engine, because the fast one keeps failing',
      { faults },
    )
    this.#engine = 'fallback'
    this.#faultTimesMs = []
    for (const slot of this.#slots.values()) {
      slot.failedStarts = 0
      this.#end(slot, true)
      this.#spawn(slot)
    }
  }
}

/** Whether a worker is not tried again: nothing is left to try once the fallback engine could not be started. */
function isGivenUp({ failedStarts }: Slot, choice: EngineChoice): boolean {
  return choice === 'fallback' && failedStarts >= MAX_FAULTS
}

function describeState(slot: Slot, choice: EngineChoice): HashWorkerState {
  const { worker, engine, lease } = slot
  if (isGivenUp(slot, choice)) return 'failed'
  if (worker === undefined) return 'restarting'
  if (engine === '') return 'starting'
  return lease === undefined ? 'idle' : 'hashing'
}
