/**
 * Writes coins at a steady pace with reads beside them, a while for each candidate: LevelDB as a node uses it, LevelDB
 * with one put for each coin, and LMDB as a yardstick.
 *
 *   node test/bench/store.mjs [--json] [--record] [--tiny] [--seconds N] [--writes N]
 *
 * Ten times a second a tenth of the changes is written, seven in ten of them new coins and the rest spent ones, while
 * a hundred coins are read. Latencies are of such a batch of writes or reads. Each candidate has a process of its own,
 * one after another. Nothing here passes or fails on a time.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, isBuilt } from '../../scripts/build.mjs'
import { readOptions } from './report/options.mjs'
import { endReport, formatMachine, startReport } from './report/report.mjs'

if (!isBuilt()) build()
const { CANDIDATES } = await import('./store/candidates.mjs')

const MEASURE = fileURLToPath(new URL('./store/measure.mjs', import.meta.url))

const options = readOptions({
  seconds: { usual: 60, tiny: 0.5, isWhole: false },
  writes: { usual: 10_000, tiny: 1_000, min: 10 },
})
const { seconds, writes: writesPerSecond } = options.sizes

async function measure(name, folder) {
  process.stderr.write(`${name}: ${seconds} s\n`)
  const child = fork(MEASURE)
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with code ${code}`)
  })
  child.send({ name, folder, seconds, writesPerSecond })
  const [result] = await Promise.race([once(child, 'message'), ended])
  await ended.catch(() => undefined)
  return result
}

/**
 * What LevelDB as a node uses it takes, in times of what another candidate takes.
 *
 * @param other - Name of the candidate.
 */
function compare(results, other) {
  const [ours, theirs] = ['quarry', other].map((wanted) =>
    results.find(({ name }) => name === wanted),
  )
  return {
    [`writeMedianTo.${other}`]: ours.writeBatches.p50Ms / theirs.writeBatches.p50Ms,
    [`readMedianTo.${other}`]: ours.readBatches.p50Ms / theirs.readBatches.p50Ms,
    [`processorTo.${other}`]: ours.processorShare / theirs.processorShare,
    [`diskTo.${other}`]: ours.megabytesOnDisk / theirs.megabytesOnDisk,
  }
}

function print({ results, ...report }) {
  const line = (text) => process.stdout.write(`${text}\n`)
  line(formatMachine(report))
  line(`${writesPerSecond} writes a second for ${seconds} s\n`)
  for (const result of results) {
    const { writeBatches, readBatches } = result
    line(`${result.name}: ${result.writesPerSecond.toFixed(0)} a second`)
    line(
      `  write  p50 ${writeBatches.p50Ms.toFixed(1)} ms, p99 ${writeBatches.p99Ms.toFixed(1)} ms`,
    )
    line(`  read   p50 ${readBatches.p50Ms.toFixed(1)} ms, p99 ${readBatches.p99Ms.toFixed(1)} ms`)
    line(
      `  ${(100 * result.processorShare).toFixed(0)} % of a core, ${result.peakMegabytes.toFixed(0)} MB`,
    )
    line(`  ${result.megabytesOnDisk.toFixed(0)} MB on the disk`)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'quarry-bench-store-'))
try {
  const machine = startReport()
  const results = []
  for (const name of CANDIDATES) results.push(await measure(name, join(folder, name)))
  const report = {
    ...machine,
    ratios: { ...compare(results, 'singlePuts'), ...compare(results, 'lmdb') },
    seconds,
    writesPerSecond,
    results,
  }
  endReport('store', options, report, print)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
