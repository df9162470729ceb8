// @ts-check
/** A bare loop around the engine: what scheduling is measured against. */

import { parentPort, workerData } from 'node:worker_threads'
import { createWorkerEngine } from '../../../dist/platform/nodejs/hash-engine-loader.js'

const SCAN_COUNT = 16_384

const port = parentPort
if (port === null) throw new Error('not a worker')
const engine = createWorkerEngine(workerData)
const target = new Uint8Array(32)
engine.prepare({
  header: new Uint8Array(80).fill(5),
  shareTarget: target,
  blockTarget: target,
  versionMask: 0,
  versionCount: 1,
})
let nonce = 0
port.on('message', (milliseconds) => {
  const startMs = performance.now()
  let hashes = 0
  while (performance.now() - startMs < milliseconds) {
    nonce = (nonce + SCAN_COUNT) % 2 ** 31
    hashes += engine.scan(nonce, SCAN_COUNT).noncesDone
  }
  port.postMessage(hashes)
})
port.postMessage('ready')
