/** @module The local miner: hands out work, checks what comes back, submits blocks. */

import { ConsensusError, type ConsensusParams, checkProofOfWork } from '../consensus/index.ts'
import { type Block, computeBlockHash, toDisplayHex } from '../primitives/index.ts'
import {
  type Clock,
  concatBytes,
  equalBytes,
  type Logger,
  type Timer,
  toErrorMessage,
} from '../util/index.ts'
import {
  type BlockTemplate,
  type ChainSource,
  createBlockTemplate,
  type NextBlock,
  type TxSource,
} from './block-template.ts'
import { assembleBlock, createWorkUnit } from './coinbase.ts'
import type { HashWorker, HashWorkerReport, SpawnHashWorker } from './hash-worker-messages.ts'
import { RateMeter } from './rate-meter.ts'
import type { SolvedWork, WorkUnit } from './work-unit.ts'

/** Work is made anew at least this often: fresh time, and what the mempool has gained. */
const REFRESH_INTERVAL_MS = 1_000
/** Units whose solutions are still taken: those of this refresh and the one before. */
const GENERATIONS_KEPT = 2
/** A failed worker is started again after this long. */
const RESTART_DELAY_MS = 1_000
const TEMPLATE_PRIORITY = 10
const WORKER_EXTRA_NONCE_SIZE = 4

/** What the miner works with. */
export interface MinerDeps {
  readonly chain: ChainSource
  readonly transactions: TxSource
  /** Takes a solved block; rejects with what is wrong with it. */
  readonly submit: (block: Block) => Promise<void>
  /** Whether there is any use in mining now: not while the chain is behind its peers. */
  readonly isReady: () => boolean
  readonly spawnHashWorker: SpawnHashWorker
  readonly clock: Clock
  readonly log: Logger
}

/** How the miner works. */
export interface MinerOptions {
  readonly params: ConsensusParams
  readonly payoutScript: Uint8Array
  /** How many worker threads. */
  readonly threads: number
  /** Share of a core that each worker may use, above 0 and up to 1. */
  readonly throttle: number
  /** Readable text in the coinbase. */
  readonly tag: string
  /** 4 bytes that differ from node to node. */
  readonly nodeExtraNonce: Uint8Array
}

/** What the miner has done since its start. */
export interface MinerStats {
  readonly hashesPerSecond: number
  readonly threads: number
  readonly blocksFound: number
  /** Solutions that came too late: the tip had moved. */
  readonly staleSolutions: number
  /** Solutions that were wrong. An engine must never produce one. */
  readonly invalidSolutions: number
}

interface OpenUnit {
  readonly unit: WorkUnit
  readonly template: BlockTemplate
  readonly generation: number
}

/**
 * Keeps hash workers busy with the best template there is.
 *
 * Workers own disjoint parts of the search space: the node's four bytes of extra nonce, then four of the
 * worker. Each solution is hashed again by `@noble/hashes` before it is used.
 */
export class Miner {
  readonly #deps: MinerDeps
  readonly #options: MinerOptions
  readonly #workers = new Map<number, HashWorker>()
  readonly #open = new Map<number, OpenUnit>()
  readonly #meter: RateMeter
  #refreshTimer: Timer | undefined
  #isStarted = false
  #generation = 0
  #lastUnitId = 0
  #current: BlockTemplate | undefined
  /** Already solved: what other workers find for it comes too late. */
  #solvedTemplate: BlockTemplate | undefined
  #blocksFound = 0
  #staleSolutions = 0
  #invalidSolutions = 0

  constructor(deps: MinerDeps, options: MinerOptions) {
    this.#deps = deps
    this.#options = options
    this.#meter = new RateMeter(deps.clock)
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    for (let index = 0; index < this.#options.threads; index++) this.#spawn(index)
    this.refresh()
  }

  async stop(): Promise<void> {
    this.#isStarted = false
    this.#refreshTimer?.cancel()
    const workers = [...this.#workers.values()]
    this.#workers.clear()
    await Promise.all(workers.map((worker) => worker.terminate()))
  }

  get stats(): MinerStats {
    return {
      hashesPerSecond: this.#meter.perSecond(),
      threads: this.#workers.size,
      blocksFound: this.#blocksFound,
      staleSolutions: this.#staleSolutions,
      invalidSolutions: this.#invalidSolutions,
    }
  }

  /** The template that is being worked on, if any. */
  get template(): BlockTemplate | undefined {
    return this.#current
  }

  /** Makes work anew and hands it out. To be called whenever the tip has moved. */
  refresh(): void {
    if (!this.#isStarted) return
    this.#refreshTimer?.cancel()
    this.#refreshTimer = this.#deps.clock.schedule(REFRESH_INTERVAL_MS, () => this.refresh())
    const template = this.#nextTemplate()
    this.#current = template
    this.#generation += 1
    for (const [id, open] of this.#open) {
      if (open.generation <= this.#generation - GENERATIONS_KEPT) this.#open.delete(id)
    }
    for (const [index, worker] of this.#workers) this.#assign(index, worker)
  }

  #nextTemplate(): BlockTemplate | undefined {
    if (!this.#deps.isReady()) return undefined
    const next = this.#deps.chain.nextBlock()
    if (!this.#isPaceReached(next)) return undefined
    return createBlockTemplate(next, this.#deps.transactions, this.#options.params)
  }

  /** Where difficulty never moves, blocks would come without end: there the clock sets the pace. */
  #isPaceReached(next: NextBlock): boolean {
    const { params } = this.#options
    if (!params.noRetargeting) return true
    return next.time >= next.prevTime + params.targetSpacingSeconds
  }

  #assign(index: number, worker: HashWorker): void {
    const template = this.#current
    if (template === undefined) {
      worker.send({ type: 'idle' })
      return
    }
    const unit = this.#createUnit(template, index)
    this.#open.set(unit.id, { unit, template, generation: this.#generation })
    worker.send({ type: 'work', unit })
  }

  #createUnit(template: BlockTemplate, workerIndex: number): WorkUnit {
    const { payoutScript, tag, nodeExtraNonce } = this.#options
    const workerExtraNonce = new Uint8Array(WORKER_EXTRA_NONCE_SIZE)
    new DataView(workerExtraNonce.buffer).setUint32(0, workerIndex)
    this.#lastUnitId += 1
    return createWorkUnit(template, {
      id: this.#lastUnitId,
      priority: TEMPLATE_PRIORITY,
      payoutScript,
      tag,
      extraNonce1: concatBytes(nodeExtraNonce, workerExtraNonce),
    })
  }

  #spawn(index: number): void {
    const worker = this.#deps.spawnHashWorker(
      (report) => this.#onReport(index, report),
      (reason) => this.#onExit(index, reason),
    )
    this.#workers.set(index, worker)
    worker.send({ type: 'throttle', share: this.#options.throttle })
    this.#assign(index, worker)
  }

  #onExit(index: number, reason: string): void {
    if (!this.#isStarted || !this.#workers.has(index)) return
    this.#workers.delete(index)
    this.#deps.log.error('hash worker ended', { worker: index, reason })
    this.#deps.clock.schedule(RESTART_DELAY_MS, () => {
      if (this.#isStarted && !this.#workers.has(index)) this.#spawn(index)
    })
  }

  #onReport(index: number, report: HashWorkerReport): void {
    switch (report.type) {
      case 'ready':
        this.#deps.log.debug('hash worker is ready', { worker: index, engine: report.engine })
        break
      case 'progress':
        this.#meter.add(report.hashes)
        break
      case 'solution':
        void this.#onSolution(report.solved)
        break
      case 'failed': {
        const worker = this.#workers.get(index)
        void worker?.terminate()
        this.#onExit(index, report.reason)
        break
      }
    }
  }

  async #onSolution(solved: SolvedWork): Promise<void> {
    const open = this.#open.get(solved.unitId)
    const tip = this.#deps.chain.nextBlock().prevBlockHash
    const isStale =
      open === undefined ||
      open.template === this.#solvedTemplate ||
      !equalBytes(open.template.prevBlockHash, tip)
    if (isStale) {
      this.#staleSolutions += 1
      return
    }
    this.#solvedTemplate = open.template
    const block = assembleBlock(open.template, open.unit, solved)
    try {
      checkProofOfWork(block.header, computeBlockHash(block.header), this.#options.params)
      await this.#deps.submit(block)
      this.#blocksFound += 1
      this.#deps.log.info('block found', {
        hash: toDisplayHex(computeBlockHash(block.header)),
        height: open.template.height,
        transactions: block.transactions.length,
      })
    } catch (error) {
      this.#invalidSolutions += 1
      const code = error instanceof ConsensusError ? error.code : undefined
      this.#deps.log.error('own block refused', { code, reason: toErrorMessage(error) })
    }
  }
}
