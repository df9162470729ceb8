/** @module Starts workers that verify scripts on threads of their own. */

import { Worker } from 'node:worker_threads'
import type { SpawnVerifyWorker, VerifyWorkerReport } from '../../chain/index.ts'
import type { SignatureSource } from './signature-engine-loader.ts'

/** Makes the function that starts a worker with an engine from this source. */
export function createVerifyWorkerSpawner(source: SignatureSource): SpawnVerifyWorker {
  return (onReport, onExit) => {
    const entry = new URL('./verify-worker.js', import.meta.url)
    const worker = new Worker(entry, { workerData: source })
    let isOver = false
    const end = (reason: string): void => {
      if (!isOver) onExit(reason)
      isOver = true
    }
    worker.on('message', (report: VerifyWorkerReport) => onReport(report))
    worker.on('error', (error) => end(error.message))
    worker.on('exit', (code) => end(`exit code ${code}`))
    return {
      send: (command) => worker.postMessage(command),
      async terminate() {
        isOver = true
        await worker.terminate()
      },
    }
  }
}
