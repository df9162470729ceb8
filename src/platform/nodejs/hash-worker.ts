/** @module Entry point of a hash worker's thread. */

import './polyfills.ts'
import { setImmediate } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import {
  type HashWorkerCommand,
  HashWorkerLoop,
  type HashWorkerReport,
} from '../../mining/index.ts'
import { InvariantError, toErrorMessage } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import { createWorkerEngine, type HashModule } from './hash-engine-loader.ts'

if (parentPort === null) throw new InvariantError('a hash worker is started as a worker thread')
const port = parentPort

function report(message: HashWorkerReport): void {
  port.postMessage(message)
}

try {
  const engine = createWorkerEngine(workerData as HashModule | undefined)
  const loop = new HashWorkerLoop({
    engine,
    clock: systemClock,
    yieldToMessages: () => setImmediate(),
    report,
  })
  port.on('message', (command: HashWorkerCommand) => loop.handle(command))
  report({ type: 'ready', engine: engine.name })
} catch (error) {
  report({ type: 'failed', reason: toErrorMessage(error) })
}
