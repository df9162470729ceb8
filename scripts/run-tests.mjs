/**
 * Checks the source, runs the tests and counts them. The last line, `N passed, N failed`, comes from the
 * test runner's own report; a file that could not be run counts as one failure.
 *
 *   node scripts/run-tests.mjs [--all]
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
/** `slow` is what only `--all` runs. */
const FAST_PROJECTS = ['unit', 'e2e']
const ALL_PROJECTS = [...FAST_PROJECTS, 'slow']

function runNode(args, environment = {}) {
  const env = { ...process.env, ...environment }
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit', env }).status ?? 1
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Files that failed without a failed test: they did not load, or a hook failed. */
function countBrokenFiles(report) {
  return report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
}

const args = process.argv.slice(2)
const unknown = args.find((arg) => arg !== '--all')
if (unknown !== undefined) {
  process.stderr.write(`Unknown option ${unknown}. Usage: scripts/test [--all]\n`)
  process.exit(2)
}

const startedAt = performance.now()
const checkStatus = runNode(['scripts/check.mjs'])
const folder = mkdtempSync(join(tmpdir(), 'quarry-test-'))
const reportPath = join(folder, 'report.json')
const isAll = args.includes('--all')
const projects = isAll ? ALL_PROJECTS : FAST_PROJECTS
const testStatus = runNode(
  [
    join('node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...projects.flatMap((name) => ['--project', name]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportPath}`,
  ],
  isAll ? { SPEND_COUNT: '10000' } : {},
)
const report = readReport(reportPath)
rmSync(folder, { recursive: true, force: true })

const passed = report?.numPassedTests ?? 0
const failed = report === undefined ? 1 : report.numFailedTests + countBrokenFiles(report)
const skipped = report === undefined ? 0 : report.numPendingTests + report.numTodoTests
const isGreen = checkStatus === 0 && testStatus === 0 && failed === 0 && passed > 0
const seconds = Math.round((performance.now() - startedAt) / 1_000)
if (checkStatus !== 0) process.stdout.write('FAILED: npm run check (see above)\n')
if (testStatus !== 0 && failed === 0) {
  process.stdout.write(
    'FAILED: the test runner reports an error outside of the tests (see above)\n',
  )
}
process.stdout.write(`${projects.join(', ')}: ${skipped} skipped, ${seconds} s\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = isGreen ? 0 : 1
