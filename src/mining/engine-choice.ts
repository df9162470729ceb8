/** @module Which kernel of the compiled core a worker uses: the fastest where it runs, once it is right. */

import { HEADER_SIZE } from '../primitives/index.ts'
import type { Clock } from '../util/index.ts'
import { type HashEngine, HashEngineError, type ScanJob } from './hash-engine.ts'
import { ReferenceHashEngine } from './reference-hash-engine.ts'
import { countKernels, WasmHashEngine } from './wasm-hash-engine.ts'
import type {} from './webassembly-types.ts'

/** How long all kernels together are measured at least, on a fine clock. */
const TRIAL_MS = 30
/**
 * How often each is measured at least on a fine clock: where threads are many and cores few, the one that is
 * interrupted each time would seem the slowest.
 */
const MIN_FINE_TRIALS = 12
/** How often each is measured on a coarse clock, where every measurement takes its time. */
const MIN_COARSE_TRIALS = 3
/** Nonces of one scan: a fraction of a millisecond, so that some are not interrupted. */
const TRIAL_COUNT = 1_024
/** Shortest measurement on a coarse clock. */
const COARSE_SPAN_MS = 20
/** Scans of one measurement at most: enough for ticks of 100 milliseconds, the coarsest of browsers. */
const MAX_SCANS = 4_096
/** Readings in which a fine clock moves several times: some ten microseconds. */
const CLOCK_READINGS = 1_024
const FINE_CLOCK_MOVES = 4
/** Nonces that a kernel and the reference both try: some milliseconds of the latter. */
const VERIFIED_COUNT = 512
const VERIFIED_VERSIONS = 4
const VERIFIED_MASK = 0x1fff_e000
/** One hash in 32 is a hit: about 64 of those that are verified. */
const VERIFIED_TOP_BYTE = 0x07

function createTrialJob(topByte: number, versionCount: number): ScanJob {
  const header = Uint8Array.from({ length: HEADER_SIZE }, (_, index) => (index * 73 + 11) & 0xff)
  const target = new Uint8Array(32).fill(topByte, 31)
  const versionMask = versionCount === 1 ? 0 : VERIFIED_MASK
  return { header, shareTarget: target, blockTarget: target, versionMask, versionCount }
}

/** All hits of the verified nonces, as text. */
function listHits(engine: HashEngine): string {
  engine.prepare(createTrialJob(VERIFIED_TOP_BYTE, VERIFIED_VERSIONS))
  const found: string[] = []
  for (let nonce = 0; nonce < VERIFIED_COUNT; ) {
    const { hits, noncesDone } = engine.scan(nonce, VERIFIED_COUNT - nonce)
    found.push(...hits.map((hit) => `${hit.nonce}:${hit.version}:${hit.hash.join()}`))
    nonce += noncesDone
  }
  return found.join(' ')
}

/** Whether a clock has ticks far shorter than a scan. Browsers have clocks of 0.1 ms, 1 ms and more. */
function isFine(clock: Clock): boolean {
  let moves = 0
  let lastMs = clock.monotonic()
  for (let i = 0; i < CLOCK_READINGS; i++) {
    const nowMs = clock.monotonic()
    if (nowMs !== lastMs) moves += 1
    lastMs = nowMs
  }
  return moves >= FINE_CLOCK_MOVES
}

/**
 * Nonces per millisecond of one measurement. It ends just after a tick of the clock, where the next one starts: so
 * all but the first are exact to one scan, however long a tick is. The first one can only seem slower.
 *
 * @returns Undefined if the clock stands still.
 */
function measureOnce(engine: HashEngine, spanMs: number, clock: Clock): number | undefined {
  const startMs = clock.monotonic()
  let nonces = 0
  for (let scan = 0; scan < MAX_SCANS; scan++) {
    nonces += engine.scan(scan * TRIAL_COUNT, TRIAL_COUNT).noncesDone
    const elapsedMs = clock.monotonic() - startMs
    if (elapsedMs > 0 && elapsedMs >= spanMs) return nonces / elapsedMs
  }
  return undefined
}

/**
 * Measures engines in turn: what else the machine does can only slow one down, so the best of many is its rate.
 * On a clock that stands still all rates are zero.
 */
function measureAll(engines: readonly HashEngine[], clock: Clock): readonly number[] {
  const rates = engines.map(() => 0)
  const isFineClock = isFine(clock)
  const [spanMs, minTrials] = isFineClock
    ? [0, MIN_FINE_TRIALS]
    : [COARSE_SPAN_MS, MIN_COARSE_TRIALS]
  const endMs = clock.monotonic() + TRIAL_MS
  for (let round = 0; round < minTrials || clock.monotonic() < endMs; round++) {
    for (const [i, engine] of engines.entries()) {
      const rate = measureOnce(engine, spanMs, clock)
      if (rate === undefined) return engines.map(() => 0)
      rates[i] = Math.max(rates[i] ?? 0, rate)
    }
  }
  return rates
}

/**
 * Chooses among engines the fastest that finds exactly what `@noble/hashes` finds. Takes about 30 milliseconds for
 * all of them together, and 60 for each on a coarse clock; longer on a machine that is busy.
 *
 * @throws {@link HashEngineError} `unusable` if none does.
 */
export function chooseFastest(candidates: readonly HashEngine[], clock: Clock): HashEngine {
  const wanted = listHits(new ReferenceHashEngine())
  const right = candidates.filter((engine) => listHits(engine) === wanted)
  // Never met: the rate is that of a search without hits.
  for (const engine of right) engine.prepare(createTrialJob(0, 1))
  const rates = right.length > 1 ? measureAll(right, clock) : [0]
  const fastest = right[rates.indexOf(Math.max(...rates))]
  if (fastest !== undefined) return fastest
  throw new HashEngineError('unusable', 'no kernel finds what the reference engine finds')
}

/**
 * An engine on the fastest kernel of a compiled core. Kernels that fail their self-test are left out.
 *
 * @throws {@link HashEngineError} `unusable` if none is left.
 */
export function createFastestEngine(module: WebAssembly.Module, clock: Clock): HashEngine {
  const kernels = Array.from({ length: countKernels(module) }, (_, kernel) => kernel)
  const engines = kernels.flatMap((kernel) => {
    try {
      return [new WasmHashEngine(module, { kernel })]
    } catch (error) {
      if (error instanceof HashEngineError) return []
      throw error
    }
  })
  return chooseFastest(engines, clock)
}
