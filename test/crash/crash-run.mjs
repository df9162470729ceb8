// @ts-check
/** A node that is killed, its twin that is not, and what they are given. */

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Level } from 'level'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { BlockMaker, parentOf } from './block-maker.mjs'
import { CrashNode, isConnectionLost, pause, readPosition } from './crash-node.mjs'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { SeededRandom } from './seeded-random.mjs'
import { StepPlan } from './step-plan.mjs'

/**
 * @typedef {import('./step-plan.mjs').Step} Step
 * @typedef {'connect' | 'side' | 'reorg' | 'invalidate' | 'reconsider' | 'idle' | 'flush' | 'stop' | 'start' | 'recovery'} Phase
 * @typedef {{ step: Step, answer: unknown, after: string }} TwinStep
 * @typedef {{
 *   directory: string, specPath: string, spec: any, seed: number, hasCacheSize: boolean,
 *   say: (text: string) => void,
 * }} CrashRunInit
 */

/** So many steps the twin is ahead. */
const LOOKAHEAD = 12
/** Before the first kill, so that there are coins to spend and branches to leave. */
const FIRST_STEPS = 40
const MAX_STEPS_BETWEEN = 3
const STOP_SHARE = 0.12
const FLUSH_SHARE = 0.15
/** So many steps at least are in memory alone when coins are flushed. */
const STEPS_TO_FLUSH = 8
const STOP_KILL_MS = 120
/** After its first write the end of a node takes about so long. */
const LAST_WRITE_MS = 15
const SECOND_KILL_SHARE = 0.2
/** Every so many kills one more follows while the node starts again. */
const RECOVERY_KILL_EVERY = 3
const RECOVERY_KILL_MS = { min: 50, max: 1_500 }
/** After the databases are touched the rest of the start is short. */
const OPEN_KILL_MS = 150
/** A call takes about as long as others of its kind; a kill comes up to so much later. */
const KILL_SPREAD = 1.05
/** Of the kills at work, those that wait for a call that moves the tip back. */
const HEAVY_SHARE = 0.6
const FIRST_ESTIMATE_MS = 40
const ESTIMATE_WEIGHT = 0.2
/** Calls at a time that fill the mempool. */
const SENDERS = 6
/** The smallest coin cache, in megabytes: it is full all the time. */
const SMALL_CACHE = '4'

/** @type {readonly string[]} */
const HEAVY_KINDS = ['reorg', 'invalidate', 'reconsider']

/** Two nodes, and the kills of one. */
export class CrashRun {
  #init
  #random
  #maker
  #plan
  /** @type {TwinStep[]} */
  #steps = []
  /** What the twin did before and the node has to do yet begins here. */
  #done = 0
  #first = ''
  #isInFlight = false
  #isUnclean = false
  /** @type {Map<string, number>} */
  #estimates = new Map()
  /** @type {Partial<Record<Phase, number>>} */
  #phases = {}
  #kills = 0
  #killsDuringRecovery = 0
  #differences = 0
  #sent = 0
  /** Starts that threw the state away and made it anew: a kill must not make that necessary. */
  #rebuilds = 0
  #recoveryMs = /** @type {number[]} */ ([])
  /** @type {CrashNode} */
  #twin
  /** @type {CrashNode} */
  #node

  /** @param {CrashRunInit} init */
  constructor(init) {
    this.#init = init
    this.#random = new SeededRandom(init.seed)
    this.#maker = new BlockMaker(init.spec, new SeededRandom(init.seed ^ 0x5eed))
    this.#plan = new StepPlan(this.#maker, new SeededRandom(init.seed ^ 0x51a7))
    this.#twin = this.#start('twin', [])
    this.#node = this.#start('node')
  }

  /** @param {number} kills How often the node is killed. */
  async run(kills) {
    const startMs = performance.now()
    await Promise.all([this.#twin.ready, this.#node.ready])
    this.#first = await readPosition(this.#twin)
    for (let i = 0; i < FIRST_STEPS; i++) await this.#stepTwin()
    while (this.#done < FIRST_STEPS) await this.#stepNode()
    let round = 0
    while (this.#kills < kills && this.#differences === 0) {
      await this.#fill()
      await this.#killAndRecover(++round, kills)
      this.#tell(kills)
    }
    if (this.#differences === 0) await this.#compareEnds()
    const seconds = Math.round((performance.now() - startMs) / 1_000)
    return this.#report(seconds)
  }

  /** @param {number} seconds */
  #report(seconds) {
    return {
      kills: this.#kills,
      killsDuringRecovery: this.#killsDuringRecovery,
      differences: this.#differences,
      rebuilds: this.#rebuilds,
      killsByPhase: this.#phases,
      blocks: this.#plan.blocks,
      reorgs: this.#plan.reorgs,
      deepestReorg: this.#plan.deepestReorg,
      transactionsSent: this.#sent,
      coins: this.#maker.countCoins(this.#plan.tip),
      slowestRecoveryMs: Math.round(Math.max(0, ...this.#recoveryMs)),
      seconds,
    }
  }

  /** @param {number} kills */
  #tell(kills) {
    const { height } = JSON.parse(this.#positionAt(this.#done))
    const recoveryMs = Math.round(this.#recoveryMs.at(-1) ?? 0)
    this.#init.say(
      `kill ${this.#kills}/${kills}, ${this.#killsDuringRecovery} during recovery: height ${height}, ` +
        `back in ${recoveryMs} ms, ${this.#maker.countCoins(this.#plan.tip)} coins`,
    )
  }

  /** @param {string} name @param {readonly string[]} [flags] */
  #start(name, flags = this.#chooseFlags()) {
    const { specPath, directory } = this.#init
    return new CrashNode({ specPath, dataDir: join(directory, name), flags })
  }

  #chooseFlags() {
    const isSmall = this.#random.chance(0.5)
    return this.#init.hasCacheSize && isSmall ? ['--db-cache', SMALL_CACHE] : []
  }

  /** Where the twin stood after so many steps. @param {number} count */
  #positionAt(count) {
    return this.#steps[count - 1]?.after ?? this.#first
  }

  /** @param {string} what @param {Record<string, unknown>} details */
  #differ(what, details) {
    this.#differences += 1
    this.#init.say(`DIFFERENCE: ${what}`)
    for (const [name, value] of Object.entries(details)) this.#init.say(`  ${name}: ${value}`)
    this.#init.say(`  files: ${this.#init.directory}`)
    this.#init.say(this.#node.output)
  }

  async #stepTwin() {
    const step = this.#plan.next()
    const answer = await this.#twin.call(step.method, step.params)
    const after = await readPosition(this.#twin)
    this.#steps.push({ step, answer, after })
  }

  /** Lets the twin go ahead. */
  async #fill() {
    while (this.#steps.length < this.#done + LOOKAHEAD) await this.#stepTwin()
  }

  /** @param {readonly string[]} transactions */
  async #send(transactions) {
    const left = [...transactions]
    const sender = async () => {
      for (let tx = left.shift(); tx !== undefined; tx = left.shift()) {
        try {
          await this.#node.call('sendrawtransaction', [tx])
          this.#sent += 1
        } catch (error) {
          if (isConnectionLost(error)) return
          // The block with it was quicker, or its parent is not here yet.
        }
      }
    }
    await Promise.all(Array.from({ length: SENDERS }, sender))
  }

  /** Makes the node do what the twin did. Resolves to false if the node was killed before it answered. */
  async #stepNode() {
    const next = this.#steps[this.#done]
    if (next === undefined) throw new RangeError('the twin is not ahead')
    const { step, answer: wanted } = next
    this.#isInFlight = true
    const startMs = performance.now()
    const sending = this.#send(step.transactions)
    try {
      const answer = await this.#node.call(step.method, step.params)
      if (answer !== wanted && answer !== 'duplicate') {
        this.#differ('the answer', { method: step.method, answer, wanted })
      }
      this.#isInFlight = false
      this.#done += 1
      this.#learn(step.kind, performance.now() - startMs)
      return true
    } catch (error) {
      if (!isConnectionLost(error)) throw error
      return false
    } finally {
      await sending
    }
  }

  /** @param {string} kind @param {number} ms */
  #learn(kind, ms) {
    const known = this.#estimates.get(kind) ?? ms
    this.#estimates.set(kind, known + (ms - known) * ESTIMATE_WEIGHT)
  }

  /** Kills the node, and says at what. @param {() => Phase} describe - Asked at that moment. */
  async #kill(describe) {
    const phase = describe()
    const how = await this.#node.end('SIGKILL')
    if (how !== 'SIGKILL') {
      throw new Error(`the node ended by itself with ${how}:\n${this.#node.output}`)
    }
    this.#count(phase)
  }

  /** @param {Phase} phase */
  #count(phase) {
    this.#kills += 1
    this.#isUnclean = true
    this.#phases[phase] = (this.#phases[phase] ?? 0) + 1
  }

  /** @param {number} round @param {number} kills */
  async #killAndRecover(round, kills) {
    const choice = this.#random.float()
    if (choice < STOP_SHARE) await this.#killWhileStopping()
    else if (choice < STOP_SHARE + FLUSH_SHARE) await this.#killWhileFlushing()
    else await this.#killAtWork()
    if (round % RECOVERY_KILL_EVERY === 1) {
      do {
        if (this.#kills >= kills) break
        await this.#killWhileStarting()
      } while (this.#random.chance(SECOND_KILL_SHARE))
    }
    await this.#recover()
  }

  /** How many steps to go before the one with the kill. */
  #chooseStep() {
    const next = this.#steps.slice(this.#done)
    const heavy = next.findIndex(({ step }) => HEAVY_KINDS.includes(step.kind))
    if (heavy >= 0 && this.#random.chance(HEAVY_SHARE)) return heavy
    return this.#random.integer(0, MAX_STEPS_BETWEEN)
  }

  async #killAtWork() {
    for (let i = this.#chooseStep(); i > 0; i--) await this.#stepNode()
    const { kind } = this.#steps[this.#done]?.step ?? { kind: 'idle' }
    const estimateMs = this.#estimates.get(kind) ?? FIRST_ESTIMATE_MS
    const stepping = this.#stepNode()
    await pause(this.#random.float() * estimateMs * KILL_SPREAD)
    await this.#kill(() => (this.#isInFlight ? kind : 'idle'))
    await stepping
  }

  /** Whoever asks for all coins has the node write first what it keeps in memory. */
  async #killWhileFlushing() {
    for (let i = 0; i < STEPS_TO_FLUSH; i++) await this.#stepNode()
    const estimateMs = this.#estimates.get('flush') ?? FIRST_ESTIMATE_MS
    const startMs = performance.now()
    let isFlushing = true
    const flushing = readPosition(this.#node)
      .then(() => this.#learn('flush', performance.now() - startMs))
      .catch((error) => {
        if (!isConnectionLost(error)) throw error
      })
      .finally(() => {
        isFlushing = false
      })
    // The write comes first, and the count after it takes longer.
    await pause(this.#random.float() ** 2 * estimateMs)
    await this.#kill(() => (isFlushing ? 'flush' : 'idle'))
    await flushing
  }

  /** The last write of all, which forces everything to the disk, is interrupted too. */
  async #killWhileStopping() {
    const written = this.#node.databaseChanged()
    this.#node.askToStop()
    if (this.#random.chance(0.5)) {
      await written
      await pause(this.#random.float() * LAST_WRITE_MS)
    } else {
      await Promise.race([pause(this.#random.float() * STOP_KILL_MS), this.#node.ended])
    }
    const how = await this.#node.end('SIGKILL')
    if (how === 'SIGKILL') this.#count('stop')
    else if (how === 0) this.#isUnclean = false
    else throw new Error(`the node stopped with ${how}:\n${this.#node.output}`)
    await written
  }

  async #killWhileStarting() {
    this.#node = this.#start('node')
    let isOpened = false
    const opened = this.#node.databaseChanged().then(() => {
      isOpened = true
    })
    if (this.#random.chance(0.5)) {
      await opened
      await pause(this.#random.float() * OPEN_KILL_MS)
    } else {
      const { min, max } = RECOVERY_KILL_MS
      await Promise.race([pause(this.#random.integer(min, max)), this.#node.ready])
    }
    const isRecovery = this.#isUnclean && !this.#node.isReady
    if (isRecovery) this.#killsDuringRecovery += 1
    await this.#kill(() => {
      if (this.#node.isReady) return 'idle'
      return isOpened ? 'recovery' : 'start'
    })
    await opened
  }

  /** Starts the node without help and compares. */
  async #recover() {
    this.#node = this.#start('node')
    const startMs = performance.now()
    await Promise.all([
      this.#node.ready.then(() => this.#recoveryMs.push(performance.now() - startMs)),
      this.#fill(),
    ])
    if (this.#node.hasRebuilt) this.#rebuilds += 1
    const position = await readPosition(this.#node)
    const before = this.#positionAt(this.#done)
    const after = this.#isInFlight ? this.#positionAt(this.#done + 1) : before
    this.#isInFlight = false
    this.#isUnclean = false
    if (position === before) return
    if (position === after) this.#done += 1
    else this.#differ('after a kill', { position, before, after })
  }

  /** The node does what is left, and everything is compared once more, in other ways. */
  async #compareEnds() {
    while (!this.#plan.isAtTip) await this.#stepTwin()
    while (this.#done < this.#steps.length) await this.#stepNode()
    const wanted = this.#positionAt(this.#done)
    const position = await readPosition(this.#node)
    if (position !== wanted) this.#differ('at the end', { position, wanted })
    const fresh = await this.#startFresh()
    const straight = await readPosition(fresh)
    // The twin itself has reorganised often; this one never has.
    if (straight !== wanted) this.#differ('a node without reorganisations', { straight, wanted })
    const ends = await Promise.all(
      [this.#twin, this.#node, fresh].map((node) => node.end('SIGTERM')),
    )
    if (ends.some((how) => how !== 0)) this.#differ('how they stopped', { ends: ends.join() })
    const [twin, node] = await Promise.all(['twin', 'node'].map((name) => this.#hashCoins(name)))
    if (twin !== node) this.#differ('the stored coins', { twin, node })
  }

  /** A node that gets the blocks of the active chain alone, in order. */
  async #startFresh() {
    const fresh = this.#start('fresh', [])
    await fresh.ready
    const blocks = []
    for (let block = this.#plan.tip; block.height > 0; block = parentOf(block)) blocks.push(block)
    for (const { hex } of blocks.reverse()) await fresh.call('submitblock', [hex])
    return fresh
  }

  /** Hashes the records of all coins, as they are in the database of a node that has stopped. @param {string} name */
  async #hashCoins(name) {
    const path = join(this.#init.directory, name, 'regtest', 'db', 'state')
    const options = { createIfMissing: false, keyEncoding: 'buffer', valueEncoding: 'buffer' }
    const database = new Level(path, options)
    const hash = createHash('sha256')
    let count = 0
    const range = { gte: Buffer.from('!coin!'), lt: Buffer.from('!coin"') }
    for await (const [key, value] of database.iterator(/** @type {any} */ (range))) {
      hash.update(key).update(value)
      count += 1
    }
    await database.close()
    const wanted = this.#maker.countCoins(this.#plan.tip)
    if (count !== wanted) this.#differ('the number of stored coins', { name, count, wanted })
    return hash.digest('hex')
  }
}
