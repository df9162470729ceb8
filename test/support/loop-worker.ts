/** @module Hash workers on the test's own thread: the real loop on the real core, without the threads. */

import { readFileSync } from 'node:fs'
import { setImmediate as yieldNow } from 'node:timers/promises'
import {
  type HashEngine,
  HashWorkerLoop,
  type SpawnHashWorker,
  WasmHashEngine,
} from '../../src/mining/index.ts'
import { systemClock } from '../../src/platform/system.ts'

/** The compiled core, with SIMD. */
export const simdModule = new WebAssembly.Module(
  readFileSync(new URL('../../wasm/quarry-hash-simd.wasm', import.meta.url)),
)

/** Starts loops that give way after every call, each on an engine of its own. */
export function createLoopSpawner(
  createEngine: () => HashEngine = () => new WasmHashEngine(simdModule),
): SpawnHashWorker {
  return (_engine, onReport) => {
    let isEnded = false
    const loop = new HashWorkerLoop({
      engine: createEngine(),
      clock: systemClock,
      yieldToMessages: () => yieldNow(),
      // As messages between threads, reports come in a turn of their own.
      report: (report) => {
        setImmediate(() => {
          if (!isEnded) onReport(report)
        })
      },
    })
    setImmediate(() => {
      if (!isEnded) onReport({ type: 'ready', engine: 'loop' })
    })
    return {
      send: (command) => {
        setImmediate(() => {
          if (!isEnded) loop.handle(command)
        })
      },
      async terminate() {
        isEnded = true
        loop.handle({ type: 'idle' })
      },
    }
  }
}
