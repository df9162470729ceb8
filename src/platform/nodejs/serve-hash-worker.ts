/** @module A hash worker's loop on a port: what a thread of the miner does once it has an engine. */

import { setImmediate } from 'node:timers/promises'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import {
  type HashEngine,
  type HashWorkerCommand,
  HashWorkerLoop,
  type HashWorkerReport,
} from '../../mining/index.ts'
import { systemClock } from '../system.ts'

/** A whole turn of the event loop is taken only once in so many calls. */
const CALLS_PER_TURN = 64

/** Hashes what the port says, and answers on it. Returns at once; the thread lives on its port. */
export function serveHashWorker(port: MessagePort, engine: HashEngine): void {
  let calls = 0
  const loop = new HashWorkerLoop({
    engine,
    clock: systemClock,
    // Messages are looked for directly: a turn of the event loop costs a percent of the time of a call.
    yieldToMessages: () => {
      calls += 1
      if (calls % CALLS_PER_TURN === 0) return setImmediate()
      for (let next = receiveMessageOnPort(port); next !== undefined; ) {
        loop.handle(next.message as HashWorkerCommand)
        next = receiveMessageOnPort(port)
      }
      return undefined
    },
    report: (report: HashWorkerReport) => port.postMessage(report),
  })
  port.on('message', (command: HashWorkerCommand) => loop.handle(command))
  port.postMessage({ type: 'ready', engine: engine.name } satisfies HashWorkerReport)
}
