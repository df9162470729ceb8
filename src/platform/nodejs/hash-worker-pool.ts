/** @module Starts hash workers on threads of their own. */

import { Worker } from 'node:worker_threads'
import type { HashWorkerReport, SpawnHashWorker } from '../../mining/index.ts'
import type { HashModule } from './hash-engine-loader.ts'

/** What a thread is started with. */
const ENTRY = new URL('./hash-worker.js', import.meta.url)

/** Adds the cure where a thread lacks open files, which Node.js tells in several forms. */
function explainWorkerError(message: string): string {
  if (!message.includes('EMFILE')) return message
  return `${message} (raise the limit of open files of this process, as with ulimit -n 1024)`
}

/**
 * Makes the function that starts a worker on a compiled hash core.
 *
 * @param entry - What the threads run; gets the core, or undefined for the fallback engine.
 */
export function createHashWorkerSpawner(
  module: HashModule | undefined,
  entry: URL = ENTRY,
): SpawnHashWorker {
  return (engine, onReport, onExit) => {
    const worker = new Worker(entry, { workerData: engine === 'fallback' ? undefined : module })
    let isOver = false
    const end = (reason: string): void => {
      if (!isOver) onExit(reason)
      isOver = true
    }
    worker.on('message', (report: HashWorkerReport) => onReport(report))
    worker.on('error', (error) => end(explainWorkerError(error.message)))
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
