/** @module Entry point of a thread that verifies scripts. */

import { parentPort, workerData } from 'node:worker_threads'
import { answerVerifyCommand, type VerifyWorkerCommand } from '../../chain/index.ts'
import { InvariantError } from '../../util/index.ts'
import { createSignatureEngine, type SignatureSource } from './signature-engine-loader.ts'

if (parentPort === null) throw new InvariantError('a worker is started as a worker thread')
const port = parentPort
const signatures = createSignatureEngine(workerData as SignatureSource)
port.on('message', (command: VerifyWorkerCommand) => {
  port.postMessage(answerVerifyCommand(command, signatures))
})
