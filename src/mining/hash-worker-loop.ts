/** @module What runs inside a hash worker: scan, report, give way. */

import { encodeHeader } from '../primitives/index.ts'
import type { Clock } from '../util/index.ts'
import { computeWorkMerkleRoot } from './coinbase.ts'
import type { HashEngine, ScanHit } from './hash-engine.ts'
import type { HashWorkerCommand, HashWorkerReport } from './hash-worker-messages.ts'
import type { WorkUnit } from './work-unit.ts'

/** How long one call into the engine should take: short enough to notice new work at once. */
const SCAN_TARGET_MS = 4
const MIN_SCAN_COUNT = 256
const MAX_SCAN_COUNT = 65_536
/** The first calls are short, while the engine's compiler warms up. */
const INITIAL_SCAN_COUNT = 4_096
const PROGRESS_INTERVAL_MS = 200
/** A pause shorter than this is saved up: timers are no finer. */
const MIN_PAUSE_MS = 2
const NONCE_COUNT = 2 ** 32

/** What the loop works with. */
export interface HashWorkerLoopDeps {
  readonly engine: HashEngine
  readonly clock: Clock
  /** Resolves after messages that wait have been handled. Must be cheap. */
  readonly yieldToMessages: () => Promise<void>
  readonly report: (report: HashWorkerReport) => void
}

/** Where in its unit the worker is. */
interface Cursor {
  readonly unit: WorkUnit
  extraNonce2: number
  nonce: number
  isPrepared: boolean
}

function encodeExtraNonce2(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let rest = value
  for (let i = 0; i < size; i++) {
    bytes[i] = rest & 0xff
    rest >>>= 8
  }
  return bytes
}

/**
 * Hashes units one after another until told otherwise. Calls into the engine take a few milliseconds;
 * between any two of them commands are handled, so stale work is dropped within one call.
 */
export class HashWorkerLoop {
  readonly #deps: HashWorkerLoopDeps
  #cursor: Cursor | undefined
  #throttle = 1
  #isRunning = false
  #scanCount = INITIAL_SCAN_COUNT
  /** How long the worker must still pause to keep to its share. */
  #pauseDebtMs = 0
  #hashes = 0
  #busyMs = 0
  #lastProgressMs: number

  constructor(deps: HashWorkerLoopDeps) {
    this.#deps = deps
    this.#lastProgressMs = deps.clock.monotonic()
  }

  /** Handles a command from the miner. */
  handle(command: HashWorkerCommand): void {
    switch (command.type) {
      case 'work':
        this.#cursor = { unit: command.unit, extraNonce2: 0, nonce: 0, isPrepared: false }
        void this.#run()
        break
      case 'idle':
        this.#cursor = undefined
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
      for (let cursor = this.#cursor; cursor !== undefined; cursor = this.#cursor) {
        this.#scan(cursor)
        await this.#giveWay()
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#deps.report({ type: 'failed', reason })
    } finally {
      this.#isRunning = false
      this.#reportProgress()
    }
  }

  #prepare(cursor: Cursor): void {
    const { unit } = cursor
    const extraNonce2 = encodeExtraNonce2(cursor.extraNonce2, unit.extraNonce2Size)
    this.#deps.engine.prepare({
      header: encodeHeader({
        version: unit.version,
        prevBlockHash: unit.prevBlockHash,
        merkleRoot: computeWorkMerkleRoot(unit, extraNonce2),
        time: unit.timeMin,
        bits: unit.bits,
        nonce: 0,
      }),
      shareTarget: unit.shareTarget,
      blockTarget: unit.blockTarget,
      versionMask: 0,
      versionCount: 1,
    })
    cursor.isPrepared = true
  }

  #scan(cursor: Cursor): void {
    const { clock, engine } = this.#deps
    const startMs = clock.monotonic()
    if (!cursor.isPrepared) this.#prepare(cursor)
    const count = Math.min(this.#scanCount, NONCE_COUNT - cursor.nonce)
    const { noncesDone, hits } = engine.scan(cursor.nonce, count)
    const elapsedMs = clock.monotonic() - startMs
    const best = hits.find((hit) => hit.meetsBlock)
    for (const hit of best === undefined ? hits : [best]) this.#reportHit(cursor, hit)
    // A block makes the rest of its unit stale: new work is on its way.
    if (best !== undefined) this.#cursor = undefined
    this.#advance(cursor, noncesDone)
    this.#hashes += noncesDone
    this.#busyMs += elapsedMs
    this.#pauseDebtMs += elapsedMs * (1 / this.#throttle - 1)
    this.#adaptScanCount(noncesDone, elapsedMs)
  }

  #advance(cursor: Cursor, noncesDone: number): void {
    cursor.nonce += noncesDone
    if (cursor.nonce < NONCE_COUNT) return
    cursor.nonce = 0
    cursor.extraNonce2 += 1
    cursor.isPrepared = false
  }

  #adaptScanCount(noncesDone: number, elapsedMs: number): void {
    const wanted = (noncesDone / Math.max(elapsedMs, 0.01)) * SCAN_TARGET_MS
    const bounded = Math.min(Math.max(wanted, MIN_SCAN_COUNT), MAX_SCAN_COUNT)
    // Moves half of the way, so that one slow call does not halve the rate of the next ones.
    this.#scanCount = Math.round((this.#scanCount + bounded) / 2)
  }

  #reportHit(cursor: Cursor, hit: ScanHit): void {
    this.#deps.report({
      type: 'solution',
      solved: {
        unitId: cursor.unit.id,
        extraNonce2: encodeExtraNonce2(cursor.extraNonce2, cursor.unit.extraNonce2Size),
        time: cursor.unit.timeMin,
        version: hit.version,
        nonce: hit.nonce,
      },
    })
  }

  async #giveWay(): Promise<void> {
    const { clock } = this.#deps
    if (clock.monotonic() - this.#lastProgressMs >= PROGRESS_INTERVAL_MS) this.#reportProgress()
    if (this.#pauseDebtMs < MIN_PAUSE_MS) return this.#deps.yieldToMessages()
    const startMs = clock.monotonic()
    await new Promise<void>((resolve) => {
      clock.schedule(this.#pauseDebtMs, resolve)
    })
    this.#pauseDebtMs -= clock.monotonic() - startMs
  }

  #reportProgress(): void {
    this.#deps.report({ type: 'progress', hashes: this.#hashes, busyMs: this.#busyMs })
    this.#hashes = 0
    this.#busyMs = 0
    this.#lastProgressMs = this.#deps.clock.monotonic()
  }
}
