/**
 * Runs every published set of vectors and says of each how many cases it has, and what came of them. Nothing is
 * left out silently: every case that was skipped is counted with the reason, and a missing set is a failure.
 *
 *   node scripts/run-conformance.mjs [--json]
 *
 * Exit code 0 if every case that was run passed, and some were.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

function readSets(path) {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line)).sort((a, b) => a.set.localeCompare(b.set))
}

function describeSet({ set, cases, run, passed, failed, skipped, reasons }) {
  if (cases === 0) return `${set.padEnd(54)} not run: ${reasons}`
  const numbers = [cases, run, passed, failed, skipped].map((count) => String(count).padStart(7))
  return `${set.padEnd(54)}${numbers.join('')}${reasons === '' ? '' : `  ${reasons}`}`
}

const isJson = process.argv.includes('--json')
const folder = mkdtempSync(join(tmpdir(), 'quarry-conformance-'))
const reportPath = join(folder, 'sets.jsonl')
const { status } = spawnSync(
  process.execPath,
  [
    join('node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...['--project', 'unit', '--project', 'slow', 'test/vectors'],
    ...(isJson ? ['--reporter=json', `--outputFile.json=${join(folder, 'report.json')}`] : []),
  ],
  {
    cwd: ROOT,
    stdio: isJson ? ['ignore', 'ignore', 'inherit'] : 'inherit',
    env: { ...process.env, QUARRY_CONFORMANCE_REPORT: reportPath },
  },
)
const sets = readSets(reportPath)
rmSync(folder, { recursive: true, force: true })

const total = (field) => sets.reduce((sum, set) => sum + set[field], 0)
const summary = {
  sets: sets.filter(({ cases }) => cases > 0).length,
  setsNotHere: sets.filter(({ cases }) => cases === 0).length,
  cases: total('cases'),
  run: total('run'),
  passed: total('passed'),
  failed: total('failed'),
  skipped: total('skipped'),
}
if (isJson) process.stdout.write(`${JSON.stringify({ ...summary, details: sets })}\n`)
else {
  const head = ['cases', 'run', 'passed', 'failed', 'skipped'].map((word) => word.padStart(7))
  process.stdout.write(`\n${'set'.padEnd(54)}${head.join('')}\n`)
  for (const set of sets) process.stdout.write(`${describeSet(set)}\n`)
  process.stdout.write(
    `${summary.sets} sets, ${summary.cases} cases: ${summary.passed} passed, ${summary.failed} failed, ` +
      `${summary.skipped} skipped; ${summary.setsNotHere} sets missing\n`,
  )
}
process.exitCode = status === 0 && summary.failed === 0 && summary.passed > 0 ? 0 : 1
