/**
 * The program's hash worker, but that it counts in shared memory, `workerData.counts`, the calls into the engine by
 * the first byte of the parent's hash.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { WasmHashEngine } from '../../dist/mining/index.js'
import { serveHashWorker } from '../../dist/platform/nodejs/serve-hash-worker.js'

const PREV_BLOCK_HASH_OFFSET = 4

const engine = new WasmHashEngine(workerData.module)
let tip = 0
serveHashWorker(parentPort, {
  name: engine.name,
  prepare(job) {
    tip = job.header[PREV_BLOCK_HASH_OFFSET]
    engine.prepare(job)
  },
  scan(start, count) {
    Atomics.add(workerData.counts, tip, 1)
    return engine.scan(start, count)
  },
  hashHeaders: (headers) => engine.hashHeaders(headers),
  hashPairs: (pairs) => engine.hashPairs(pairs),
})
