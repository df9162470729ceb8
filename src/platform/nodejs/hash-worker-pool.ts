/** @module Starts hash workers on threads of their own. */

import { Worker } from 'node:worker_threads'
import type { HashWorker, HashWorkerReport, SpawnHashWorker } from '../../mining/index.ts'
import type { HashModule } from './hash-engine-loader.ts'

/** Makes the function that starts a worker on a compiled hash core. */
export function createHashWorkerSpawner(module: HashModule | undefined): SpawnHashWorker {
  return (onReport, onExit): HashWorker => {
    const worker = new Worker(new URL('./hash-worker.js', import.meta.url), { workerData: module })
    let isTerminated = false
    worker.on('message', (report: HashWorkerReport) => onReport(report))
    worker.on('error', (error) => {
      if (!isTerminated) onExit(error.message)
      isTerminated = true
    })
    worker.on('exit', (code) => {
      if (!isTerminated) onExit(`exit code ${code}`)
      isTerminated = true
    })
    return {
      send: (command) => worker.postMessage(command),
      async terminate() {
        isTerminated = true
        await worker.terminate()
      },
    }
  }
}
