/**
 * Writes coins at a steady pace with reads beside them, a while for each candidate: LevelDB as a node uses it, LevelDB
 * with one put for each coin, and LMDB as a yardstick.
 *
 *   node test/bench/store.mjs [--json] [--seconds N] [--writes N]
 *
 * Ten times a second a tenth of the changes is written, seven in ten of them new coins and the rest spent ones, while
 * a hundred coins are read. Latencies are of such a batch of writes or reads. Each candidate has a process of its own,
 * one after another. Nothing here passes or fails on a time.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build, isBuilt } from '../../scripts/build.mjs'

if (!isBuilt()) build()
const { CANDIDATES } = await import('./store/candidates.mjs')

const MEASURE = fileURLToPath(new URL('./store/measure.mjs', import.meta.url))

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    writes: { type: 'string', default: '10000' },
  },
})
const seconds = Number(values.seconds)
const writesPerSecond = Number(values.writes)
if (!(seconds > 0 && writesPerSecond > 0))
  throw new RangeError('--seconds and --writes are above 0')

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

function print({ machine, load, results }) {
  const line = (text) => process.stdout.write(`${text}\n`)
  line(`${machine}, load ${load.toFixed(1)}`)
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
  const results = []
  for (const name of CANDIDATES) results.push(await measure(name, join(folder, name)))
  const report = {
    machine: `Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    load: loadavg()[0],
    seconds,
    writesPerSecond,
    results,
  }
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  else print(report)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
