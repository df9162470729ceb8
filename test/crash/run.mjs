// @ts-check
/**
 * Kills a node again and again, at random moments of connecting, reorganising, flushing, starting and recovering,
 * and compares what it comes back with to a twin that got the same blocks and was never killed.
 *
 *   node test/crash/run.mjs [--kills N] [--seed N] [--json]
 *
 * After each kill the node is started again without help and must stand, tip and coins, where the twin stood before
 * or after the call that the kill cut short: a call that was answered is never undone, and one that was not is done
 * wholly or not at all. Progress goes to standard error; the last line on standard output is the report, as one JSON
 * object with --json. Exit code 1 if anything differs.
 *
 * The seed repeats blocks, order and intended moments; how far a node is at a moment the machine decides.
 */

import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build, isBuilt } from '../../scripts/build.mjs'

if (!isBuilt()) build()
const { CrashRun } = await import('./crash-run.mjs')
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
const { createFastSpec } = await import('./block-maker.mjs')

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    json: { type: 'boolean', default: false },
  },
})
const kills = Number(values.kills)
const seed = Number(values.seed)
if (!(Number.isSafeInteger(kills) && kills > 0))
  throw new RangeError('--kills wants a number above 0')
if (!(Number.isSafeInteger(seed) && seed >= 0)) throw new RangeError('--seed wants a whole number')

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`)

/** Whether this build lets the coin cache be made so small that it is flushed all the time. */
function knowsCacheSize() {
  const main = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
  const { stdout } = spawnSync(process.execPath, [main, 'start', '--help'], { encoding: 'utf8' })
  return stdout.includes('--db-cache')
}

const directory = mkdtempSync(join(tmpdir(), 'quarry-crash-'))
const spec = createFastSpec()
const specPath = join(directory, 'crash.json')
writeFileSync(specPath, JSON.stringify(spec))
say(`seed ${seed}, ${kills} kills`)
const run = new CrashRun({ directory, specPath, spec, seed, say, hasCacheSize: knowsCacheSize() })
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => process.exit(1))
}
try {
  const report = { seed, ...(await run.run(kills)) }
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else for (const [name, value] of Object.entries(report)) say(`${name}: ${JSON.stringify(value)}`)
  if (report.differences > 0) process.exitCode = 1
  else rmSync(directory, { recursive: true, force: true })
} catch (error) {
  say(`failed with seed ${seed}; files are kept in ${directory}`)
  throw error
}
