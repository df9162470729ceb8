/** @module Entry point of a hash worker's thread. */

import './polyfills.ts'
import { parentPort, workerData } from 'node:worker_threads'
import type { HashWorkerReport } from '../../mining/index.ts'
import { InvariantError, toErrorMessage } from '../../util/index.ts'
import { createWorkerEngine, type HashModule } from './hash-engine-loader.ts'
import { serveHashWorker } from './serve-hash-worker.ts'

if (parentPort === null) throw new InvariantError('a hash worker is started as a worker thread')
const port = parentPort

try {
  serveHashWorker(port, createWorkerEngine(workerData as HashModule | undefined))
} catch (error) {
  port.postMessage({
    type: 'failed',
    reason: toErrorMessage(error),
  } satisfies HashWorkerReport)
}
