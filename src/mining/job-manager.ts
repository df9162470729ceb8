/** @module Who hashes what: the one owner of this miner's search space. */

import type { BlockHash } from '../primitives/index.ts'
import { assertInvariant, concatBytes } from '../util/index.ts'
import { MINER_EXTRA_NONCE } from './coinbase.ts'
import type { SolvedWork, WorkUnit } from './work-unit.ts'

/** The most workers: a worker's number is one byte of extra nonce. */
export const MAX_WORKERS = 256
/** Bytes of extra nonce that tell the units of one worker apart: more than a worker gets in half a year. */
const LEASE_SIZE = MINER_EXTRA_NONCE.sessionSize - 1
/** Units of each worker whose hits are still taken: the current one and those just before. */
const UNITS_KEPT_PER_WORKER = 4

/** A hash that meets its unit's share target, hashed again by another implementation. */
export interface JobHit {
  readonly unit: WorkUnit
  readonly solved: SolvedWork
  readonly hash: BlockHash
}

/** Work that is handed out in units. */
export interface Job {
  /** Higher runs first; of equals, the one that came first. */
  readonly priority: number
  /**
   * Makes one more unit.
   *
   * @param id - Its number.
   * @param extraNonce1 - 8 bytes that no other unit has.
   * @returns Nothing if all of the job has been handed out.
   */
  createUnit(id: number, extraNonce1: Uint8Array): WorkUnit | undefined
  /** Called for every hit, once. Must not throw. */
  onHit(hit: JobHit): void
  /** Called when a unit has been gone through. */
  onUnitFinished?(unit: WorkUnit): void
}

/** A unit in a worker's hands, or that was lately. */
export interface Lease {
  readonly job: Job
  readonly unit: WorkUnit
  readonly workerIndex: number
}

/**
 * Hands out units that never overlap. Each has eight bytes of extra nonce to itself: four of the node, one of
 * the worker, three that count the worker's units. Within its unit a worker changes four more, then time,
 * version and nonce (`SearchCursor`). So no two workers, and no two nodes that pay the same script, hash one
 * header; nor does a worker begin anew where it was before when its work is refreshed within a second.
 *
 * A unit that its worker could not finish is given back and handed out again, as it is.
 */
export class JobManager {
  readonly #nodeExtraNonce: Uint8Array
  /** In the order of their coming, each with the units that were given back. */
  readonly #jobs = new Map<Job, WorkUnit[]>()
  /** By worker, oldest first. */
  readonly #leases = new Map<number, Lease[]>()
  readonly #leaseCounts = new Map<number, number>()
  #lastUnitId = 0

  /** @param nodeExtraNonce - 4 bytes that differ from node to node. */
  constructor(nodeExtraNonce: Uint8Array) {
    assertInvariant(
      nodeExtraNonce.length === MINER_EXTRA_NONCE.nodeSize,
      'the part of the extra nonce that is the node has four bytes',
    )
    this.#nodeExtraNonce = nodeExtraNonce
  }

  /** Takes a job. Whoever adds one removes it, and sees to it that there are not too many. */
  add(job: Job): void {
    this.#jobs.set(job, [])
  }

  /** Hands out nothing more of a job. Late hits in its last units still reach it. */
  remove(job: Job): void {
    this.#jobs.delete(job)
  }

  /** Whether a worker's unit should make room: its job is gone, or a more urgent one has come. */
  isOutranked(lease: Lease): boolean {
    if (!this.#jobs.has(lease.job)) return true
    return [...this.#jobs.keys()].some(({ priority }) => priority > lease.job.priority)
  }

  /** A unit of the most urgent job that has one, or nothing. */
  lease(workerIndex: number): Lease | undefined {
    const byUrgency = [...this.#jobs].sort(([one], [other]) => other.priority - one.priority)
    for (const [job, givenBack] of byUrgency) {
      const unit = givenBack.shift() ?? this.#createUnit(job, workerIndex)
      if (unit !== undefined) return this.#remember({ job, unit, workerIndex })
    }
    return undefined
  }

  /** Takes back a unit that its worker did not finish, for another to do. */
  giveBack(lease: Lease): void {
    // Never more than there are workers: each holds one, and these are the first to be handed out.
    this.#jobs.get(lease.job)?.push(lease.unit)
  }

  /** The unit of that number, if it was handed out lately. */
  find(unitId: number): Lease | undefined {
    for (const leases of this.#leases.values()) {
      const found = leases.findLast(({ unit }) => unit.id === unitId)
      if (found !== undefined) return found
    }
    return undefined
  }

  #createUnit(job: Job, workerIndex: number): WorkUnit | undefined {
    assertInvariant(workerIndex < MAX_WORKERS, 'the number of a worker is one byte')
    const count = this.#leaseCounts.get(workerIndex) ?? 0
    const own = new Uint8Array(1 + LEASE_SIZE)
    new DataView(own.buffer).setUint32(0, count % 256 ** LEASE_SIZE)
    own[0] = workerIndex
    const unit = job.createUnit(this.#lastUnitId + 1, concatBytes(this.#nodeExtraNonce, own))
    if (unit === undefined) return undefined
    this.#leaseCounts.set(workerIndex, count + 1)
    this.#lastUnitId += 1
    return unit
  }

  #remember(lease: Lease): Lease {
    const kept = this.#leases.get(lease.workerIndex) ?? []
    this.#leases.set(lease.workerIndex, [...kept.slice(1 - UNITS_KEPT_PER_WORKER), lease])
    return lease
  }
}
