/** @module What is known of each worker: shares, refusals, speed. */

import type { StratumErrorCode } from '../stratum/index.ts'
import type { Clock } from '../util/index.ts'

/** Workers that are remembered: of more, those that have been silent for longest are forgotten. */
export const MAX_WORKERS_REMEMBERED = 10_000
/** Time constant of a worker's speed, in milliseconds. */
const DECAY_MS = 300_000
/** Expected hashes for a share of difficulty 1. */
const HASHES_PER_DIFFICULTY = 2 ** 32

/** What a worker has done since the node started. */
export interface WorkerStats {
  readonly name: string
  /** Sessions that are logged in with this name. */
  readonly sessions: number
  readonly acceptedShares: number
  /** Expected hashes of all accepted shares. */
  readonly acceptedWork: bigint
  readonly refusedShares: Readonly<Partial<Record<StratumErrorCode, number>>>
  /** Of stale shares: the sum of how late they were, in milliseconds. */
  readonly lateMs: number
  readonly hashesPerSecond: number
  /** Of the best share. */
  readonly bestDifficulty: number
  readonly blocksFound: number
  /** Unix milliseconds; undefined before the first share. */
  readonly lastShareAt: number | undefined
}

interface WorkerRecord {
  name: string
  sessions: number
  acceptedShares: number
  acceptedWork: bigint
  refusedShares: Partial<Record<StratumErrorCode, number>>
  lateMs: number
  bestDifficulty: number
  blocksFound: number
  lastShareAt: number | undefined
  /** Difficulty of all shares, each weighed by its age. */
  recent: number
  recentAt: number
  firstAt: number
}

/** Counts by worker. */
export class WorkerBook {
  readonly #clock: Clock
  readonly #records = new Map<string, WorkerRecord>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** All workers, the one that was heard of last at the end. */
  list(): readonly WorkerStats[] {
    return [...this.#records.values()].map((record) => this.#describe(record))
  }

  get(name: string): WorkerStats | undefined {
    const record = this.#records.get(name)
    return record === undefined ? undefined : this.#describe(record)
  }

  /** @returns Whether it is the first session of this worker. */
  join(name: string): boolean {
    const record = this.#touch(name)
    record.sessions += 1
    return record.sessions === 1
  }

  /** @returns Whether it was the last session of this worker. */
  leave(name: string): boolean {
    const record = this.#records.get(name)
    if (record === undefined || record.sessions === 0) return false
    record.sessions -= 1
    return record.sessions === 0
  }

  /** @param bestDifficulty - What the hash would have been enough for. */
  accept(name: string, difficulty: number, work: bigint, bestDifficulty: number): void {
    const record = this.#touch(name)
    const now = this.#clock.monotonic()
    record.recent = this.#decayed(record, now) + difficulty
    record.recentAt = now
    record.acceptedShares += 1
    record.acceptedWork += work
    record.bestDifficulty = Math.max(record.bestDifficulty, bestDifficulty)
    record.lastShareAt = this.#clock.now()
  }

  refuse(name: string, code: StratumErrorCode, lateMs = 0): void {
    const record = this.#touch(name)
    record.refusedShares[code] = (record.refusedShares[code] ?? 0) + 1
    record.lateMs += lateMs
  }

  foundBlock(name: string): void {
    this.#touch(name).blocksFound += 1
  }

  #touch(name: string): WorkerRecord {
    const known = this.#records.get(name)
    if (known !== undefined) {
      this.#records.delete(name)
      this.#records.set(name, known)
      return known
    }
    this.#makeRoom()
    const now = this.#clock.monotonic()
    const record: WorkerRecord = {
      name,
      sessions: 0,
      acceptedShares: 0,
      acceptedWork: 0n,
      refusedShares: {},
      lateMs: 0,
      bestDifficulty: 0,
      blocksFound: 0,
      lastShareAt: undefined,
      recent: 0,
      recentAt: now,
      firstAt: now,
    }
    this.#records.set(name, record)
    return record
  }

  #makeRoom(): void {
    if (this.#records.size < MAX_WORKERS_REMEMBERED) return
    for (const [name, { sessions }] of this.#records) {
      if (sessions > 0) continue
      this.#records.delete(name)
      return
    }
  }

  #decayed({ recent, recentAt }: WorkerRecord, now: number): number {
    return recent * Math.exp(-(now - recentAt) / DECAY_MS)
  }

  #describe(record: WorkerRecord): WorkerStats {
    const now = this.#clock.monotonic()
    const { recent, recentAt, firstAt, ...stats } = record
    const sum = this.#decayed(record, now)
    // The average of a young worker is made up for the time before it came.
    const seconds = (DECAY_MS * (1 - Math.exp(-(now - firstAt) / DECAY_MS))) / 1_000
    const hashesPerSecond = seconds > 0 ? (sum / seconds) * HASHES_PER_DIFFICULTY : 0
    return { ...stats, refusedShares: { ...stats.refusedShares }, hashesPerSecond }
  }
}
