// @ts-check
/**
 * The program's hash worker, but that it writes down when each call into the engine ended, and now and then how much
 * processor time passed until the next.
 */

import { getEnvironmentData, parentPort, workerData } from 'node:worker_threads'
import { createWorkerEngine } from '../../../dist/platform/nodejs/hash-engine-loader.js'
import { serveHashWorker } from '../../../dist/platform/nodejs/serve-hash-worker.js'
import { processMicros } from './measure.mjs'

/** Where a header has the first bytes of its parent's hash: there the tip's number stands. */
const PREV_BLOCK_HASH_OFFSET = 4

/** One gap in so many is measured: measuring takes time, too. Odd, so that no gap of a kind is met more often. */
const CALLS_PER_GAP = 7

const port = parentPort
if (port === null) throw new Error('not a worker')
const { workerCount, ends, samples, gaps } = /** @type {any} */ (getEnvironmentData('watch'))
const own = Atomics.add(workerCount, 0, 1) * (samples + 1)
const engine = createWorkerEngine(workerData)
let tip = 0
/** When the last call ended, if the gap after it is measured. */
let endMicros = 0
serveHashWorker(port, {
  name: engine.name,
  prepare(job) {
    const { buffer, byteOffset } = job.header
    tip = new DataView(buffer, byteOffset).getUint32(PREV_BLOCK_HASH_OFFSET, true)
    engine.prepare(job)
  },
  scan(start, count) {
    if (endMicros > 0) {
      gaps.micros[0] += processMicros() - endMicros
      gaps.count[0] += 1
    }
    const result = engine.scan(start, count)
    ends[own + tip] = process.hrtime.bigint()
    gaps.calls[0] += 1
    endMicros = gaps.calls[0] % CALLS_PER_GAP === 0 ? processMicros() : 0
    return result
  },
  hashHeaders: (headers) => engine.hashHeaders(headers),
  hashPairs: (pairs) => engine.hashPairs(pairs),
})
