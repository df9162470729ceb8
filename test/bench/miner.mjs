// @ts-check
/**
 * Measures the hash core beside the usual ways to hash a header, in one run. What to trust are the ratios:
 * slices of all candidates are interleaved, so that a busy machine slows all of them.
 *
 *   node test/bench/miner.mjs [--json] [--rounds N]
 *
 * A candidate is measured only after it has found what `@noble/hashes` finds. Rates are per second of
 * processor time on one thread; of wall clock for workers, whose ratio so means little on a machine that is
 * busy (`loadAverage`). Nothing here passes or fails on a time.
 */

import { hash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { sha256 } from '@noble/hashes/sha2.js'
import { build, isBuilt } from '../../scripts/build.mjs'

if (isMainThread && !isBuilt()) build()
const { WasmHashEngine } = await import('../../dist/mining/index.js')

/** @typedef {import('../../dist/mining/index.js').HashEngine} HashEngine */
/** @typedef {ReturnType<typeof measureCandidates>} Measured */
/** @typedef {Awaited<ReturnType<typeof measureWorkers>>} MeasuredWorkers */

const HEADER_SIZE = 80
const NONCE_OFFSET = 76
const NONCE_COUNT = 2 ** 32
const BIP320_MASK = 0x1fff_e000
const ROLLED_VERSIONS = 8
const SCAN_COUNT = 16_384
const BULK_COUNT = 256
const SLICE_MS = 60
const WARM_UP_MS = 150
const WORKER_SLICE_MS = 300
const DEFAULT_ROUNDS = 9
const VERIFIED_NONCES = 2_048

const SIMD = 'wasm-simd, kernel 0'
const ROLLED = `wasm-simd, ${ROLLED_VERSIONS} versions`
const SCALAR = 'wasm-scalar'
/** Three compressions a header and none of the shortcuts: what a plain implementation does. */
const NAIVE = 'wasm-scalar, whole headers'
const NOBLE = '@noble/hashes twice'
const NODE_CRYPTO = 'crypto.hash twice'
/** What else one would compare with, and why it is not here. */
const LEFT_OUT = {
  'hash-wasm': 'not a dependency',
  '@chainsafe/as-sha256': 'not a dependency',
  'native 128-bit kernel': 'needs a Rust compiler on the machine',
}

/** No header in particular. */
const HEADER = Uint8Array.from({ length: HEADER_SIZE }, (_, index) => (index * 151 + 7) & 0xff)

/** @param {'simd' | 'scalar'} name */
function loadModule(name) {
  const path = new URL(`../../wasm/quarry-hash-${name}.wasm`, import.meta.url)
  return new WebAssembly.Module(readFileSync(path))
}

/**
 * A target with the given two top bytes, highest first.
 *
 * @param {number} high
 * @param {number} low
 */
function createTarget(high, low) {
  return new Uint8Array(32).fill(0xff, 0, 30).fill(low, 30, 31).fill(high, 31)
}

/**
 * @param {Uint8Array} target
 * @param {number} versionCount
 */
function createJob(target, versionCount) {
  const versionMask = versionCount > 1 ? BIP320_MASK : 0
  return { header: HEADER, shareTarget: target, blockTarget: target, versionMask, versionCount }
}

/**
 * Hashes nonces one after another with an engine, as a worker does: hits are rare.
 *
 * @param {HashEngine} engine
 * @param {number} versionCount
 */
function createScanner(engine, versionCount) {
  engine.prepare(createJob(createTarget(0, 0), versionCount))
  let nonce = 0
  return () => {
    nonce = nonce + SCAN_COUNT > NONCE_COUNT ? 0 : nonce
    const { noncesDone } = engine.scan(nonce, SCAN_COUNT)
    nonce += noncesDone
    return noncesDone * versionCount
  }
}

/**
 * Hashes whole headers with an engine: three compressions each, no shortcut.
 *
 * @param {HashEngine} engine
 */
function createBulkHasher(engine) {
  const headers = new Uint8Array(BULK_COUNT * HEADER_SIZE)
  const view = new DataView(headers.buffer)
  let nonce = 0
  for (let index = 0; index < BULK_COUNT; index++) headers.set(HEADER, index * HEADER_SIZE)
  return () => {
    for (let index = 0; index < BULK_COUNT; index++) {
      view.setUint32(index * HEADER_SIZE + NONCE_OFFSET, nonce++, true)
    }
    engine.hashHeaders(headers)
    return BULK_COUNT
  }
}

/**
 * Hashes one header after another with a function.
 *
 * @param {(header: Uint8Array) => Uint8Array} hashTwice
 */
function createSingleHasher(hashTwice) {
  const header = Uint8Array.from(HEADER)
  const view = new DataView(header.buffer)
  let nonce = 0
  let low = 0
  return () => {
    for (let index = 0; index < BULK_COUNT; index++) {
      view.setUint32(NONCE_OFFSET, nonce++, true)
      // As a miner would: nobody may leave out the hashing.
      if (hashTwice(header)[31] === 0) low += 1
    }
    return low < 0 ? 0 : BULK_COUNT
  }
}

/** @param {Uint8Array} bytes */
const hashByNoble = (bytes) => sha256(sha256(bytes))
/** @param {Uint8Array} bytes */
const hashByNode = (bytes) => hash('sha256', hash('sha256', bytes, 'buffer'), 'buffer')

/**
 * @param {string} name
 * @param {HashEngine} engine
 * @throws If an engine does not find exactly what `@noble/hashes` finds.
 */
function verifyEngine(name, engine) {
  engine.prepare(createJob(createTarget(0x03, 0xff), 1))
  /** @type {number[]} */
  const found = []
  for (let nonce = 0; nonce < VERIFIED_NONCES; ) {
    const { hits, noncesDone } = engine.scan(nonce, VERIFIED_NONCES - nonce)
    found.push(...hits.map((hit) => hit.nonce))
    nonce += noncesDone
  }
  const header = Uint8Array.from(HEADER)
  const wanted = []
  for (let nonce = 0; nonce < VERIFIED_NONCES; nonce++) {
    new DataView(header.buffer).setUint32(NONCE_OFFSET, nonce, true)
    if (hashByNoble(header)[31] <= 0x03) wanted.push(nonce)
  }
  if (wanted.length === 0 || found.join() !== wanted.join()) {
    throw new Error(`${name} does not find what @noble/hashes finds`)
  }
}

/**
 * @param {string} name
 * @param {ReturnType<typeof loadModule>} module
 * @param {number} kernel
 */
function createEngine(name, module, kernel) {
  const engine = new WasmHashEngine(module, { kernel })
  verifyEngine(name, engine)
  return engine
}

function createCandidates() {
  const simd = loadModule('simd')
  const scalar = loadModule('scalar')
  const { kernelCount } = new WasmHashEngine(simd)
  const candidates = Array.from({ length: kernelCount }, (_, kernel) => {
    const name = `wasm-simd, kernel ${kernel}`
    return { name, step: createScanner(createEngine(name, simd, kernel), 1) }
  })
  const scalarEngine = createEngine(SCALAR, scalar, 0)
  return [
    ...candidates,
    {
      name: ROLLED,
      step: createScanner(createEngine('rolled', simd, 0), ROLLED_VERSIONS),
    },
    { name: SCALAR, step: createScanner(scalarEngine, 1) },
    {
      name: NAIVE,
      step: createBulkHasher(createEngine(NAIVE, scalar, 0)),
    },
    { name: NOBLE, step: createSingleHasher(hashByNoble) },
    { name: NODE_CRYPTO, step: createSingleHasher(hashByNode) },
  ]
}

/**
 * Hashes per second of processor time.
 *
 * @param {() => number} step - Returns how many hashes it did.
 * @param {number} milliseconds
 */
function measureSlice(step, milliseconds) {
  const start = process.cpuUsage()
  let hashes = 0
  let micros = 0
  while (micros < milliseconds * 1_000) {
    hashes += step()
    const { user, system } = process.cpuUsage(start)
    micros = user + system
  }
  return (hashes / micros) * 1e6
}

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[sorted.length >> 1]
}

/** @param {number} rounds */
function measureCandidates(rounds) {
  const candidates = createCandidates()
  const rates = candidates.map(() => /** @type {number[]} */ ([]))
  for (const { step } of candidates) measureSlice(step, WARM_UP_MS)
  for (let round = 0; round < rounds; round++) {
    // Each round begins elsewhere, so that nobody always follows the same neighbour.
    for (let offset = 0; offset < candidates.length; offset++) {
      const index = (round + offset) % candidates.length
      rates[index].push(measureSlice(candidates[index].step, SLICE_MS))
    }
  }
  const [main] = rates
  return candidates.map(({ name }, index) => ({
    name,
    hashesPerSecond: Math.round(median(rates[index])),
    best: Math.round(Math.max(...rates[index])),
    // Round by round: a slow minute slows both.
    timesSlower: Number(median(rates[index].map((rate, at) => main[at] / rate)).toFixed(3)),
  }))
}

/**
 * How many times the SIMD build's rate is that of another: the ratios that the goals are stated in.
 *
 * @param {Measured} candidates
 * @param {MeasuredWorkers} workers
 */
function summarize(candidates, workers) {
  /** @param {string} name */
  const ratioTo = (name) => {
    const found = candidates.find((candidate) => candidate.name === name)
    if (found === undefined) throw new Error(`${name} was not measured`)
    return found.timesSlower
  }
  /** @param {number} rate */
  const mega = (rate) => Number((rate / 1e6).toFixed(3))
  /** @type {Record<string, Record<number, number>>} */
  const byThreads = Object.fromEntries(
    candidates.map(({ name, hashesPerSecond }) => [name, { 1: mega(hashesPerSecond) }]),
  )
  byThreads[SIMD] = { ...byThreads[SIMD], 2: mega(workers.two) }
  return {
    megahashesPerSecond: byThreads,
    ratioToNodeCrypto: ratioTo(NODE_CRYPTO),
    ratioToNoble: ratioTo(NOBLE),
    ratioToScalar: ratioTo(SCALAR),
    ratioToNaiveScalar: ratioTo(NAIVE),
    ratioOfRolledToPlain: Number((1 / ratioTo(ROLLED)).toFixed(3)),
    ratioOfTwoWorkersToOne: workers.ratio,
  }
}

/**
 * @param {readonly Worker[]} workers
 * @returns {Promise<number>} Hashes per second of all together.
 */
async function measureTogether(workers) {
  const counts = await Promise.all(
    workers.map(async (worker) => {
      worker.postMessage(WORKER_SLICE_MS)
      const [rate] = await once(worker, 'message')
      return rate
    }),
  )
  return counts.reduce((sum, rate) => sum + rate, 0)
}

/** @param {number} rounds */
async function measureWorkers(rounds) {
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url)))
  await measureTogether(workers)
  /** @type {number[]} */
  const one = []
  /** @type {number[]} */
  const two = []
  for (let round = 0; round < rounds; round++) {
    one.push(await measureTogether(workers.slice(round % 2, (round % 2) + 1)))
    two.push(await measureTogether(workers))
  }
  await Promise.all(workers.map((worker) => worker.terminate()))
  return {
    one: Math.round(median(one)),
    two: Math.round(median(two)),
    ratio: Number(median(two.map((rate, at) => rate / one[at])).toFixed(3)),
  }
}

/** In a worker: hashes for as long as it is told, and says how fast, by the wall clock. */
function serveAsWorker() {
  const port = parentPort
  if (port === null) throw new Error('not a worker')
  const step = createScanner(new WasmHashEngine(loadModule('simd')), 1)
  port.on('message', (milliseconds) => {
    const start = performance.now()
    let hashes = 0
    while (performance.now() - start < milliseconds) hashes += step()
    port.postMessage((hashes / (performance.now() - start)) * 1_000)
  })
}

/** @param {Awaited<ReturnType<typeof measure>>} report */
function printTable({ machine, loadAverage, candidates, workers, leftOut }) {
  /** @param {number} rate */
  const mega = (rate) => (rate / 1e6).toFixed(3).padStart(8)
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}, load ${loadAverage} at the start`,
    `${'one thread'.padEnd(28)}  MH/s median     best   times slower than the first`,
    ...candidates.map(({ name, hashesPerSecond, best, timesSlower }) => {
      const ratio = timesSlower.toFixed(2).padStart(8)
      return `${name.padEnd(28)}     ${mega(hashesPerSecond)} ${mega(best)}  ${ratio}`
    }),
    `two workers against one: ${mega(workers.two)} / ${mega(workers.one)} = ${workers.ratio}`,
    ...Object.entries(leftOut).map(([name, why]) => `left out: ${name} (${why})`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** @param {number} rounds */
async function measure(rounds) {
  const all = cpus()
  const loadAverage = Number((loadavg()[0] ?? 0).toFixed(2))
  const candidates = measureCandidates(rounds)
  const workers = await measureWorkers(rounds)
  return {
    machine: { cpu: all[0]?.model ?? 'unknown', cores: all.length, node: process.versions.node },
    loadAverage,
    rounds,
    sliceMs: SLICE_MS,
    ...summarize(candidates, workers),
    candidates,
    workers,
    leftOut: LEFT_OUT,
  }
}

async function main() {
  const args = process.argv.slice(2)
  const at = args.indexOf('--rounds')
  const rounds = at === -1 ? DEFAULT_ROUNDS : Number(args[at + 1])
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number')
  const report = await measure(rounds)
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  else printTable(report)
}

if (isMainThread) await main()
else serveAsWorker()
