/** @module What runs inside a hash worker: scan, report, give way. */

import { type Clock, toErrorMessage } from '../util/index.ts'
import { type HashEngine, NONCE_COUNT, type ScanHit } from './hash-engine.ts'
import type { HashWorkerCommand, HashWorkerReport } from './hash-worker-messages.ts'
import { SearchCursor } from './search-cursor.ts'

/** How long one call into the engine should take: short enough to notice new work at once. */
const SCAN_TARGET_MS = 5
const MIN_SCAN_COUNT = 64
const MAX_SCAN_COUNT = 65_536
/** The first calls are short, while the engine's compiler warms up. */
const INITIAL_SCAN_COUNT = 4_096
const PROGRESS_INTERVAL_MS = 200
/** A pause shorter than this is saved up: timers are no finer. */
const MIN_PAUSE_MS = 2

/** What the loop works with. */
export interface HashWorkerLoopDeps {
  readonly engine: HashEngine
  readonly clock: Clock
  /**
   * Handles commands that wait, at once or by the time that the promise resolves. Called every few
   * milliseconds, so it must be cheap; a promise costs, too.
   */
  readonly yieldToMessages: () => Promise<void> | undefined
  readonly report: (report: HashWorkerReport) => void
}

/** What is being worked on. */
interface CurrentWork {
  readonly cursor: SearchCursor
  isPrepared: boolean
  hashesLeft: number
}

/**
 * Hashes units one after another until told otherwise. Calls into the engine take a few milliseconds;
 * between any two of them commands are handled, so stale work is dropped within one call.
 */
export class HashWorkerLoop {
  readonly #deps: HashWorkerLoopDeps
  #work: CurrentWork | undefined
  #throttle = 1
  #isRunning = false
  #scanCount: number
  /** How long the worker must still pause to keep to its share. */
  #pauseDebtMs = 0
  #hashes = 0
  #busyMs = 0
  #lastProgressMs: number

  constructor(deps: HashWorkerLoopDeps) {
    this.#deps = deps
    this.#scanCount = INITIAL_SCAN_COUNT
    this.#lastProgressMs = deps.clock.monotonic()
  }

  /** Handles a command from the miner. */
  handle(command: HashWorkerCommand): void {
    switch (command.type) {
      case 'work':
        this.#work = {
          cursor: new SearchCursor(command.unit),
          isPrepared: false,
          hashesLeft: command.unit.hashesMax ?? Number.POSITIVE_INFINITY,
        }
        void this.#run()
        break
      case 'idle':
        this.#work = undefined
        break
      case 'throttle':
        this.#throttle = command.share
        this.#pauseDebtMs = 0
        break
    }
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (let work = this.#work; work !== undefined; work = this.#work) {
        this.#scan(work)
        const pause = this.#giveWay()
        if (pause !== undefined) await pause
      }
    } catch (error) {
      this.#deps.report({ type: 'failed', reason: toErrorMessage(error) })
    } finally {
      this.#isRunning = false
      this.#reportProgress()
    }
  }

  #scan(work: CurrentWork): void {
    const { clock, engine } = this.#deps
    const { cursor } = work
    const startMs = clock.monotonic()
    if (!work.isPrepared) engine.prepare(cursor.createJob())
    work.isPrepared = true
    const wanted = Math.min(this.#scanCount, Math.ceil(work.hashesLeft / cursor.versionCount))
    const { noncesDone, hits } = engine.scan(
      cursor.nonce,
      Math.min(wanted, NONCE_COUNT - cursor.nonce),
    )
    const elapsedMs = clock.monotonic() - startMs
    const hashes = noncesDone * cursor.versionCount
    this.#hashes += hashes
    this.#busyMs += elapsedMs
    this.#pauseDebtMs += elapsedMs * (1 / this.#throttle - 1)
    this.#adaptScanCount(noncesDone, elapsedMs)
    const isBlockFound = this.#reportHits(cursor, hits)
    work.hashesLeft -= hashes
    if (cursor.advance(noncesDone)) work.isPrepared = false
    if (isBlockFound || work.hashesLeft <= 0 || cursor.isAtEnd) this.#finish(work)
  }

  /** @returns Whether one of them is a block, which makes the rest of the unit stale. */
  #reportHits(cursor: SearchCursor, hits: readonly ScanHit[]): boolean {
    const block = hits.find((hit) => hit.meetsBlock)
    for (const { version, nonce } of block === undefined ? hits : [block]) {
      const { extraNonce2, time, unit } = cursor
      const solved = { unitId: unit.id, extraNonce2, time, version, nonce }
      this.#deps.report({ type: 'solution', solved })
    }
    return block !== undefined
  }

  #finish(work: CurrentWork): void {
    this.#work = undefined
    this.#reportProgress()
    this.#deps.report({ type: 'finished', unitId: work.cursor.unit.id })
  }

  #adaptScanCount(noncesDone: number, elapsedMs: number): void {
    const wanted = (noncesDone / Math.max(elapsedMs, 0.01)) * SCAN_TARGET_MS
    const bounded = Math.min(Math.max(wanted, MIN_SCAN_COUNT), MAX_SCAN_COUNT)
    // Down slowly: a call is mostly slow because the thread had to wait, and short calls cost more.
    const pace = bounded > this.#scanCount ? 2 : 8
    this.#scanCount += Math.round((bounded - this.#scanCount) / pace)
  }

  #giveWay(): Promise<void> | undefined {
    const nowMs = this.#deps.clock.monotonic()
    if (nowMs - this.#lastProgressMs >= PROGRESS_INTERVAL_MS) this.#reportProgress(nowMs)
    return this.#pauseDebtMs < MIN_PAUSE_MS ? this.#deps.yieldToMessages() : this.#pause()
  }

  async #pause(): Promise<void> {
    const { clock } = this.#deps
    const startMs = clock.monotonic()
    await new Promise<void>((resolve) => {
      clock.schedule(this.#pauseDebtMs, resolve)
    })
    this.#pauseDebtMs -= clock.monotonic() - startMs
  }

  #reportProgress(nowMs = this.#deps.clock.monotonic()): void {
    this.#deps.report({ type: 'progress', hashes: this.#hashes, busyMs: this.#busyMs })
    this.#hashes = 0
    this.#busyMs = 0
    this.#lastProgressMs = nowMs
  }
}
