// @ts-check
/**
 * Measures the hash core beside the usual ways to hash a header, and the miner around it, in one run. What to
 * trust are the ratios: slices of all candidates are interleaved, so that a busy machine slows all of them.
 *
 *   node test/bench/miner.mjs [--json] [--record] [--tiny] [--rounds N] [--stop-samples N] [--overhead-seconds N]
 *
 * A candidate is measured only after it has found what `@noble/hashes` finds. Rates are per second of
 * processor time, on one thread and on all cores: the sum of what each thread did per second of its own. The
 * latency is real time, and other programs that want the cores add to it (`load`). Nothing here passes
 * or fails on a time.
 */

import { availableParallelism } from 'node:os'
import { build, isBuilt } from '../../scripts/build.mjs'
import { readOptions } from './report/options.mjs'
import { endReport, formatMachine, startReport } from './report/report.mjs'

if (!isBuilt()) build()
const { AS_SHA256, createCandidates, HASH_WASM, NAIVE, NOBLE, NODE_CRYPTO, ROLLED, SCALAR } =
  await import('./miner/candidates.mjs')
const { measureSlice, median, processMicros, round } = await import('./miner/measure.mjs')
const { startNative } = await import('./miner/native.mjs')
const { compareWithLoops, measureOverhead, measureStopLatency } = await import(
  './miner/scheduling.mjs'
)
const { measureThreads } = await import('./miner/threads.mjs')

/** @typedef {Awaited<ReturnType<typeof measureCandidates>>} Measured */
/** @typedef {Awaited<ReturnType<typeof measureThreads>>} MeasuredThreads */

const SLICE_MS = 60
const WARM_UP_MS = 150

const options = readOptions({
  rounds: { usual: 9, tiny: 1 },
  'stop-samples': { usual: 250, tiny: 5 },
  'overhead-seconds': { usual: 15, tiny: 0.5, isWhole: false },
})
const { rounds, 'stop-samples': stopSamples, 'overhead-seconds': overheadSeconds } = options.sizes

const NATIVE = 'native, 128-bit vectors'

async function measureCandidates() {
  const here = (await createCandidates()).map(({ name, step }) => ({
    name,
    measure: async (/** @type {number} */ ms) => measureSlice(step, ms, processMicros),
  }))
  const native = await startNative()
  const candidates =
    typeof native === 'string' ? here : [...here, { name: NATIVE, measure: native.measure }]
  const rates = candidates.map(() => /** @type {number[]} */ ([]))
  for (const { measure } of candidates) await measure(WARM_UP_MS)
  for (let at = 0; at < rounds; at++) {
    // Each round begins elsewhere, so that nobody always follows the same neighbour.
    for (let offset = 0; offset < candidates.length; offset++) {
      const index = (at + offset) % candidates.length
      rates[index]?.push((await candidates[index]?.measure(SLICE_MS)) ?? Number.NaN)
    }
  }
  if (typeof native !== 'string') native.stop()
  const [main = []] = rates
  const rows = candidates.map(({ name }, index) => ({
    name,
    hashesPerSecond: Math.round(median(rates[index] ?? [])),
    best: Math.round(Math.max(...(rates[index] ?? []))),
    // Round by round: a slow minute slows both.
    timesSlower: round(median((rates[index] ?? []).map((rate, at) => (main[at] ?? 0) / rate))),
  }))
  return { rows, leftOut: typeof native === 'string' ? { [NATIVE]: native } : {} }
}

/**
 * How many times the SIMD build's rate is that of another: the ratios that the goals are stated in.
 *
 * @param {Measured} measured
 * @param {MeasuredThreads} threads
 */
function summarize({ rows }, threads) {
  /** @param {string} name */
  const ratioTo = (name) => rows.find((row) => row.name === name)?.timesSlower ?? Number.NaN
  /** @param {number} rate */
  const mega = (rate) => round(rate / 1e6)
  const isNativeHere = rows.some(({ name }) => name === NATIVE)
  return {
    megahashesPerSecond: Object.fromEntries(
      rows.map(({ name, hashesPerSecond }) => {
        const together = threads.allCores.get(name)
        const all = together === undefined ? {} : { [threads.threads]: mega(together) }
        return [name, { 1: mega(hashesPerSecond), ...all }]
      }),
    ),
    ratioToNodeCrypto: Math.min(...NODE_CRYPTO.map(ratioTo)),
    ratioToNoble: ratioTo(NOBLE),
    ratioToHashWasm: ratioTo(HASH_WASM),
    ratioToAsSha256: ratioTo(AS_SHA256),
    ratioToScalar: ratioTo(SCALAR),
    ratioToNaiveScalar: ratioTo(NAIVE),
    ratioToNative: isNativeHere ? ratioTo(NATIVE) : null,
    ratioOfRolledToPlain: round(1 / ratioTo(ROLLED)),
    ratioOfTwoWorkersToOne: threads.twoToOne,
    ratioOfTwoWorkersToOneByWallClock: threads.twoToOneByWallClock,
  }
}

/**
 * What a history keeps.
 *
 * @param {ReturnType<typeof summarize>} summary
 */
function listRatios({ megahashesPerSecond: _rates, ...ratios }) {
  return ratios
}

async function measure() {
  const cores = availableParallelism()
  const start = startReport()
  const measured = await measureCandidates()
  const names = measured.rows.map(({ name }) => name).filter((name) => name !== NATIVE)
  const threads = await measureThreads(names, rounds)
  const schedulingOverhead = await measureOverhead(overheadSeconds)
  const schedulingAgainstLoops = await compareWithLoops(rounds)
  const stop = await measureStopLatency(stopSamples, Math.max(1, cores - 1))
  const stopOnAllCores = await measureStopLatency(stopSamples, cores)
  const summary = summarize(measured, threads)
  return {
    ...start,
    rounds,
    sliceMs: SLICE_MS,
    ...summary,
    ratios: { ...listRatios(summary), schedulingOverhead },
    schedulingOverhead,
    schedulingAgainstLoops,
    // With the threads that a miner has by default; where it has every core, the main thread waits for one.
    stopLatencyMsP99: stop.p99,
    stopLatency: stop,
    stopLatencyOnAllCores: stopOnAllCores,
    candidates: measured.rows,
    leftOut: measured.leftOut,
  }
}

/** @param {Awaited<ReturnType<typeof measure>>} report */
function printTable(report) {
  const { candidates, megahashesPerSecond, stopLatency, stopLatencyOnAllCores } = report
  const cores = availableParallelism()
  const loops = report.schedulingAgainstLoops
  /** @param {number} rate */
  const mega = (rate) => (rate / 1e6).toFixed(3).padStart(8)
  /** @param {string} name */
  const onAll = (name) =>
    String(/** @type {any} */ (megahashesPerSecond)[name]?.[cores] ?? '').padStart(9)
  /** @param {typeof stopLatency} latency */
  const formatLatency = ({ threads, median: middle, p99, max }) =>
    `new tip to the end of the last call on old work, ${threads} threads: median ${middle} ms, p99 ${p99} ms, worst ${max} ms`
  const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(2)} %`
  const lines = [
    `${formatMachine(report)} at the start`,
    `${'MH/s of processor time'.padEnd(28)} one thread     best  ${cores} cores  times slower than the first`,
    ...candidates.map(({ name, hashesPerSecond, best, timesSlower }) => {
      const ratio = timesSlower.toFixed(2).padStart(8)
      return `${name.padEnd(28)}   ${mega(hashesPerSecond)} ${mega(best)}${onAll(name)}  ${ratio}`
    }),
    `two workers against one: ${report.ratioOfTwoWorkersToOne} (wall clock: ${report.ratioOfTwoWorkersToOneByWallClock})`,
    `scheduling costs ${percent(report.schedulingOverhead)} (rate against bare loops: median ${percent(loops.median)} lower, quartiles ${loops.quartiles.map(percent).join(' to ')})`,
    formatLatency(stopLatency),
    formatLatency(stopLatencyOnAllCores),
    ...Object.entries(report.leftOut).map(([name, why]) => `left out: ${name} (${why})`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

endReport('miner', options, await measure(), printTable)
