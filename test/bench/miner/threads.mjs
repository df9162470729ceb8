// @ts-check
/** Every candidate on one thread and on all cores at once. */

import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { createCandidates, SIMD } from './candidates.mjs'
import { measureSlice, median, round, threadMicros } from './measure.mjs'

const WARM_UP_MS = 60
const SLICE_MS = 150

/** @typedef {{ readonly byCpu: number, readonly byWall: number }} Rate */

/**
 * @param {readonly Worker[]} workers
 * @param {string} name
 * @returns {Promise<Rate>} Hashes per second of all together.
 */
async function measureTogether(workers, name) {
  /** @type {Rate[]} */
  const rates = await Promise.all(
    workers.map(async (worker) => {
      worker.postMessage(name)
      return (await once(worker, 'message'))[0]
    }),
  )
  return {
    byCpu: rates.reduce((sum, { byCpu }) => sum + byCpu, 0),
    byWall: rates.reduce((sum, { byWall }) => sum + byWall, 0),
  }
}

/**
 * Measures candidates on all cores. What a busy machine cannot spoil is the sum of what each thread did per
 * second of its own processor time.
 *
 * @param {readonly string[]} names
 * @param {number} rounds
 */
export async function measureThreads(names, rounds) {
  const threads = availableParallelism()
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url)))
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  for (const name of names) await measureTogether(workers, name)
  /** @type {Map<string, Rate[]>} */
  const together = new Map(names.map((name) => [name, []]))
  /** @type {{ one: Rate, two: Rate }[]} */
  const pairs = []
  for (let at = 0; at < rounds; at++) {
    for (const name of names) together.get(name)?.push(await measureTogether(workers, name))
    if (threads < 2) continue
    const one = await measureTogether(workers.slice(at % 2, (at % 2) + 1), SIMD)
    const two = await measureTogether(workers.slice(0, 2), SIMD)
    pairs.push({ one, two })
  }
  await Promise.all(workers.map((worker) => worker.terminate()))
  return {
    threads,
    allCores: new Map(
      [...together].map(([name, rates]) => [name, median(rates.map((rate) => rate.byCpu))]),
    ),
    twoToOne: round(median(pairs.map(({ one, two }) => two.byCpu / one.byCpu))),
    twoToOneByWallClock: round(median(pairs.map(({ one, two }) => two.byWall / one.byWall))),
  }
}

/** In a worker: measures the candidate that it is told, and answers how fast it was. */
async function serveAsWorker() {
  const port = parentPort
  if (port === null) throw new Error('not a worker')
  const candidates = new Map((await createCandidates()).map(({ name, step }) => [name, step]))
  for (const step of candidates.values()) measureSlice(step, WARM_UP_MS, threadMicros)
  port.on('message', (name) => {
    const step = candidates.get(name)
    if (step === undefined) throw new Error(`there is no ${name}`)
    const startMs = performance.now()
    const startMicros = threadMicros()
    let hashes = 0
    while (performance.now() - startMs < SLICE_MS) hashes += step()
    port.postMessage({
      byCpu: (hashes / (threadMicros() - startMicros)) * 1e6,
      byWall: (hashes / (performance.now() - startMs)) * 1e3,
    })
  })
  port.postMessage('ready')
}

if (!isMainThread) await serveAsWorker()
