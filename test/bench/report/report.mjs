// @ts-check
/**
 * What every benchmark says at its end: one JSON object as its last line with --json, a table without it; and with
 * --record a line in `bench/history`, a file for each benchmark. docs/benchmarks.md explains the ratios.
 */

import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const HISTORY = join(ROOT, 'bench', 'history')
const COMMIT_DIGITS = 12
const DIGITS = 4

/** The machine without a name: CPU model, cores, Node.js version. */
function describeMachine() {
  const all = cpus()
  const [first] = all
  return {
    cpu: first?.model.trim() || 'unknown',
    cores: all.length,
    nodejs: process.versions.node,
  }
}

/** Where a run begins: the machine, and how busy it is with other programs. */
export function startReport() {
  return { machine: describeMachine(), load: Number((loadavg()[0] ?? 0).toFixed(2)) }
}

/** @param {{ machine: ReturnType<typeof describeMachine>, load: number }} report */
export function formatMachine({ machine: { cpu, cores, nodejs }, load }) {
  return `Node.js ${nodejs}, ${cores} x ${cpu}, load ${load.toFixed(1)}`
}

/** @param {readonly string[]} args */
function git(...args) {
  const { status, stdout } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** The commit that was measured, with `-dirty` after it where files differ; history itself does not count. */
function describeCommit() {
  const commit = git('rev-parse', `--short=${COMMIT_DIGITS}`, 'HEAD')
  if (commit === undefined) return 'unknown'
  return git('status', '--porcelain', '--', ':!bench/history') === '' ? commit : `${commit}-dirty`
}

/**
 * Keeps the ratios that were measured: what could not be measured is left out.
 *
 * @param {Readonly<Record<string, number | null | undefined>>} ratios
 */
function roundRatios(ratios) {
  return Object.fromEntries(
    Object.entries(ratios).flatMap(([name, ratio]) =>
      typeof ratio === 'number' && Number.isFinite(ratio)
        ? [[name, Number(ratio.toPrecision(DIGITS))]]
        : [],
    ),
  )
}

/**
 * Ends a run: records and prints it.
 *
 * @template {{ machine: ReturnType<typeof describeMachine>, load: number,
 *   ratios: Readonly<Record<string, number | null | undefined>> }} Report
 * @param {string} benchmark - Names the file in `bench/history`.
 * @param {{ isJson: boolean, isRecorded: boolean, sizes: Readonly<Record<string, unknown>> }} options - `sizes` tells
 *   which runs can be compared.
 * @param {Report} report
 * @param {(report: Report) => void} print - For people.
 */
export function endReport(benchmark, { isJson, isRecorded, sizes }, report, print) {
  const ratios = roundRatios(report.ratios)
  if (isRecorded) {
    const { machine, load } = report
    const date = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const line = { date, commit: describeCommit(), machine, load, sizes, ratios }
    mkdirSync(HISTORY, { recursive: true })
    appendFileSync(join(HISTORY, `${benchmark}.jsonl`), `${JSON.stringify(line)}\n`)
  }
  if (isJson) process.stdout.write(`${JSON.stringify({ ...report, ratios })}\n`)
  else print(report)
}
