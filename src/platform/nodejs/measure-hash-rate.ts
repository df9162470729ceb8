/** @module How fast this machine hashes: for a devnet's first difficulty. */

import { randomBytes } from 'node:crypto'
import { HEADER_SIZE } from '../../primitives/index.ts'
import { createHashEngine, loadHashModule } from './hash-engine-loader.ts'

/** Calls before the clock starts, while the engine's compiler warms up. */
const WARM_UP_MS = 60
const SCAN_COUNT = 16_384
const TARGET_SIZE = 32

/**
 * Measures one thread's hash rate on this thread.
 *
 * @param durationMs - How long to measure, after a short warm-up.
 * @returns Hashes per second.
 */
export async function measureHashRate(durationMs: number): Promise<number> {
  const engine = createHashEngine(await loadHashModule())
  // A target of zero is never met: the rate is that of a search without hits.
  const target = new Uint8Array(TARGET_SIZE)
  engine.prepare({
    header: randomBytes(HEADER_SIZE),
    shareTarget: target,
    blockTarget: target,
    versionMask: 0,
    versionCount: 1,
  })
  const run = (forMs: number): number => {
    const startMs = performance.now()
    let hashes = 0
    let elapsedMs = 0
    while (elapsedMs < forMs) {
      hashes += engine.scan(hashes, SCAN_COUNT).noncesDone
      elapsedMs = performance.now() - startMs
    }
    return (hashes * 1_000) / elapsedMs
  }
  run(WARM_UP_MS)
  return run(durationMs)
}
