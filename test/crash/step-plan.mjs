// @ts-check
/** What happens to the nodes, step by step: blocks, reorganisations, blocks declared invalid and valid again. */

// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { parentOf } from './block-maker.mjs'

/**
 * @typedef {import('./block-maker.mjs').MadeBlock} MadeBlock
 * @typedef {'connect' | 'side' | 'reorg' | 'invalidate' | 'reconsider'} StepKind
 * @typedef {{ kind: StepKind, method: string, params: readonly unknown[], transactions: readonly string[] }} Step
 */

const MAX_RUN = 3
const MAX_TRANSACTIONS = 60
const MAX_DEPTH = 8
/** Now and then the way is long, so that a kill finds it half gone. */
const LONG_DEPTH = { min: 25, max: 50, share: 0.1 }
const REORG_SHARE = 0.35
const INVALIDATE_SHARE = 0.15
/** Of blocks whose transactions go through the mempool first. */
const MEMPOOL_SHARE = 0.3

/** Endless steps for a chain that begins at genesis. Each is one call that nodes must survive. */
export class StepPlan {
  #maker
  #random
  /** @type {Step[]} */
  #ready = []
  /** @type {MadeBlock} */
  #tip
  blocks = 0
  reorgs = 0
  deepestReorg = 0

  /** @param {import('./block-maker.mjs').BlockMaker} maker @param {import('./seeded-random.mjs').SeededRandom} random */
  constructor(maker, random) {
    this.#maker = maker
    this.#random = random
    this.#tip = maker.genesis
  }

  /** Where all of this leads, once every step is done. */
  get tip() {
    return this.#tip
  }

  /** Whether the steps so far lead to {@link tip}. */
  get isAtTip() {
    return this.#ready.length === 0
  }

  /** @returns {Step} */
  next() {
    if (this.#ready.length === 0) this.#planMore()
    const step = this.#ready.shift()
    if (step === undefined) throw new RangeError('the plan is empty')
    return step
  }

  #planMore() {
    const choice = this.#random.float()
    if (this.#tip.height > 2 && choice < REORG_SHARE) this.#planReorg()
    else if (this.#tip.height > 2 && choice < REORG_SHARE + INVALIDATE_SHARE) this.#planDetour()
    else this.#planRun(this.#random.integer(1, MAX_RUN))
  }

  /** @param {number} most */
  #chooseDepth(most) {
    const { min, max, share } = LONG_DEPTH
    const wish = this.#random.chance(share)
      ? this.#random.integer(min, max)
      : this.#random.integer(1, most)
    return Math.min(wish, this.#tip.height - 1)
  }

  /** @param {number} depth */
  #ancestor(depth) {
    let block = this.#tip
    for (let i = 0; i < depth; i++) block = parentOf(block)
    return block
  }

  /** @param {MadeBlock} parent @param {StepKind} kind */
  #planBlock(parent, kind) {
    const block = this.#maker.make(parent, this.#random.integer(0, MAX_TRANSACTIONS))
    const isRelayed = kind === 'connect' && this.#random.chance(MEMPOOL_SHARE)
    const transactions = isRelayed ? block.transactions : []
    this.#ready.push({ kind, method: 'submitblock', params: [block.hex], transactions })
    this.blocks += 1
    return block
  }

  /** @param {number} count */
  #planRun(count) {
    for (let i = 0; i < count; i++) this.#tip = this.#planBlock(this.#tip, 'connect')
  }

  /** A branch that ends one block above the tip. */
  #planReorg() {
    const depth = this.#chooseDepth(MAX_DEPTH)
    let end = this.#ancestor(depth)
    for (let i = 0; i < depth; i++) end = this.#planBlock(end, 'side')
    this.#tip = this.#planBlock(end, 'reorg')
    this.reorgs += 1
    this.deepestReorg = Math.max(this.deepestReorg, depth)
  }

  /** The tip steps back, perhaps to another block, and returns. */
  #planDetour() {
    const depth = this.#chooseDepth(MAX_DEPTH)
    const parent = this.#ancestor(depth)
    const params = [this.#ancestor(depth - 1).hashHex]
    const transactions = /** @type {readonly string[]} */ ([])
    this.#ready.push({ kind: 'invalidate', method: 'invalidateblock', params, transactions })
    if (depth > 1 && this.#random.chance(0.5)) {
      this.#planBlock(parent, 'connect')
      this.reorgs += 1
    }
    this.#ready.push({ kind: 'reconsider', method: 'reconsiderblock', params, transactions })
  }
}
