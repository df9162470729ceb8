/** @module How fast this machine hashes: for a devnet's first difficulty, and for people. */

import { randomBytes } from 'node:crypto'
import type { HashEngine } from '../../mining/index.ts'
import { HEADER_SIZE } from '../../primitives/index.ts'
import { createHashEngine, loadHashModule } from './hash-engine-loader.ts'

/** Calls before the clock starts, while the engine's compiler warms up. */
const WARM_UP_MS = 60
const SCAN_COUNT = 16_384
/** So that a slow engine keeps to its time, too. */
const FIRST_SCAN_COUNT = 64
const TARGET_SIZE = 32

/**
 * Measures an engine on this thread.
 *
 * @param durationMs - How long to measure, after a short warm-up.
 * @param versionCount - How many versions to try beside each nonce.
 * @returns Hashes per second.
 */
export function measureEngine(engine: HashEngine, durationMs: number, versionCount = 1): number {
  // A target of zero is never met: the rate is that of a search without hits.
  const target = new Uint8Array(TARGET_SIZE)
  engine.prepare({
    header: randomBytes(HEADER_SIZE),
    shareTarget: target,
    blockTarget: target,
    versionMask: versionCount === 1 ? 0 : 0x1fff_e000,
    versionCount,
  })
  let scanCount = FIRST_SCAN_COUNT
  const run = (forMs: number): number => {
    const startMs = performance.now()
    let nonces = 0
    let elapsedMs = 0
    while (elapsedMs < forMs) {
      nonces += engine.scan(nonces, scanCount).noncesDone
      elapsedMs = performance.now() - startMs
      if (nonces > scanCount) scanCount = Math.min(scanCount * 2, SCAN_COUNT)
    }
    return (nonces * versionCount * 1_000) / elapsedMs
  }
  run(WARM_UP_MS)
  return run(durationMs)
}

/**
 * Measures one thread's hash rate on this thread.
 *
 * @param durationMs - How long to measure, after a short warm-up.
 * @returns Hashes per second.
 */
export async function measureHashRate(durationMs: number): Promise<number> {
  return measureEngine(createHashEngine(await loadHashModule()), durationMs)
}
