/** @module Work for miners, made from block templates: one coinbase for each payee. */

import { type BlockTemplate, createCoinbaseParts, payAllTo } from '../mining/index.ts'
import { toDisplayHex } from '../primitives/index.ts'
import { EXTRA_NONCE_1_SIZE, EXTRA_NONCE_2_SIZE, type StratumWork } from '../stratum/index.ts'
import { type Clock, concatBytes, LruMap } from '../util/index.ts'

/** Bytes of the coinbase that count works: two works never have one search space. */
const NUMBER_SIZE = 6
/** A template is used for so long while the tip stays, in milliseconds: miners get new work every half minute. */
const TEMPLATE_LIFETIME_MS = 25_000
/** Parents of which it is known since when they are no tip. */
const MAX_REMEMBERED_PARENTS = 64
/** Works that may be numbered each second without an earlier run's numbers coming back. */
const WORKS_PER_SECOND = 4_096
/** Works of one template that are kept for others who are paid the same. */
const MAX_SHARED_WORKS = 10_000

/** What the book works with. */
export interface JobBookDeps {
  /** The template for the block after the tip; nothing while there is no use in mining. */
  readonly getTemplate: () => BlockTemplate | undefined
  readonly clock: Clock
}

/** How work is made. */
export interface JobBookOptions {
  /** Bytes that differ from node to node. */
  readonly nodeExtraNonce: Uint8Array
  /** Readable text in the coinbase. */
  readonly tag: string
}

/** Makes work, remembers what it came from, and tells how late a share is. */
export class JobBook {
  readonly #deps: JobBookDeps
  readonly #options: JobBookOptions
  readonly #templates = new WeakMap<StratumWork, BlockTemplate>()
  /** Works of the current template by payee. */
  readonly #shared = new Map<string, StratumWork>()
  /** When parents were left behind, on the monotonic clock. */
  readonly #leftAt = new LruMap<string, number>(MAX_REMEMBERED_PARENTS)
  #template: BlockTemplate | undefined
  #templateAt = 0
  #number: number

  constructor(deps: JobBookDeps, options: JobBookOptions) {
    this.#deps = deps
    this.#options = options
    // Begins above all numbers of earlier runs, so that none comes back while a miner remembers it.
    this.#number = Math.floor(deps.clock.now() / 1_000) * WORKS_PER_SECOND
  }

  /** Hears that the tip has moved. */
  onNewTip(): void {
    this.#setTemplate(undefined)
  }

  /**
   * The newest work for a payee; nothing while there is none.
   *
   * @param isOwn - Whether nobody else has it.
   */
  getWork(payoutScript: Uint8Array, payee: string, isOwn: boolean): StratumWork | undefined {
    this.#refresh()
    const template = this.#template
    if (template === undefined) return undefined
    const shared = isOwn ? undefined : this.#shared.get(payee)
    if (shared !== undefined) return shared
    const work = this.#createWork(template, payoutScript)
    if (!isOwn && this.#shared.size < MAX_SHARED_WORKS) this.#shared.set(payee, work)
    return work
  }

  /** The template that a work was made from. */
  templateOf(work: StratumWork): BlockTemplate | undefined {
    return this.#templates.get(work)
  }

  /** Milliseconds since a work's parent was left behind; undefined while it is the tip. */
  lateMs({ prevBlockHash }: StratumWork): number | undefined {
    const leftAt = this.#leftAt.get(toDisplayHex(prevBlockHash))
    return leftAt === undefined ? undefined : this.#deps.clock.monotonic() - leftAt
  }

  #refresh(): void {
    const now = this.#deps.clock.monotonic()
    if (this.#template !== undefined && now - this.#templateAt < TEMPLATE_LIFETIME_MS) return
    this.#setTemplate(this.#deps.getTemplate())
    this.#templateAt = now
  }

  #setTemplate(template: BlockTemplate | undefined): void {
    this.#shared.clear()
    const before = this.#template?.prevBlockHash
    this.#template = template
    if (before !== undefined && template === undefined) {
      this.#leftAt.set(toDisplayHex(before), this.#deps.clock.monotonic())
    }
    // A reorganisation may come back to where it left.
    if (template !== undefined) this.#leftAt.delete(toDisplayHex(template.prevBlockHash))
  }

  #createWork(template: BlockTemplate, payoutScript: Uint8Array): StratumWork {
    const { nodeExtraNonce, tag } = this.#options
    this.#number += 1
    const number = new Uint8Array(8)
    new DataView(number.buffer).setBigUint64(0, BigInt(this.#number))
    const fixed = concatBytes(number.slice(-NUMBER_SIZE), nodeExtraNonce)
    const size = fixed.length + EXTRA_NONCE_1_SIZE + EXTRA_NONCE_2_SIZE
    const { prefix, suffix } = createCoinbaseParts(template, payAllTo(payoutScript), tag, size)
    const { height, prevBlockHash, version, bits, target, time, minTime, merkleBranch } = template
    const work = {
      number: this.#number,
      height,
      prevBlockHash,
      version,
      bits,
      target,
      time,
      minTime,
      coinbasePrefix: concatBytes(prefix, fixed),
      coinbaseSuffix: suffix,
      merkleBranch,
    }
    this.#templates.set(work, template)
    return work
  }
}
