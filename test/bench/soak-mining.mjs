// @ts-check
/**
 * Mines for a while in two ways at once, and accounts for every block: the node's own miner against a scripted one
 * that works over getblocktemplate, with transactions in the blocks.
 *
 *   node test/bench/soak-mining.mjs [--json] [--record] [--tiny] [--minutes N]
 *
 * Runs on for a while if a miner has found too little by then. Fails if a block that was found is neither on the chain
 * nor counted as stale, if a block was refused, or, in a run of a minute and more, if the node's memory keeps growing.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, isBuilt } from '../../scripts/build.mjs'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { createBlock, encodeBlock, hashOf, TemplateClient } from '../support/template-miner.mjs'
import { readOptions } from './report/options.mjs'
import { endReport, startReport } from './report/report.mjs'

if (!isBuilt()) build()
const { WasmHashEngine } = await import('../../dist/mining/index.js')

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const MODULE = new URL('../../wasm/quarry-hash-simd.wasm', import.meta.url)
/** Anyone can spend it. */
const OP_TRUE = Buffer.of(0x51)
const TAG = '/soak/'
const MATURITY = 5
const FEE = 10_000
const SUBSIDY = 5_000_000_000
const SCAN_COUNT = 16_384
/** Of each loop, the part in which the scripted miner hashes. */
const SHARE = 0.3
const SAMPLE_MS = 2_000
/** Memory may be so much above what it was after the first quarter. */
const MEMORY_SLACK_MB = 48
const NONCE_COUNT = 2 ** 32

/** A run that is shorter says nothing about memory. */
const MIN_MEMORY_MINUTES = 1
/** Each miner finds so many blocks at least, or the run goes on; but not for longer than this. */
const MIN_FOUND = 3
const MAX_OVERTIME_MS = 120_000
/** To account for every block. */
const MAX_ATTEMPTS = 5

const options = readOptions({ minutes: { usual: 10, tiny: 0.15, isWhole: false } })
const { minutes } = options.sizes
const machine = startReport()

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** @param {string} directory */
async function startNode(directory) {
  const specPath = join(directory, 'soak.json')
  const spec = {
    version: 1,
    name: 'soak',
    genesis: { time: Math.floor(Date.now() / 1_000) - 60, bits: '1e1fffff' },
    retarget: { targetSpacingSeconds: 1, windowBlocks: 10 },
    coinbaseMaturityBlocks: MATURITY,
  }
  writeFileSync(specPath, JSON.stringify(spec))
  const flags = [
    ['--chain', specPath],
    ['--datadir', join(directory, 'data')],
    ['--listen', '/ip4/127.0.0.1/tcp/0'],
    ['--rpc-port', '0'],
    ['--log-level', 'warn'],
    ['--threads', '1'],
    ['--throttle', String(SHARE)],
    ['--mine'],
    ['--accept-nonstd-txn'],
  ].flat()
  const child = spawn(process.execPath, [MAIN, 'start', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the node ended with code ${code}`)
  })
  const [ready] = await Promise.race([once(child, 'message'), ended])
  ended.catch(() => undefined)
  return { child, ready }
}

/**
 * Resident memory of a process in megabytes; undefined where it cannot be read.
 *
 * @param {number} pid
 */
function readMemory(pid) {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024
  } catch {
    return undefined
  }
}

/** @param {readonly number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

/** @param {any} result @param {number} place */
function spendCoinbase({ tx: [coinbase] }, place) {
  const value = Buffer.alloc(8)
  value.writeBigInt64LE(BigInt(SUBSIDY - FEE - place))
  return Buffer.concat([
    Buffer.from('0200000001', 'hex'),
    Buffer.from(coinbase, 'hex').reverse(),
    Buffer.from('00000000', 'hex'),
    Buffer.of(0),
    Buffer.from('ffffffff', 'hex'),
    Buffer.of(1),
    value,
    Buffer.of(OP_TRUE.length),
    OP_TRUE,
    Buffer.alloc(4),
  ]).toString('hex')
}

/** Mines over getblocktemplate until told to stop. */
class ScriptedMiner {
  #engine = new WasmHashEngine(new WebAssembly.Module(readFileSync(MODULE)))
  #client
  /** @type {any} */
  #template
  /** @type {Map<string, string | null>} */
  found = new Map()
  /** @type {string[]} */
  #spendable = []
  staleBeforeSubmit = 0
  longPolls = 0
  sent = 0
  isStopped = false
  #abort = new AbortController()
  #extraNonce = 0

  /** @param {TemplateClient} client */
  constructor(client) {
    this.#client = client
  }

  stop() {
    this.isStopped = true
    this.#abort.abort()
  }

  /** Keeps the template new, as cpuminer's second thread does. */
  async #follow() {
    while (!this.isStopped) {
      try {
        this.#template = await this.#client.getTemplate(
          this.#template.longpollid,
          this.#abort.signal,
        )
        this.longPolls += 1
      } catch (error) {
        if (!this.isStopped) throw error
      }
    }
  }

  async run() {
    this.#template = await this.#client.getTemplate()
    const following = this.#follow()
    while (!this.isStopped) {
      const template = this.#template
      this.#extraNonce += 1
      const extraNonce = this.#extraNonce
      const block = createBlock(template, { payoutScript: OP_TRUE, tag: TAG, extraNonce })
      const nonce = await this.#search(block, () => this.#template !== template)
      if (nonce === undefined) continue
      block.header.writeUInt32LE(nonce, 76)
      if (this.#template !== template) this.staleBeforeSubmit += 1
      const result = await this.#client.call('submitblock', [encodeBlock(block)])
      this.found.set(hashOf(block), result)
      this.#spendable.push(hashOf(block))
      await this.#spendMatured()
      if (this.#template === template) this.#template = await this.#client.getTemplate()
    }
    await following
  }

  /** @param {{ header: Buffer, target: string }} block @param {() => boolean} isStale */
  async #search({ header, target }, isStale) {
    const bytes = Uint8Array.from(Buffer.from(target, 'hex').reverse())
    const versions = { versionMask: 0, versionCount: 1 }
    this.#engine.prepare({ header, shareTarget: bytes, blockTarget: bytes, ...versions })
    for (let nonce = 0; nonce < NONCE_COUNT; nonce += SCAN_COUNT) {
      const startMs = performance.now()
      const { hits } = this.#engine.scan(nonce, SCAN_COUNT)
      const hit = hits.find(({ meetsBlock }) => meetsBlock)
      if (hit !== undefined) return hit.nonce
      await pause((performance.now() - startMs) * (1 / SHARE - 1))
      if (this.isStopped || isStale()) return undefined
    }
    return undefined
  }

  /** Sends a transaction for each of its blocks that has matured. */
  async #spendMatured() {
    while (this.#spendable.length > MATURITY + 2) {
      const block = await this.#client.call('getblock', [this.#spendable.shift()])
      if (block.confirmations <= MATURITY) continue
      try {
        await this.#client.call('sendrawtransaction', [spendCoinbase(block, this.sent % 1_000)])
        this.sent += 1
      } catch (error) {
        throw new Error(`a transaction was refused: ${error}`)
      }
    }
  }
}

/** What became of every block on the chain, by who made it. @param {TemplateClient} client */
async function countChain(client) {
  const { blocks } = await client.call('getblockchaininfo')
  const tag = Buffer.from(TAG, 'latin1').toString('hex')
  let own = 0
  let transactions = 0
  for (let height = 1; height <= blocks; height++) {
    const block = await client.call('getblock', [await client.call('getblockhash', [height]), 2])
    if (block.tx[0].vin[0].coinbase.includes(tag)) own += 1
    transactions += block.nTx - 1
  }
  return { height: blocks, scripted: own, local: blocks - own, transactions }
}

/** @param {TemplateClient} client @param {ScriptedMiner} miner */
async function accountFor(client, miner) {
  const outcome = { active: 0, stale: 0, lost: 0, refused: 0 }
  for (const [hash, result] of miner.found) {
    if (result !== null && result !== 'inconclusive') {
      outcome.refused += 1
      continue
    }
    const { confirmations } = await client.call('getblockheader', [hash])
    if (confirmations > 0) outcome.active += 1
    else if (confirmations === -1) outcome.stale += 1
    else outcome.lost += 1
  }
  return outcome
}

/**
 * Accounts for every block. The node's own miner rests by now, but a block that it found last may be on its way.
 *
 * @param {TemplateClient} client
 * @param {ScriptedMiner} miner
 */
async function settle(client, miner) {
  for (let attempt = 1; ; attempt++) {
    const { quarry_blocks_found: found, quarry_stale: stale } = await client.call('getmininginfo')
    const chain = await countChain(client)
    const scripted = { found: miner.found.size, ...(await accountFor(client, miner)) }
    // What is found is on the chain, or ends a branch beside it.
    const tips = await client.call('getchaintips')
    const beside = tips.reduce((sum, { branchlen }) => sum + branchlen, 0)
    const isEveryBlockAccountedFor =
      scripted.lost === 0 &&
      scripted.active === chain.scripted &&
      scripted.found === scripted.active + scripted.stale &&
      found - chain.local === beside - scripted.stale
    if (isEveryBlockAccountedFor || attempt === MAX_ATTEMPTS) {
      return { isEveryBlockAccountedFor, chain, scripted, found, stale }
    }
    await pause(SAMPLE_MS)
  }
}

/** @param {Record<string, any>} report */
function print({ machine: _machine, load: _load, ratios: _ratios, ...figures }) {
  for (const [name, value] of Object.entries(figures)) {
    process.stdout.write(`${name}: ${JSON.stringify(value)}\n`)
  }
}

const directory = mkdtempSync(join(tmpdir(), 'quarry-soak-'))
const { child, ready } = await startNode(directory)
const client = new TemplateClient(ready)
const miner = new ScriptedMiner(client)
/** @type {number[]} */
const memory = []
try {
  const endMs = performance.now() + minutes * 60_000
  const mining = miner.run()
  let failure
  mining.catch((error) => {
    failure = error
  })
  const isDone = async () => {
    const overtimeMs = performance.now() - endMs
    if (overtimeMs < 0) return false
    if (overtimeMs > MAX_OVERTIME_MS) return true
    const { quarry_blocks_found: found } = await client.call('getmininginfo')
    return miner.found.size >= MIN_FOUND && found >= MIN_FOUND
  }
  while (failure === undefined && !(await isDone())) {
    await pause(SAMPLE_MS)
    const megabytes = readMemory(child.pid ?? 0)
    if (megabytes !== undefined) memory.push(megabytes)
  }
  miner.stop()
  await mining
  await client.call('setminers', [1, SHARE, true])
  const { isEveryBlockAccountedFor, chain, scripted, found, stale } = await settle(client, miner)
  const quarter = memory.length >> 2
  const early = median(memory.slice(quarter, 2 * quarter)) ?? 0
  const late = median(memory.slice(-quarter)) ?? 0
  const checks = {
    isEveryBlockAccountedFor,
    isNoBlockRefused: scripted.refused === 0,
    isMemoryFlat: minutes < MIN_MEMORY_MINUTES ? null : late <= early + MEMORY_SLACK_MB,
    isEachMinerThere: chain.scripted > 0 && chain.local > 0,
  }
  const report = {
    ...machine,
    minutes,
    ratios: {
      scriptedStaleShare: scripted.stale / scripted.found,
      localStaleShare: (found - chain.local) / found,
      memoryLateToEarly: minutes < MIN_MEMORY_MINUTES ? null : late / early,
    },
    chain,
    scripted: { ...scripted, longPolls: miner.longPolls, knownStale: miner.staleBeforeSubmit },
    local: { found, active: chain.local, stale: found - chain.local, knownStale: stale },
    transactionsSent: miner.sent,
    memoryMegabytes: {
      early: Math.round(early),
      late: Math.round(late),
      most: Math.round(Math.max(0, ...memory)),
    },
    ...checks,
  }
  endReport('soak-mining', options, report, print)
  if (Object.values(checks).includes(false)) process.exitCode = 1
} finally {
  client.close()
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
  rmSync(directory, { recursive: true, force: true })
}
