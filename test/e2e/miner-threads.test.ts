/** Mining on real threads: those that are built, and some that fail on purpose. */

import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type HashWorker,
  type HashWorkerReport,
  type Job,
  Miner,
  type MinerDeps,
  payAllTo,
  type SpawnHashWorker,
  TemplateJob,
} from '../../src/mining/index.ts'
import { systemClock } from '../../src/platform/system.ts'
import { type Block, type BlockHash, computeBlockHash } from '../../src/primitives/index.ts'
import type { Clock } from '../../src/util/index.ts'
import { simdModule } from '../support/loop-worker.ts'
import { silentLog } from '../support/memory-chain.ts'
import { createTemplate } from '../support/templates.ts'

const FAULTY = new URL('../support/faulty-hash-worker.mjs', import.meta.url)
const WATCHED = new URL('../support/watched-hash-worker.mjs', import.meta.url)

type Fault = 'throw' | 'trap' | 'exit' | 'stall'

let miner: Miner | undefined

afterEach(async () => {
  await miner?.stop()
  miner = undefined
})

/** The program's own threads: they need JavaScript, so that they come from what was built. */
async function loadSpawner(): Promise<SpawnHashWorker> {
  const pool = (await import(
    new URL('../../dist/platform/nodejs/hash-worker-pool.js', import.meta.url).href
  )) as { createHashWorkerSpawner(module: WebAssembly.Module): SpawnHashWorker }
  return pool.createHashWorkerSpawner(simdModule)
}

/** A thread on an entry of the tests', as the program starts its own. */
function startThread(
  entry: URL,
  workerData: unknown,
  onReport: Parameters<SpawnHashWorker>[1],
  onExit: Parameters<SpawnHashWorker>[2],
): HashWorker {
  const worker = new Worker(entry, { workerData })
  let isOver = false
  const end = (reason: string): void => {
    if (!isOver) onExit(reason)
    isOver = true
  }
  worker.on('message', (report: HashWorkerReport) => onReport(report))
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

/** Threads that fail, but for the fallback and for those after the first so many. */
function createFaultySpawner(fault: Fault, faultCount: number) {
  const engines: string[] = []
  const spawn: SpawnHashWorker = (engine, onReport, onExit) => {
    engines.push(engine)
    const isHealthy = engine === 'fallback' || engines.length > faultCount
    return startThread(FAULTY, { fault, isHealthy }, onReport, onExit)
  }
  return { spawn, engines }
}

/** Time that runs so much faster for whoever waits; `monotonic` and `now` follow. */
function createFastClock(factor: number): Clock {
  const startMs = systemClock.monotonic()
  const monotonic = (): number => startMs + (systemClock.monotonic() - startMs) * factor
  return {
    now: () => systemClock.now(),
    monotonic,
    schedule: (delayMs, action) => systemClock.schedule(delayMs / factor, action),
  }
}

function createMiner(deps: Partial<MinerDeps>, threads = 1): Miner {
  miner = new Miner(
    {
      nextTemplate: () => undefined,
      submit: async () => undefined,
      spawnHashWorker: createFaultySpawner('throw', 0).spawn,
      clock: systemClock,
      log: silentLog,
      ...deps,
    },
    {
      payouts: () => payAllTo(Uint8Array.of(0x51)),
      tag: '/test/',
      isVersionRolled: false,
      threads,
      throttle: 1,
      nodeExtraNonce: Uint8Array.of(1, 2, 3, 4),
    },
  )
  return miner
}

/** A job of as many units as are asked for, of so many hashes each. */
function createFiniteJob(unitCount: number, hashesMax: number) {
  const handedOut: number[] = []
  const finished: number[] = []
  const source = new TemplateJob(
    createTemplate(),
    { payouts: () => payAllTo(Uint8Array.of(0x52)), tag: '', isVersionRolled: false },
    () => undefined,
  )
  const job: Job = {
    priority: 1,
    createUnit: (id, extraNonce1) => {
      if (handedOut.length === unitCount) return undefined
      handedOut.push(id)
      return { ...source.createUnit(id, extraNonce1), hashesMax }
    },
    onHit: () => undefined,
    onUnitFinished: (unit) => finished.push(unit.id),
  }
  return { job, handedOut, finished }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !isSo(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(isSo()).toBe(true)
}

describe('a worker thread', () => {
  it.each<Fault>(['throw', 'trap', 'exit', 'stall'])(
    'that fails (%s) is replaced, and its unit done again',
    async (fault) => {
      const { spawn, engines } = createFaultySpawner(fault, 1)
      // A stall is noticed after half a minute, which is long for a test.
      const clock = fault === 'stall' ? createFastClock(20) : systemClock
      const { job, handedOut, finished } = createFiniteJob(2, 2_000)
      const { stats } = createMiner({ spawnHashWorker: spawn, clock })
      expect(stats.workers).toEqual([])
      miner?.start()
      miner?.addJob(job)
      await until(() => finished.length === 2)
      expect(handedOut).toHaveLength(2)
      expect(finished).toEqual(handedOut)
      expect(engines).toEqual(['fastest', 'fastest'])
      expect(miner?.stats.isDegraded).toBe(false)
      expect(miner?.stats.workers[0]?.restarts).toBe(1)
    },
  )

  it('that keeps failing makes the miner go over to the fallback engine, and say so', async () => {
    const { spawn, engines } = createFaultySpawner('trap', Number.POSITIVE_INFINITY)
    const errors: string[] = []
    const log = { ...silentLog, error: (message: string) => errors.push(message) }
    const { job, finished } = createFiniteJob(3, 1_000)
    createMiner({ spawnHashWorker: spawn, log }, 2)
    miner?.start()
    miner?.addJob(job)
    await until(() => finished.length === 3)
    expect(miner?.stats.isDegraded).toBe(true)
    expect(engines.filter((engine) => engine === 'fallback')).toHaveLength(2)
    expect(errors.filter((message) => message.includes('fallback'))).toHaveLength(1)
    expect(errors.filter((message) => message.includes('replaced'))).toHaveLength(4)
  })

  it('that cannot be started is given up after the fallback engine, and that is said once', async () => {
    const missing = new URL('./no-such-worker.mjs', import.meta.url)
    let spawned = 0
    const spawn: SpawnHashWorker = (_engine, onReport, onExit) => {
      spawned += 1
      return startThread(missing, {}, onReport, onExit)
    }
    const errors: string[] = []
    const log = { ...silentLog, error: (message: string) => errors.push(message) }
    createMiner({ spawnHashWorker: spawn, log, clock: createFastClock(20) }, 2)
    miner?.start()
    await until(() => miner?.stats.threads === 0)
    expect(errors).toEqual([
      'hash worker failed and is replaced',
      expect.stringContaining('fallback'),
      expect.stringContaining('fewer threads'),
      expect.stringContaining('nothing is mined'),
    ])
    expect(miner?.stats.workers.map(({ state }) => state)).toEqual(['failed', 'failed'])
    const before = spawned
    // As many seconds of its clock as the longest pause before a replacement, and some.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(spawned).toBe(before)
    miner?.configure({ threads: 1 })
    expect(spawned).toBe(before + 1)
    expect(miner?.stats.threads).toBe(1)
  })

  it('begins no call on an old header once it has been told of a new tip', async () => {
    const counts = new Int32Array(new SharedArrayBuffer(4 * 256))
    const workerData = { module: simdModule, counts }
    const seen: [number, number][] = []
    let tip = 1
    createMiner(
      {
        nextTemplate: () =>
          createTemplate({ prevBlockHash: new Uint8Array(32).fill(tip) as BlockHash }),
        spawnHashWorker: (_engine, onReport, onExit) =>
          startThread(WATCHED, workerData, onReport, onExit),
      },
      1,
    )
    miner?.start()
    for (let change = 0; change < 40; change++) {
      await until(() => Atomics.load(counts, tip) > 0)
      tip += 1
      miner?.refresh()
      // The message has been sent: what begins from here on is the call that was about to, and no other.
      seen.push([tip - 1, Atomics.load(counts, tip - 1)])
    }
    await until(() => Atomics.load(counts, tip) > 0)
    for (const [old, count] of seen) {
      expect(Atomics.load(counts, old) - count).toBeLessThanOrEqual(1)
    }
  })

  it('of the program chooses its engine, finds blocks, and comes and goes', async () => {
    const blocks: Block[] = []
    let template = createTemplate({ bits: 0x1f00ffff })
    createMiner({ nextTemplate: () => template, spawnHashWorker: await loadSpawner(), submit })
    async function submit(block: Block): Promise<void> {
      blocks.push(block)
      const prevBlockHash = computeBlockHash(block.header)
      template = createTemplate({ bits: 0x1f00ffff, prevBlockHash })
      miner?.refresh()
    }
    miner?.start()
    await until(() => blocks.length >= 3)
    expect(miner?.stats.workers[0]?.engine).toMatch(/^wasm-/)
    miner?.configure({ threads: 3 })
    await until(() => miner?.stats.workers.every(({ engine }) => engine !== '') === true)
    miner?.configure({ threads: 1, isPaused: true })
    expect(miner?.stats.threads).toBe(1)
    expect(miner?.stats.invalidSolutions).toBe(0)
    expect(miner?.stats.duplicateSolutions).toBe(0)
  })
})
