/** @module Mining on request, for RPC. */

import type { ConsensusParams } from '../consensus/index.ts'
import {
  type BlockTemplate,
  type ChainSource,
  createBlockTemplate,
  createCandidate,
  type HashEngine,
  type Miner,
  payAllTo,
  selectAll,
  solveBlock,
  type TemplateFeed,
} from '../mining/index.ts'
import {
  type Block,
  type BlockHash,
  computeBlockHash,
  computeTransactionSize,
  type Transaction,
} from '../primitives/index.ts'
import type { GenerateRequest, MiningControl } from '../rpc/index.ts'
import {
  type CancelSignal,
  type Clock,
  equalBytes,
  Mutex,
  type RandomSource,
  sleep,
} from '../util/index.ts'
import type { ClockWatch } from './clock-watch.ts'

const EXTRA_NONCE_BYTES = 8

/** What mining on request works with. */
export interface MiningControlDeps {
  readonly chain: ChainSource
  readonly templates: Pick<TemplateFeed, 'get' | 'last'>
  readonly clockWatch: Pick<ClockWatch, 'requireTimely'>
  readonly params: ConsensusParams
  readonly submit: (block: Block) => Promise<unknown>
  readonly loadHashEngine: () => Promise<HashEngine>
  readonly miner: () => Miner | undefined
  /** Threads that the miner has where nobody says how many. */
  readonly autoThreads: number
  /** How many threads it may be told to have. */
  readonly maxThreads: number
  readonly clock: Clock
  readonly random: RandomSource
  readonly tag: string
}

/** {@link MiningControl} of a node. */
export class NodeMiningControl implements MiningControl {
  readonly #deps: MiningControlDeps
  /** One engine for all calls, so they take turns: it holds one header at a time. */
  readonly #turn = new Mutex()
  #engine: Promise<HashEngine> | undefined
  #isStopped = false

  constructor(deps: MiningControlDeps) {
    this.#deps = deps
  }

  /** Makes every search give up, from now on. */
  stop(): void {
    this.#isStopped = true
  }

  getTemplate(): BlockTemplate {
    this.#deps.clockWatch.requireTimely()
    return this.#deps.templates.get()
  }

  get lastTemplate(): BlockTemplate | undefined {
    return this.#deps.templates.last
  }

  miner(): Miner | undefined {
    return this.#deps.miner()
  }

  get autoThreads(): number {
    return this.#deps.autoThreads
  }

  createCandidate(payoutScript: Uint8Array, transactions: readonly Transaction[]): Block {
    const chosen = transactions.map((tx) => ({
      tx,
      fee: 0n,
      weight: computeTransactionSize(tx).weight,
      sigopsCost: 0,
    }))
    const source = { select: () => selectAll(chosen), sequence: 0 }
    const { chain, params } = this.#deps
    return this.#fill(createBlockTemplate(chain.nextBlock(), source, params), payoutScript)
  }

  solve(
    block: Block,
    maxTries: number,
    signal: CancelSignal | undefined,
  ): Promise<Block | undefined> {
    return this.#turn.run(async () => (await this.#search(block, maxTries, signal)).block)
  }

  generate(request: GenerateRequest): Promise<readonly BlockHash[]> {
    const { payoutScript, blockCount, maxTries, signal } = request
    return this.#turn.run(async () => {
      const hashes: BlockHash[] = []
      let triesLeft = maxTries
      while (hashes.length < blockCount && triesLeft > 0 && !this.#isGivenUp(signal)) {
        const candidate = this.#fill(this.getTemplate(), payoutScript)
        const { block, tries } = await this.#search(candidate, triesLeft, signal)
        triesLeft -= tries
        if (block === undefined) continue
        await this.#deps.submit(block)
        hashes.push(computeBlockHash(block.header))
      }
      return hashes
    })
  }

  get maxThreads(): number {
    return this.#deps.maxThreads
  }

  #fill(template: BlockTemplate, payoutScript: Uint8Array): Block {
    const { tag, random } = this.#deps
    const extraNonce = random.bytes(EXTRA_NONCE_BYTES)
    return createCandidate(template, payAllTo(payoutScript), tag, extraNonce)
  }

  /** Gives up when nobody waits any more, and when the block would come too late. */
  async #search(block: Block, maxTries: number, signal: CancelSignal | undefined) {
    const { chain, clock, loadHashEngine } = this.#deps
    this.#engine ??= loadHashEngine()
    const isTimely = (): boolean =>
      equalBytes(chain.nextBlock().prevBlockHash, block.header.prevBlockHash)
    return solveBlock(await this.#engine, block, {
      maxTries,
      goOn: async () => {
        await sleep(clock, 0)
        return !this.#isGivenUp(signal) && isTimely()
      },
    })
  }

  #isGivenUp(signal: CancelSignal | undefined): boolean {
    return this.#isStopped || signal?.aborted === true
  }
}
