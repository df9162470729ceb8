/** @module The local miner: keeps its workers at the best template there is, and submits what they find. */

import { ConsensusError, hashToNumber } from '../consensus/index.ts'
import { type Block, type BlockHash, type Transaction, toDisplayHex } from '../primitives/index.ts'
import {
  type Clock,
  EventEmitter,
  encodeHex,
  equalBytes,
  type Logger,
  LruMap,
  type Timer,
} from '../util/index.ts'
import type { BlockTemplate } from './block-template.ts'
import { checkHit } from './check-hit.ts'
import { assembleBlock } from './coinbase.ts'
import type { SpawnHashWorker } from './hash-worker-messages.ts'
import { HashWorkerPool, type HashWorkerStats } from './hash-worker-pool.ts'
import { type Job, type JobHit, JobManager } from './job-manager.ts'
import { MiningError } from './mining-error.ts'
import type { HashRates } from './rate-meter.ts'
import { TemplateJob, type TemplateJobOptions } from './template-job.ts'
import type { SolvedWork, WorkUnit } from './work-unit.ts'

/** Work is looked over this often: fresh time, what the mempool has gained, workers that have stalled. */
const REFRESH_INTERVAL_MS = 1_000
/** Hits that are remembered, so that none counts twice. */
const MAX_REMEMBERED_HITS = 4_096
/** Blocks that may be on their way into the chain at a time; further ones are dropped as stale. */
const MAX_PENDING_BLOCKS = 8
/** The most jobs beside the template's. */
export const MAX_BACKGROUND_JOBS = 16
/** Difficulty 1, as a number. */
const DIFFICULTY_ONE_TARGET = 0xffff * 2 ** 208

/** What the miner works with. */
export interface MinerDeps {
  /** What to mine on now, if anything. The same object while nothing has changed. */
  readonly nextTemplate: () => BlockTemplate | undefined
  /** Until when there is none because the clock sets the pace, Unix seconds; undefined if that is not the reason. */
  readonly pacedUntil?: () => number | undefined
  /**
   * Takes a solved block. Rejects with a {@link ConsensusError} or a {@link MiningError} `block-refused` if the
   * block is invalid, with anything else if it could not be handed in. Reports both itself: the miner only counts.
   */
  readonly submit: (block: Block, template: BlockTemplate) => Promise<void>
  readonly spawnHashWorker: SpawnHashWorker
  readonly clock: Clock
  readonly log: Logger
}

/** How the miner works. */
export interface MinerOptions extends TemplateJobOptions {
  /** How many worker threads at first. */
  readonly threads: number
  /** Share of a core that each worker may use at first, above 0 and up to 1. */
  readonly throttle: number
  /** 4 bytes that differ from node to node. */
  readonly nodeExtraNonce: Uint8Array
}

/** What the miner has done since its start. */
export interface MinerStats {
  readonly hashesPerSecond: HashRates
  readonly hashes: number
  readonly threads: number
  readonly throttle: number
  readonly isPaused: boolean
  /** Whether the fast engine kept failing, so that the slow one is used. */
  readonly isDegraded: boolean
  readonly workers: readonly HashWorkerStats[]
  /** Of the best hash found so far; 0 before the first that is worth telling. */
  readonly bestDifficulty: number
  readonly blocksFound: number
  /** Blocks that came to nothing: the tip had moved, another was found before, or nobody could be reached. */
  readonly staleSolutions: number
  /** Hits that were reported before. */
  readonly duplicateSolutions: number
  /** Hits that were none, and blocks that the chain refused. Must stay at 0. */
  readonly invalidSolutions: number
}

/** What may be changed while the miner runs; what is undefined stays. */
export interface MinerSettings {
  readonly threads?: number | undefined
  readonly throttle?: number | undefined
  readonly isPaused?: boolean | undefined
}

/** What the miner tells. */
export interface MinerEvents extends Record<string, unknown> {
  started: undefined
  /** Threads, throttle or pause have been changed. */
  configured: undefined
  /** The chain has taken a block that was found here. */
  blockFound: { readonly hash: BlockHash; readonly height: number; readonly transactions: number }
  stopped: undefined
}

/** What is being hashed now. */
export interface CurrentWork {
  readonly template: BlockTemplate
  readonly unit: WorkUnit
  /** As it is with a rolled extra nonce of 0. */
  readonly coinbase: Transaction
}

/**
 * Keeps hash workers busy with the best template there is, and with background jobs when there is none.
 *
 * A new tip replaces all work at once; a change of the mempool or of the second does at the next look. Every
 * hit is hashed again by `@noble/hashes` before it is used. Submitting holds up nobody: workers go on.
 */
export class Miner {
  readonly events = new EventEmitter<MinerEvents>()
  readonly #deps: MinerDeps
  readonly #options: MinerOptions
  readonly #jobs: JobManager
  readonly #pool: HashWorkerPool
  readonly #background = new Set<Job>()
  readonly #seen = new LruMap<string, true>(MAX_REMEMBERED_HITS)
  /** Parents of blocks that are being submitted: there is no use in a sibling. */
  readonly #pending = new Set<BlockHash>()
  #refreshTimer: Timer | undefined
  #isStarted = false
  #job: TemplateJob | undefined
  #best: bigint | undefined
  #blocksFound = 0
  #stale = 0
  #duplicates = 0
  #invalid = 0

  constructor(deps: MinerDeps, options: MinerOptions) {
    this.#deps = deps
    this.#options = options
    this.#jobs = new JobManager(options.nodeExtraNonce)
    this.#pool = new HashWorkerPool(
      {
        spawnHashWorker: deps.spawnHashWorker,
        jobs: this.#jobs,
        onSolution: (index, solved) => this.#onSolution(index, solved),
        clock: deps.clock,
        log: deps.log,
      },
      options.throttle,
    )
  }

  /** Starts the workers. Idempotent. */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#pool.setThreads(this.#options.threads)
    this.#tick()
    this.events.emit('started', undefined)
  }

  /** Ends the workers and waits for them. */
  async stop(): Promise<void> {
    const wasStarted = this.#isStarted
    this.#isStarted = false
    this.#refreshTimer?.cancel()
    await this.#pool.stop()
    if (wasStarted) this.events.emit('stopped', undefined)
  }

  /** Changes how many workers there are and how much they may do. */
  configure({ threads, throttle, isPaused }: MinerSettings): void {
    if (!this.#isStarted) return
    if (throttle !== undefined) this.#pool.setThrottle(throttle)
    if (isPaused !== undefined) this.#pool.setPaused(isPaused)
    if (threads !== undefined) this.#pool.setThreads(threads)
    this.events.emit('configured', undefined)
  }

  get stats(): MinerStats {
    const pool = this.#pool
    return {
      hashesPerSecond: pool.rates,
      hashes: pool.hashes,
      threads: pool.threads,
      throttle: pool.throttle,
      isPaused: pool.isPaused,
      isDegraded: pool.isDegraded,
      workers: pool.workers,
      bestDifficulty: this.#best === undefined ? 0 : toDifficulty(this.#best),
      blocksFound: this.#blocksFound,
      staleSolutions: this.#stale,
      duplicateSolutions: this.#duplicates,
      invalidSolutions: this.#invalid,
    }
  }

  /** Until when it waits because the clock sets the pace, Unix seconds. */
  get pacedUntil(): number | undefined {
    return this.#deps.pacedUntil?.()
  }

  /** What the first worker hashes, if it is a template. */
  get currentWork(): CurrentWork | undefined {
    const lease = this.#pool.currentLease
    if (lease === undefined || !(lease.job instanceof TemplateJob)) return undefined
    const { template } = lease.job
    const { unit } = lease
    const [coinbase] = assembleBlock(template, unit, {
      extraNonce2: new Uint8Array(unit.extraNonce2Size),
      time: unit.timeMin,
      version: unit.version,
      nonce: 0,
    }).transactions
    return coinbase === undefined ? undefined : { template, unit, coinbase }
  }

  /**
   * Takes a job to be done while there is no template to mine on, or before it if its priority is above
   * `TEMPLATE_PRIORITY`.
   *
   * @throws {@link MiningError} `too-many-jobs`
   */
  addJob(job: Job): void {
    if (this.#background.size >= MAX_BACKGROUND_JOBS) {
      throw new MiningError('too-many-jobs', `there are ${MAX_BACKGROUND_JOBS} already`)
    }
    this.#background.add(job)
    this.#jobs.add(job)
    this.#pool.redistribute()
  }

  /** Drops a job, done or not. */
  removeJob(job: Job): void {
    this.#background.delete(job)
    this.#jobs.remove(job)
    this.#pool.redistribute()
  }

  /**
   * Stops all work on the old tip, then takes up what there is on the new one: choosing transactions takes time,
   * which nobody should spend on headers that are of no use any more.
   */
  onNewTip(): void {
    if (!this.#isStarted) return
    this.#setTemplate(undefined)
    this.#pool.redistribute()
    this.refresh()
  }

  /** Takes up the work there is now. */
  refresh(): void {
    if (!this.#isStarted) return
    const next = this.#deps.nextTemplate()
    const isInVain = next !== undefined && this.#isPending(next.prevBlockHash)
    const template = isInVain ? undefined : next
    if (template === this.#job?.template) return
    this.#setTemplate(template)
    this.#pool.redistribute()
  }

  #setTemplate(template: BlockTemplate | undefined): void {
    if (this.#job !== undefined) this.#jobs.remove(this.#job)
    this.#job = undefined
    if (template === undefined) return
    this.#job = new TemplateJob(template, this.#options, (job, hit) =>
      this.#onTemplateHit(job, hit),
    )
    this.#jobs.add(this.#job)
  }

  #tick(): void {
    this.#refreshTimer = this.#deps.clock.schedule(REFRESH_INTERVAL_MS, () => this.#tick())
    this.#pool.tick()
    this.refresh()
  }

  #isPending(prevBlockHash: BlockHash): boolean {
    return [...this.#pending].some((hash) => equalBytes(hash, prevBlockHash))
  }

  #onSolution(workerIndex: number, solved: SolvedWork): void {
    const lease = this.#jobs.find(solved.unitId)
    if (lease === undefined) {
      this.#stale += 1
      return
    }
    const hash = checkHit(lease.unit, solved)
    if (hash === undefined) {
      this.#invalid += 1
      this.#pool.reportWrongHit(workerIndex)
      return
    }
    const key = encodeHex(hash)
    if (this.#seen.has(key)) {
      this.#duplicates += 1
      return
    }
    this.#seen.set(key, true)
    const number = hashToNumber(hash)
    if (this.#best === undefined || number < this.#best) this.#best = number
    lease.job.onHit({ unit: lease.unit, solved, hash })
  }

  #onTemplateHit(job: TemplateJob, { unit, solved, hash }: JobHit): void {
    const { template } = job
    if (hashToNumber(hash) > template.target) return
    const isLate =
      this.#job === undefined ||
      !equalBytes(this.#job.template.prevBlockHash, template.prevBlockHash) ||
      this.#pending.size >= MAX_PENDING_BLOCKS
    if (isLate) {
      this.#stale += 1
      return
    }
    // What else is found on this parent comes too late.
    this.#setTemplate(undefined)
    this.#pending.add(template.prevBlockHash)
    this.#pool.redistribute()
    void this.#submit(assembleBlock(template, unit, solved), template, hash)
  }

  async #submit(block: Block, template: BlockTemplate, hash: BlockHash): Promise<void> {
    const { submit, log } = this.#deps
    try {
      await submit(block, template)
      this.#blocksFound += 1
      log.info('block found', {
        hash: toDisplayHex(hash),
        height: template.height,
        transactions: block.transactions.length,
      })
      const { length: transactions } = block.transactions
      this.events.emit('blockFound', { hash, height: template.height, transactions })
    } catch (error) {
      const isRefused = error instanceof ConsensusError || error instanceof MiningError
      if (isRefused) this.#invalid += 1
      else this.#stale += 1
    } finally {
      // If this was refused, the next tick tries again: at once might be without end.
      this.#pending.delete(template.prevBlockHash)
    }
  }
}

/** How many times harder than mainnet's easiest target a hash is to find. */
function toDifficulty(hashNumber: bigint): number {
  return DIFFICULTY_ONE_TARGET / Math.max(Number(hashNumber), 1)
}
