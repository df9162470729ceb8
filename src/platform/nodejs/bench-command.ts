/** @module `quarry bench miner`: what this machine does, for a person. */

import { availableParallelism, cpus } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { targetToBytes } from '../../consensus/index.ts'
import { formatHashRate } from '../../devnet/index.ts'
import {
  type HashEngine,
  type Job,
  MINER_EXTRA_NONCE,
  Miner,
  ReferenceHashEngine,
  TEMPLATE_PRIORITY,
  WasmHashEngine,
} from '../../mining/index.ts'
import { type BlockHash, ZERO_HASH } from '../../primitives/index.ts'
import type { Logger } from '../../util/index.ts'
import { countOf } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import { loadHashModules } from './hash-engine-loader.ts'
import { createHashWorkerSpawner } from './hash-worker-pool.ts'
import { measureEngine } from './measure-hash-rate.ts'
import { formatDuration } from './mine-output.ts'

const ROLLED_VERSIONS = 8
const MS_PER_SECOND = 1_000
/** For worker threads to start and choose their kernels. */
const START_POLL_MS = 20
const START_POLLS = 500
/** Hashes that a block of difficulty 1 takes on average. */
const HASHES_PER_DIFFICULTY = 2 ** 32
const SHOWN_DIFFICULTIES = [0.01, 1, 100]

/** What `quarry bench miner` was told. */
export interface BenchOptions {
  readonly seconds: number
  readonly isJson: boolean
}

interface Row {
  readonly name: string
  readonly hashesPerSecond: number
}

const silentLog: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** Work without an end that nobody solves. */
const ENDLESS: Job = {
  priority: TEMPLATE_PRIORITY,
  createUnit: (id, extraNonce1) => ({
    id,
    priority: TEMPLATE_PRIORITY,
    coinbasePrefix: new Uint8Array(0),
    coinbaseSuffix: new Uint8Array(0),
    extraNonce1,
    extraNonce2Size: 4,
    merkleBranch: [],
    prevBlockHash: ZERO_HASH as BlockHash,
    version: 1,
    versionMask: 0,
    bits: 0,
    timeMin: 0,
    timeMax: 0,
    shareTarget: targetToBytes(0n),
    blockTarget: targetToBytes(0n),
  }),
  onHit: () => undefined,
}

/** The miner's rate on worker threads, once all of them hash. */
async function measureMiner(
  module: WebAssembly.Module | undefined,
  threads: number,
  seconds: number,
): Promise<number> {
  const miner = new Miner(
    {
      nextTemplate: () => undefined,
      submit: async () => undefined,
      spawnHashWorker: createHashWorkerSpawner(module),
      clock: systemClock,
      log: silentLog,
    },
    {
      payouts: () => [],
      tag: '',
      isVersionRolled: false,
      threads,
      throttle: 1,
      nodeExtraNonce: new Uint8Array(MINER_EXTRA_NONCE.nodeSize),
    },
  )
  miner.start()
  miner.addJob(ENDLESS)
  const isHashing = (): boolean => miner.stats.workers.every(({ state }) => state === 'hashing')
  for (let poll = 0; poll < START_POLLS && !isHashing(); poll++) await wait(START_POLL_MS)
  const startMs = performance.now()
  const before = miner.stats.hashes
  await wait(seconds * MS_PER_SECOND)
  const hashes = miner.stats.hashes - before
  const elapsedMs = performance.now() - startMs
  await miner.stop()
  return (hashes * MS_PER_SECOND) / elapsedMs
}

function measureEngines(
  modules: Awaited<ReturnType<typeof loadHashModules>>,
  seconds: number,
): readonly Row[] {
  const measure = (name: string, engine: HashEngine, versions = 1): Row => ({
    name,
    hashesPerSecond: measureEngine(engine, seconds * MS_PER_SECOND, versions),
  })
  const { simd, scalar } = modules
  return [
    ...(simd === undefined
      ? []
      : [
          measure('SIMD', new WasmHashEngine(simd)),
          measure('SIMD, version rolling', new WasmHashEngine(simd), ROLLED_VERSIONS),
        ]),
    ...(scalar === undefined ? [] : [measure('scalar', new WasmHashEngine(scalar))]),
    measure('fallback', new ReferenceHashEngine()),
  ]
}

/** @returns What to print. */
export async function runBenchMiner({ seconds, isJson }: BenchOptions): Promise<string> {
  const modules = await loadHashModules()
  const cores = availableParallelism()
  const cpu = cpus()[0]?.model ?? 'unknown processor'
  const engines = measureEngines(modules, seconds)
  const miner: Row[] = []
  for (const threads of new Set([1, cores])) {
    const rate = await measureMiner(modules.simd ?? modules.scalar, threads, seconds)
    miner.push({ name: countOf(threads, 'thread'), hashesPerSecond: rate })
  }
  if (isJson) {
    const rows = (list: readonly Row[]) =>
      Object.fromEntries(list.map(({ name, hashesPerSecond }) => [name, hashesPerSecond]))
    return JSON.stringify({
      cpu,
      cores,
      node: process.versions.node,
      engines: rows(engines),
      miner: rows(miner),
    })
  }
  const best = miner.at(-1)?.hashesPerSecond ?? 0
  const line = ({ name, hashesPerSecond }: Row): string =>
    `  ${name.padEnd(24)}${formatHashRate(hashesPerSecond).padStart(12)}`
  return [
    `${cpu}, ${countOf(cores, 'core')}, Node.js ${process.versions.node}`,
    'Engines, on one thread',
    ...engines.map(line),
    'The miner',
    ...miner.map(line),
    'A block takes, with all of it and on average',
    ...SHOWN_DIFFICULTIES.map((difficulty) => {
      const duration = formatDuration((difficulty * HASHES_PER_DIFFICULTY) / best)
      return `  ${`at difficulty ${difficulty}`.padEnd(24)}${duration.padStart(12)}`
    }),
  ].join('\n')
}
