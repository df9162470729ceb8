/** @module Following a chain of headers that has too little work so far, without keeping it. */

import { type BlockEntry, createLocator } from '../chain/index.ts'
import {
  ConsensusError,
  type ConsensusParams,
  checkProofOfWork,
  computeWork,
} from '../consensus/index.ts'
import {
  type BlockHash,
  type BlockHeader,
  computeBlockHash,
  toDisplayHex,
} from '../primitives/index.ts'

/**
 * How many headers of one chain are followed in vain. Of each batch one hash is kept: 32 kB for a thousand
 * full ones.
 */
export const MAX_PRESYNC_HEADERS = 2_000_000

/** The end of a batch. */
interface Milestone {
  readonly hash: BlockHash
  readonly count: number
}

/**
 * A chain that one peer sends twice. The first time its work is added up and only the hash at the end of
 * each batch is remembered; if the work suffices, the second time the same headers may be stored, since
 * somebody has paid for the whole of them.
 *
 * @see Bitcoin Core `HeadersSyncState`, which keeps a bit of every 600th or so instead
 */
export class HeaderPresync {
  readonly #start: BlockEntry
  readonly #params: ConsensusParams
  readonly #milestones: Milestone[] = []
  #count = 0
  #chainWork: bigint
  /** How many milestones have been reached the second time; undefined the first time. */
  #reached: number | undefined

  /** @param start - What the chain builds on. */
  constructor(start: BlockEntry, params: ConsensusParams) {
    this.#start = start
    this.#params = params
    this.#chainWork = start.chainWork
  }

  /** How many headers have been followed. */
  get count(): number {
    return this.#count
  }

  /** Work of the chain as far as it was followed. */
  get chainWork(): bigint {
    return this.#chainWork
  }

  /** Whether the headers are being sent the second time. */
  get isSecondTime(): boolean {
    return this.#reached !== undefined
  }

  /** Whether all of them have been. */
  get isDone(): boolean {
    return this.#reached === this.#milestones.length
  }

  /** What to ask the peer for the next batch with. */
  get locator(): readonly BlockHash[] {
    return [this.#last, ...createLocator(this.#start)]
  }

  /** The last header of which the peer has told us, this time. */
  get #last(): BlockHash {
    return (
      this.#milestones[(this.#reached ?? this.#milestones.length) - 1]?.hash ?? this.#start.hash
    )
  }

  /**
   * Takes the next batch the first time.
   *
   * @throws {@link ConsensusError} `prev-blk-not-found` (defer) if it does not follow, `high-hash` (reject) for
   * a header without its work.
   */
  follow(headers: readonly BlockHeader[]): void {
    const hash = this.#checkLinks(headers)
    for (const { bits } of headers) this.#chainWork += computeWork(bits)
    this.#count += headers.length
    this.#milestones.push({ hash, count: headers.length })
  }

  /** From now on the headers come the second time. */
  startAgain(): void {
    this.#reached = 0
  }

  /**
   * Takes the next batch the second time.
   *
   * @returns The headers that may be stored.
   * @throws {@link ConsensusError} `prev-blk-not-found` (defer) if they are not those of the first time: an
   * honest peer's chain may have changed.
   */
  recognise(headers: readonly BlockHeader[]): readonly BlockHeader[] {
    const milestone = this.#milestones[this.#reached ?? 0]
    // A peer whose last batch was not full may have more by now.
    const known = headers.slice(0, milestone?.count)
    const hash = toDisplayHex(this.#checkLinks(known))
    if (milestone === undefined || hash !== toDisplayHex(milestone.hash)) {
      throw new ConsensusError('prev-blk-not-found', { hash })
    }
    this.#reached = (this.#reached ?? 0) + 1
    return known
  }

  /** Checks that headers have their work and follow what was sent last; returns the hash of the last. */
  #checkLinks(headers: readonly BlockHeader[]): BlockHash {
    let last = this.#last
    for (const header of headers) {
      const prev = toDisplayHex(header.prevBlockHash)
      if (prev !== toDisplayHex(last)) throw new ConsensusError('prev-blk-not-found', { prev })
      last = computeBlockHash(header)
      checkProofOfWork(header, last, this.#params)
    }
    return last
  }
}
