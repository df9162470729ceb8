// @ts-check
/** What the real miner with its worker threads costs, and how soon it lets go of old work. */

import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { setEnvironmentData, Worker } from 'node:worker_threads'
import { Miner, payAllTo } from '../../../dist/mining/index.js'
import { createHashWorkerSpawner } from '../../../dist/platform/nodejs/hash-worker-pool.js'
import { systemClock } from '../../../dist/platform/system.js'
import { loadModule } from './candidates.mjs'
import { median, percentile, processMicros, round, threadMicros } from './measure.mjs'

/** Each slice of the miner begins with all work being handed out, which else happens once a second. */
const SLICE_MS = 600
/** For the last calls to end, and their reports to arrive. */
const SETTLE_MS = 40
const WARM_UP_ROUNDS = 1
const OVERHEAD_WARM_UP_MS = 2_000
const OVERHEAD_PERIODS = 5
/** Between two tips: longer than any call, and never the same, so that calls are met at every point. */
const TIP_GAP_MS = 25
const TIP_GAP_SPREAD_MS = 20

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/**
 * A template that nobody solves: the target is 0xffff.
 *
 * @param {number} sample - Tells tips apart.
 * @param {number} [seconds] - Later than others.
 */
function createTemplate(sample, seconds = 0) {
  const prevBlockHash = new Uint8Array(32)
  new DataView(prevBlockHash.buffer).setUint32(0, sample, true)
  return {
    height: 1,
    prevBlockHash,
    prevTime: 1_700_000_000,
    minTime: 1_700_000_001,
    time: 1_700_000_600 + seconds,
    bits: 0x0300ffff,
    target: 0xffffn,
    version: 0x2000_0000,
    transactions: [],
    coinbaseValue: 5_000_000_000n,
    commitmentScript: Uint8Array.of(0x6a),
    merkleBranch: Array.from({ length: 11 }, (_, at) => new Uint8Array(32).fill(at)),
  }
}

/**
 * @param {() => ReturnType<typeof createTemplate>} nextTemplate
 * @param {import('../../../dist/mining/index.js').SpawnHashWorker} spawnHashWorker
 * @param {number} threads
 */
async function startMiner(nextTemplate, spawnHashWorker, threads) {
  const miner = new Miner(
    { nextTemplate, submit: async () => {}, spawnHashWorker, clock: systemClock, log: SILENT },
    {
      payouts: () => payAllTo(Uint8Array.of(0x51)),
      tag: '/bench/',
      isVersionRolled: false,
      threads,
      throttle: 1,
      nodeExtraNonce: Uint8Array.of(1, 2, 3, 4),
    },
  )
  miner.start()
  while (miner.stats.workers.some(({ state }) => state !== 'hashing')) await sleep(10)
  return miner
}

/** @param {readonly number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0)

/**
 * Hashes per second of processor time, all threads of the process counted.
 *
 * @param {() => Promise<number>} work - Returns how many hashes it did.
 */
async function measureByCpu(work) {
  const start = processMicros()
  const hashes = await work()
  return hashes / (processMicros() - start)
}

/**
 * Starts a miner whose workers write down what they do.
 *
 * @param {Parameters<typeof startMiner>[0]} nextTemplate
 * @param {number} threads
 * @param {number} samples - How many times the tip will change.
 */
async function startWatchedMiner(nextTemplate, threads, samples) {
  const watch = {
    workerCount: new Int32Array(new SharedArrayBuffer(4)),
    // For each worker and tip, when its last call ended, in nanoseconds.
    ends: new BigInt64Array(new SharedArrayBuffer(8 * threads * (samples + 1))),
    // Calls into the engine; how many gaps between two were measured, and microseconds of processor time in them.
    gaps: {
      calls: new Float64Array(new SharedArrayBuffer(8)),
      count: new Float64Array(new SharedArrayBuffer(8)),
      micros: new Float64Array(new SharedArrayBuffer(8)),
    },
    samples,
  }
  // Beside what the spawner gives every worker.
  setEnvironmentData('watch', watch)
  const entry = new URL('./watched-worker.mjs', import.meta.url)
  const spawn = createHashWorkerSpawner(loadModule('simd'), entry)
  return { miner: await startMiner(nextTemplate, spawn, threads), ...watch }
}

/**
 * The share of the processor time that is spent anywhere but in calls into the engine, while the miner runs with one
 * worker: by the worker between its calls, by the main thread on messages, templates and statistics. In processor
 * time, so that other programs change it little.
 *
 * @param {number} measuredSeconds - All periods together.
 */
export async function measureOverhead(measuredSeconds) {
  let seconds = 0
  const { miner, gaps } = await startWatchedMiner(() => createTemplate(0, seconds++), 1, 0)
  await sleep(OVERHEAD_WARM_UP_MS)
  const read = () => [gaps.calls, gaps.count, gaps.micros].map(([value = 0]) => value)
  /** @type {number[]} */
  const shares = []
  for (let period = 0; period < OVERHEAD_PERIODS; period++) {
    const before = read()
    const start = processMicros()
    const mainStart = performance.eventLoopUtilization()
    const mainStartMicros = threadMicros()
    await sleep((measuredSeconds * 1_000) / OVERHEAD_PERIODS)
    const total = processMicros() - start
    // The loop also counts time in which this thread had to wait for a core.
    const activeMicros = performance.eventLoopUtilization(mainStart).active * 1_000
    const mainMicros = Math.min(activeMicros, threadMicros() - mainStartMicros)
    const [calls = 0, count = 0, micros = 0] = read().map((value, at) => value - (before[at] ?? 0))
    shares.push(((micros / count) * calls + mainMicros) / total)
  }
  await miner.stop()
  return round(median(shares), 4)
}

/**
 * By how much the miner, with its messages, its templates every second and its statistics, is slower than
 * bare loops around the engine on as many threads. Taken from groups of four slices, two of each; the clock is the
 * processor time of the whole process, so that what the main thread does counts.
 *
 * Other programs disturb this by some percent.
 *
 * @param {number} rounds
 * @returns Shares of 1: the median over the groups, and its quartiles.
 */
export async function compareWithLoops(rounds) {
  const threads = availableParallelism()
  const module = loadModule('simd')
  let seconds = 0
  // As on a chain: another time every second, so that all work is handed out anew.
  const miner = await startMiner(
    () => createTemplate(0, seconds++),
    createHashWorkerSpawner(module),
    threads,
  )
  miner.configure({ isPaused: true })
  const entry = new URL('./raw-worker.mjs', import.meta.url)
  const raw = Array.from({ length: threads }, () => new Worker(entry, { workerData: module }))
  await Promise.all(raw.map((worker) => once(worker, 'message')))
  const mine = async () => {
    const before = miner.stats.hashes
    miner.configure({ isPaused: false })
    await sleep(SLICE_MS)
    miner.configure({ isPaused: true })
    await sleep(SETTLE_MS)
    return miner.stats.hashes - before
  }
  const scan = async () => {
    const counts = raw.map(async (worker) => {
      worker.postMessage(SLICE_MS)
      return (await once(worker, 'message'))[0]
    })
    const hashes = sum(await Promise.all(counts))
    await sleep(SETTLE_MS)
    return hashes
  }
  /** @type {number[]} */
  const overheads = []
  for (let at = 0; at < rounds + WARM_UP_ROUNDS; at++) {
    // One in the middle of the other, in turn: what drifts over the four slices drifts for both.
    const [outer, inner] = at % 2 === 0 ? [mine, scan] : [scan, mine]
    const first = await measureByCpu(outer)
    const middle = [await measureByCpu(inner), await measureByCpu(inner)]
    const around = [first, await measureByCpu(outer)]
    const [byMiner, byLoops] = at % 2 === 0 ? [around, middle] : [middle, around]
    if (at < WARM_UP_ROUNDS) continue
    overheads.push(1 - sum(byMiner) / sum(byLoops))
  }
  await Promise.all([miner.stop(), ...raw.map((worker) => worker.terminate())])
  return {
    median: round(median(overheads), 4),
    quartiles: [round(percentile(overheads, 25), 4), round(percentile(overheads, 75), 4)],
  }
}

/**
 * How long after a new tip the last call on an old header ends, over all workers of a miner.
 *
 * @param {number} samples
 * @param {number} threads
 * @returns Milliseconds.
 */
export async function measureStopLatency(samples, threads) {
  let sample = 0
  const templates = Array.from({ length: samples + 1 }, (_, at) => createTemplate(at))
  const { miner, ends } = await startWatchedMiner(
    () => /** @type {any} */ (templates[sample]),
    threads,
    samples,
  )
  await sleep(200)
  const tipTimes = []
  for (sample = 0; sample < samples; ) {
    await sleep(TIP_GAP_MS + ((sample * 7) % TIP_GAP_SPREAD_MS))
    tipTimes.push(process.hrtime.bigint())
    sample += 1
    miner.onNewTip()
  }
  await sleep(SETTLE_MS)
  await miner.stop()
  const latencies = tipTimes.map((atNanos, old) => {
    const lastEnds = Array.from(
      { length: threads },
      (_, worker) => ends[worker * (samples + 1) + old] ?? 0n,
    )
    return Math.max(0, ...lastEnds.map((end) => Number(end - atNanos) / 1e6))
  })
  return {
    samples,
    threads,
    median: round(median(latencies), 2),
    p99: round(percentile(latencies, 99), 2),
    max: round(Math.max(...latencies), 2),
  }
}
