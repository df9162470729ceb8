/** @module Which kernel of the compiled core a worker uses: the fastest where it runs, once it is right. */

import { HEADER_SIZE } from '../primitives/index.ts'
import type { Clock } from '../util/index.ts'
import { type HashEngine, HashEngineError, type ScanJob } from './hash-engine.ts'
import { ReferenceHashEngine } from './reference-hash-engine.ts'
import { countKernels, WasmHashEngine } from './wasm-hash-engine.ts'
import type {} from './webassembly-types.ts'

/** How long all kernels together are measured, */
const TRIAL_MS = 30
/**
 * and how often each at least: where threads are many and cores few, the one that is interrupted each time would
 * seem the slowest.
 */
const MIN_TRIALS = 12
/** Nonces of one measurement: a fraction of a millisecond, so that some are not interrupted. */
const TRIAL_COUNT = 1_024
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

/** Nonces per millisecond of one short scan. */
function measureOnce(engine: HashEngine, nonce: number, clock: Clock): number {
  const startMs = clock.monotonic()
  const { noncesDone } = engine.scan(nonce, TRIAL_COUNT)
  return noncesDone / Math.max(clock.monotonic() - startMs, 0.001)
}

/**
 * Chooses among engines the fastest that finds exactly what `@noble/hashes` finds. Takes about
 * 30 milliseconds for all of them together, longer on a machine that is busy.
 *
 * @throws {@link HashEngineError} `unusable` if none does.
 */
export function chooseFastest(candidates: readonly HashEngine[], clock: Clock): HashEngine {
  const wanted = listHits(new ReferenceHashEngine())
  const right = candidates.filter((engine) => listHits(engine) === wanted)
  const trials = right.map((engine) => ({ engine, best: 0 }))
  // Never met: the rate is that of a search without hits.
  for (const { engine } of trials) engine.prepare(createTrialJob(0, 1))
  const endMs = clock.monotonic() + TRIAL_MS
  const isEnough = (rounds: number): boolean =>
    trials.length <= 1 || (rounds >= MIN_TRIALS && clock.monotonic() >= endMs)
  for (let round = 0; !isEnough(round); round++) {
    const nonce = round * TRIAL_COUNT
    for (const trial of trials) {
      // The best of many: what else the machine does can only slow one down.
      trial.best = Math.max(trial.best, measureOnce(trial.engine, nonce, clock))
    }
  }
  const [fastest] = trials.sort((one, other) => other.best - one.best)
  if (fastest !== undefined) return fastest.engine
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
