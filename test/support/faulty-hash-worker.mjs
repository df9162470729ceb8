/**
 * A hash worker's thread that fails on purpose once it has work: `workerData.fault` says how. With
 * `workerData.isHealthy` it works as it should, on the reference engine.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { ReferenceHashEngine } from '../../dist/mining/index.js'
import { serveHashWorker } from '../../dist/platform/nodejs/serve-hash-worker.js'

/** A module whose one function, `f`, is the instruction `unreachable`. */
const TRAP = Uint8Array.from([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, 5,
  1, 3, 0, 0, 0x0b,
])

const FAULTS = {
  throw: () => {
    throw new RangeError('thrown on purpose')
  },
  trap: () => new WebAssembly.Instance(new WebAssembly.Module(TRAP)).exports.f(),
  exit: () => process.exit(3),
  stall: () => {
    // Neither hashes nor listens, without using up a core.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
}

const { fault, isHealthy } = workerData
const reference = new ReferenceHashEngine()
const engine = isHealthy
  ? reference
  : {
      name: `faulty: ${fault}`,
      prepare: (job) => reference.prepare(job),
      scan: () => FAULTS[fault](),
      hashHeaders: (headers) => reference.hashHeaders(headers),
      hashPairs: (pairs) => reference.hashPairs(pairs),
    }
serveHashWorker(parentPort, engine)
