/** Verification on real threads, as the built program starts them. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  ScriptCheckPool,
  type SpawnVerifyWorker,
  type VerifyWorker,
} from '../../src/chain/index.ts'
import { systemClock } from '../../src/platform/system.ts'
import { createWasmSignatureEngine } from '../../src/platform/wasm-signature-engine.ts'
import { computeTxid, toDisplayHex } from '../../src/primitives/index.ts'
import { SignatureCache } from '../../src/script/index.ts'
import { silentLog } from '../support/memory-chain.ts'
import { createSignedCheck, spoilInput } from '../support/signed-inputs.ts'

const entry = createRequire(import.meta.url).resolve('tiny-secp256k1')
const library = new WebAssembly.Module(
  readFileSync(new URL('../secp256k1.wasm', `file://${entry}`)),
)
const checks = [createSignedCheck('p2wpkh', 60), createSignedCheck('p2tr', 60)]

const workers: VerifyWorker[] = []
let pool: ScriptCheckPool

beforeAll(async () => {
  // Threads need JavaScript, so that they come from what was built, not from src.
  const spawner = (await import(
    new URL('../../dist/platform/nodejs/verify-worker-spawner.js', import.meta.url).href
  )) as { createVerifyWorkerSpawner(module: WebAssembly.Module): SpawnVerifyWorker }
  const spawn = spawner.createVerifyWorkerSpawner(library)
  pool = new ScriptCheckPool(
    {
      spawnVerifyWorker: (...callbacks) => {
        const worker = spawn(...callbacks)
        workers.push(worker)
        return worker
      },
      signatures: createWasmSignatureEngine(library),
      cache: new SignatureCache(),
      clock: systemClock,
      log: silentLog,
    },
    { maxWorkers: 2 },
  )
})

afterAll(() => pool.stop())

it('verifies on threads, says which transaction fails, and goes on', async () => {
  await pool.verify(checks)
  expect(pool.workerCount).toBe(2)
  const bad = spoilInput(checks[1] ?? createSignedCheck('p2tr', 1), 59)
  const failing = pool.verify([createSignedCheck('p2wpkh', 60), bad])
  await expect(failing).rejects.toMatchObject({
    code: 'block-script-verify-flag-failed',
    data: { txid: toDisplayHex(computeTxid(bad.tx)), reason: 'Invalid Schnorr signature' },
  })
  await pool.verify(checks)
  expect(workers).toHaveLength(2)
})

it('survives a thread that cannot go on, and is done after stop', async () => {
  workers[0]?.send({ batchId: 0, slices: Uint8Array.of(1) })
  await pool.verify(checks)
  await pool.stop()
  expect(pool.workerCount).toBe(0)
  await pool.verify(checks)
  expect(pool.workerCount).toBe(0)
})
