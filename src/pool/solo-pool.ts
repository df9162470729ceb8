/** @module A pool in which the finder of a block is paid all of it, by the coinbase. */

import { ConsensusError, hashToNumber } from '../consensus/index.ts'
import { assembleBlock, computeWorkMerkleRoot, type HeaderParts } from '../mining/index.ts'
import { type Block, type BlockHash, computeBlockHash, toDisplayHex } from '../primitives/index.ts'
import { AddressError, type AddressPrefixes, decodeAddress } from '../script/index.ts'
import {
  parseUserName,
  type Share,
  StratumError,
  type StratumErrorCode,
  type StratumPool,
  type StratumWork,
  targetToDifficulty,
  targetToWork,
  type Worker,
} from '../stratum/index.ts'
import {
  type Clock,
  decodeHex,
  EventEmitter,
  encodeHex,
  type Logger,
  toErrorMessage,
} from '../util/index.ts'
import { DuplicateGuard } from './duplicate-guard.ts'
import { JobBook, type JobBookDeps, type JobBookOptions } from './job-book.ts'
import { WorkerBook } from './worker-book.ts'

/** Found blocks that are remembered. */
export const MAX_POOL_BLOCKS = 1_000

/** A shorter text is no address with a mistake in it, but a name. */
const MIN_ADDRESS_LENGTH = 26

/** What became of a block: part of the active chain, or stored beside it. */
export type BlockOutcome = 'connected' | 'stored'

/** A block that a miner has found. */
export interface PoolBlock {
  readonly hash: BlockHash
  readonly height: number
  readonly worker: string
  /** Unix milliseconds. */
  readonly foundAt: number
  /** Undefined while the block is on its way into the chain. */
  readonly outcome: BlockOutcome | 'refused' | undefined
  /** Why the chain refused it. */
  readonly reason: string | undefined
}

/** What the pool works with. */
export interface SoloPoolDeps extends JobBookDeps {
  /** Takes a solved block, as if it were our own. Rejects with a {@link ConsensusError} if it is invalid. */
  readonly submitBlock: (block: Block) => Promise<BlockOutcome>
  readonly clock: Clock
  readonly log: Logger
}

/** How the pool works. */
export interface SoloPoolOptions extends JobBookOptions {
  readonly addressPrefixes: AddressPrefixes
  /** Is paid for miners whose user name is no address; undefined if they are refused. */
  readonly ownerScript: Uint8Array | undefined
}

/** What the pool tells. */
export interface SoloPoolEvents extends Record<string, unknown> {
  /** The name of a worker whose first connection has logged in. */
  workerJoined: string
  /** The name of a worker whose last connection has ended. */
  workerLeft: string
  /** A block was found and is, or is not, in the chain. */
  blockFound: PoolBlock
}

/** Gives each miner work that pays it alone, and counts what comes of it. */
export class SoloPool implements StratumPool {
  readonly events = new EventEmitter<SoloPoolEvents>()
  readonly workers: WorkerBook
  readonly #deps: SoloPoolDeps
  readonly #options: SoloPoolOptions
  readonly #jobs: JobBook
  readonly #duplicates = new DuplicateGuard()
  /** Oldest first. */
  readonly #blocks: PoolBlock[] = []

  constructor(deps: SoloPoolDeps, options: SoloPoolOptions) {
    this.#deps = deps
    this.#options = options
    this.#jobs = new JobBook(deps, options)
    this.workers = new WorkerBook(deps.clock)
  }

  /** Blocks that were found since the start, oldest first. */
  get blocks(): readonly PoolBlock[] {
    return this.#blocks
  }

  /** Hears that the tip has moved. */
  onNewTip(): void {
    this.#jobs.onNewTip()
  }

  authorize(userName: string): Worker {
    const parsed = parseUserName(userName)
    if (parsed === undefined) {
      throw new StratumError('unauthorized', 'The user name is empty, too long, or not printable.')
    }
    let wrong: AddressError | undefined
    for (const { account } of parsed.readings) {
      const script = this.#findScript(account)
      if (!(script instanceof AddressError)) return { name: parsed.full, payee: encodeHex(script) }
      if (account.length >= MIN_ADDRESS_LENGTH && script.code !== 'bad-encoding') wrong ??= script
    }
    const { ownerScript } = this.#options
    // A mistyped address, or one of another chain, is no plain name: its owner expects to be paid.
    if (wrong !== undefined) {
      throw new StratumError('unauthorized', `The user name cannot be paid: ${wrong.message}.`)
    }
    if (ownerScript === undefined) {
      const example = `${this.#options.addressPrefixes.bech32}1...`
      throw new StratumError('unauthorized', `The user name is no address: use ${example}.worker`)
    }
    return { name: parsed.full, payee: encodeHex(ownerScript) }
  }

  /** Counts one more connection of a worker. */
  join({ name }: Worker): void {
    if (this.workers.join(name)) this.events.emit('workerJoined', name)
  }

  /** Counts one connection less. */
  leave({ name }: Worker): void {
    if (this.workers.leave(name)) this.events.emit('workerLeft', name)
  }

  onRefused({ name }: Worker, code: StratumErrorCode): void {
    this.workers.refuse(name, code)
  }

  getWork(payee: string, isOwn: boolean): StratumWork | undefined {
    return this.#jobs.getWork(decodeHex(payee), payee, isOwn)
  }

  // Async for pools that write shares down first.
  async submit(share: Share): Promise<void> {
    const { worker, work, shareTarget, difficulty } = share
    const hash = computeShareHash(share)
    const number = hashToNumber(hash)
    const lateMs = this.#jobs.lateMs(work)
    try {
      if (number > shareTarget) throw new StratumError('low-difficulty', 'Difficulty too low.')
      if (!this.#duplicates.add(hash)) throw new StratumError('duplicate', 'Duplicate share.')
      // Before a stale share is refused: the chain decides which block it wants.
      if (number <= work.target) this.#submitBlock(share, hash)
      if (lateMs !== undefined) {
        throw new StratumError('stale', `Stale by ${Math.ceil(lateMs)} ms: the tip has moved.`)
      }
    } catch (error) {
      if (error instanceof StratumError) this.workers.refuse(worker.name, error.code, lateMs)
      throw error
    }
    this.workers.accept(
      worker.name,
      difficulty,
      targetToWork(shareTarget),
      targetToDifficulty(number),
    )
  }

  /** @returns The output script, or why there is none. */
  #findScript(account: string): Uint8Array | AddressError {
    try {
      return decodeAddress(account, this.#options.addressPrefixes)
    } catch (error) {
      if (error instanceof AddressError) return error
      throw error
    }
  }

  #submitBlock(share: Share, hash: BlockHash): void {
    const template = this.#jobs.templateOf(share.work)
    // Sessions have only work that this pool made.
    if (template === undefined) return
    const { extraNonce2, time, version, nonce } = share
    const block = assembleBlock(template, toHeaderParts(share), {
      extraNonce2,
      time,
      version,
      nonce,
    })
    void this.#follow(block, {
      hash,
      height: template.height,
      worker: share.worker.name,
      foundAt: this.#deps.clock.now(),
      outcome: undefined,
      reason: undefined,
    })
  }

  /** Never rejects. */
  async #follow(block: Block, found: PoolBlock): Promise<void> {
    const { log, submitBlock } = this.#deps
    const fields = { hash: toDisplayHex(found.hash), height: found.height, worker: found.worker }
    this.#blocks.push(found)
    if (this.#blocks.length > MAX_POOL_BLOCKS) this.#blocks.shift()
    try {
      const outcome = await submitBlock(block)
      this.#settle({ ...found, outcome })
      log.info('block found by a miner', { ...fields, outcome })
      if (outcome === 'connected') this.workers.foundBlock(found.worker)
    } catch (error) {
      const reason = error instanceof ConsensusError ? error.code : toErrorMessage(error)
      this.#settle({ ...found, outcome: 'refused', reason })
      log.error('block of a miner not accepted', { ...fields, reason })
    }
  }

  #settle(block: PoolBlock): void {
    const at = this.#blocks.findIndex(({ hash }) => hash === block.hash)
    if (at !== -1) this.#blocks[at] = block
    this.events.emit('blockFound', block)
  }
}

function toHeaderParts({ work, extraNonce1 }: Share): HeaderParts {
  const { coinbasePrefix, coinbaseSuffix, merkleBranch, prevBlockHash, bits } = work
  return { coinbasePrefix, coinbaseSuffix, extraNonce1, merkleBranch, prevBlockHash, bits }
}

/** Hashes the header that a share stands for. */
export function computeShareHash(share: Share): BlockHash {
  const { work, extraNonce2, time, version, nonce } = share
  const merkleRoot = computeWorkMerkleRoot(toHeaderParts(share), extraNonce2)
  const { prevBlockHash, bits } = work
  return computeBlockHash({ version, prevBlockHash, merkleRoot, time, bits, nonce })
}
