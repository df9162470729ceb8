/** @module A pool's jobs as work for the miner. */

import { hashToNumber, targetToBytes } from '../../consensus/index.ts'
import {
  type Job,
  type JobHit,
  type Miner,
  TEMPLATE_PRIORITY,
  type WorkUnit,
} from '../../mining/index.ts'
import { toDisplayHex } from '../../primitives/index.ts'
import { difficultyToTarget, type FoundShare, type PoolJob } from '../../stratum/index.ts'
import { type Clock, concatBytes, type RandomSource, type Timer } from '../../util/index.ts'

/**
 * No hash is told of that is easier than this, whatever the pool asks for: one in 65,536. A pool with easier shares, or
 * a chain with easier blocks, would bury this miner in them.
 */
const EASIEST_SHARE = difficultyToTarget(2 ** -16)
/** Bytes of the miner's extra nonce that count units, and that a worker rolls within one; at most. */
const MAX_PART_SIZE = 4
/** After a block the job rests for so long, in milliseconds, unless another comes: what it finds is stale in all likelihood. */
const BLOCK_REST_MS = 2_000

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}

/**
 * Units of one job. The miner's extra nonce counts units in its first bytes, beginning anywhere: after a connection was
 * resumed the same job may come again, and nothing of it is hashed twice.
 */
export class StratumJob implements Job {
  readonly priority = TEMPLATE_PRIORITY
  readonly job: PoolJob
  readonly #getVersionMask: () => number
  readonly #onShare: (share: FoundShare) => void
  readonly #countSize: number
  readonly #rolledSize: number
  readonly #first: number
  #units = 0

  constructor(
    job: PoolJob,
    getVersionMask: () => number,
    random: RandomSource,
    onShare: (share: FoundShare) => void,
  ) {
    this.job = job
    this.#getVersionMask = getVersionMask
    this.#onShare = onShare
    const { extraNonce2Size: size } = job
    this.#countSize = Math.min(Math.ceil(size / 2), MAX_PART_SIZE)
    this.#rolledSize = Math.min(size - this.#countSize, MAX_PART_SIZE)
    this.#first = Math.floor(random.float() * 256 ** this.#countSize)
  }

  createUnit(id: number): WorkUnit | undefined {
    const { job } = this
    const counts = 256 ** this.#countSize
    if (this.#units >= counts) return undefined
    const fixed = new Uint8Array(job.extraNonce2Size - this.#rolledSize)
    let count = (this.#first + this.#units) % counts
    for (let i = this.#countSize - 1; i >= 0; i--) {
      fixed[i] = count % 256
      count = Math.floor(count / 256)
    }
    this.#units += 1
    // Blocks are told of even where shares are harder: the pool looks at that first.
    const easier = max(job.target, job.shareTarget)
    const shareTarget = min(easier, EASIEST_SHARE)
    return {
      id,
      priority: this.priority,
      coinbasePrefix: job.coinbasePrefix,
      coinbaseSuffix: job.coinbaseSuffix,
      extraNonce1: concatBytes(job.extraNonce1, fixed),
      extraNonce2Size: this.#rolledSize,
      merkleBranch: job.merkleBranch,
      prevBlockHash: job.prevBlockHash,
      version: job.version,
      versionMask: this.#getVersionMask(),
      bits: job.bits,
      timeMin: job.time,
      timeMax: job.time,
      shareTarget: targetToBytes(shareTarget),
      blockTarget: targetToBytes(min(job.target, shareTarget)),
    }
  }

  onHit({ unit, solved, hash }: JobHit): void {
    const { job } = this
    const fixed = unit.extraNonce1.subarray(job.extraNonce1.length)
    this.#onShare({
      job,
      extraNonce2: concatBytes(fixed, solved.extraNonce2),
      time: solved.time,
      version: solved.version,
      nonce: solved.nonce,
      hash: toDisplayHex(hash),
      isBlock: hashToNumber(hash) <= job.target,
    })
  }
}

/** What the work is done with. */
export interface StratumWorkDeps {
  readonly miner: Pick<Miner, 'addJob' | 'removeJob'>
  readonly getVersionMask: () => number
  readonly onShare: (share: FoundShare) => void
  readonly clock: Clock
  readonly random: RandomSource
}

/** Keeps the miner at the newest job of the pool. */
export class StratumWork {
  readonly #deps: StratumWorkDeps
  #current: StratumJob | undefined
  #isResting = false
  #restTimer: Timer | undefined

  constructor(deps: StratumWorkDeps) {
    this.#deps = deps
  }

  /** Takes up a job in place of the one before; none lets the workers rest. */
  setJob(job: PoolJob | undefined): void {
    const { miner, getVersionMask, random } = this.#deps
    const before = this.#isResting ? undefined : this.#current
    this.#endRest()
    this.#current =
      job === undefined
        ? undefined
        : new StratumJob(job, getVersionMask, random, (share) => this.#onShare(share))
    // The new one first: no worker rests in between.
    if (this.#current !== undefined) miner.addJob(this.#current)
    if (before !== undefined) miner.removeJob(before)
  }

  /** Hands the units of the job out anew: they have the version bits of before. */
  refresh(): void {
    const current = this.#current
    if (current === undefined || this.#isResting) return
    this.#deps.miner.removeJob(current)
    this.#deps.miner.addJob(current)
  }

  #onShare(share: FoundShare): void {
    this.#deps.onShare(share)
    const current = this.#current
    if (!share.isBlock || current?.job !== share.job || this.#isResting) return
    this.#isResting = true
    this.#deps.miner.removeJob(current)
    this.#restTimer = this.#deps.clock.schedule(BLOCK_REST_MS, () => {
      this.#endRest()
      this.#deps.miner.addJob(current)
    })
  }

  #endRest(): void {
    this.#isResting = false
    this.#restTimer?.cancel()
  }
}
