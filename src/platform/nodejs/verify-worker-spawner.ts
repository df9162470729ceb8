/** @module Starts workers that verify scripts on threads of their own. */

import { Worker } from 'node:worker_threads'
import type { SpawnVerifyWorker, VerifyWorkerReport } from '../../chain/index.ts'
import type { SignatureModule } from './signature-engine-loader.ts'

/** Makes the function that starts a worker on a compiled libsecp256k1. */
export function createVerifyWorkerSpawner(module: SignatureModule | undefined): SpawnVerifyWorker {
  return (onReport, onExit) => {
    const entry = new URL('./verify-worker.js', import.meta.url)
    const worker = new Worker(entry, { workerData: module })
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
