// @ts-check
/**
 * Shows the trend of every ratio in `bench/history`: the last run, the median of the runs before it on the same kind of
 * machine with the same sizes, and the change.
 *
 *   node test/bench/compare.mjs [--json]
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readOptions } from './report/options.mjs'
import { formatMachine, HISTORY } from './report/report.mjs'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { compareLastRun, parseHistory } from './report/trend.mjs'

const EXTENSION = '.jsonl'

/** @typedef {NonNullable<ReturnType<typeof compareLastRun>>} Comparison */

/** @returns {Record<string, Comparison>} By benchmark. */
function readComparisons() {
  const files = existsSync(HISTORY) ? readdirSync(HISTORY) : []
  return Object.fromEntries(
    files
      .filter((file) => file.endsWith(EXTENSION))
      .sort()
      .flatMap((file) => {
        const runs = parseHistory(readFileSync(join(HISTORY, file), 'utf8'), file)
        const comparison = compareLastRun(runs)
        return comparison === undefined ? [] : [[basename(file, EXTENSION), comparison]]
      }),
  )
}

/** @param {string} name @param {Comparison} comparison */
function print(name, comparison) {
  const { commit, date, sizes, ratios } = comparison
  const line = (/** @type {string} */ text) => process.stdout.write(`${text}\n`)
  line(`${name}: ${commit}, ${date}, ${formatMachine(comparison)}`)
  const listed = Object.entries(sizes).map(([size, value]) => `${size} ${value}`)
  line(`  ${listed.join(', ')}`)
  const width = Math.max(10, ...ratios.map(({ ratio }) => ratio.length))
  line(`  ${'ratio'.padEnd(width)}       last     before     change   runs before`)
  for (const { ratio, last, before, medianBefore, change } of ratios) {
    const sign = change !== null && change > 0 ? '+' : ''
    const cells = [
      String(last),
      medianBefore === null ? '-' : String(Number(medianBefore.toPrecision(4))),
      change === null ? '-' : `${sign}${(100 * change).toFixed(1)} %`,
    ]
    const text = cells.map((cell) => cell.padStart(10)).join(' ')
    line(`  ${ratio.padEnd(width)} ${text}   ${String(before).padStart(11)}`)
  }
  line('')
}

const { isJson } = readOptions({})
const comparisons = readComparisons()
if (isJson) process.stdout.write(`${JSON.stringify(comparisons)}\n`)
else for (const [name, comparison] of Object.entries(comparisons)) print(name, comparison)
