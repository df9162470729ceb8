// @ts-check
/** How ratios change from run to run: plain functions over the lines of `bench/history`. */

/**
 * @typedef {object} Run
 * @property {string} date
 * @property {string} commit
 * @property {{ cpu: string, cores: number, nodejs: string }} machine
 * @property {number} load
 * @property {Readonly<Record<string, unknown>>} sizes
 * @property {Readonly<Record<string, number>>} ratios
 */

/**
 * Reads a history.
 *
 * @param {string} text - JSON Lines; empty lines are skipped.
 * @param {string} name - Names the file in errors.
 * @returns {Run[]}
 * @throws If a line is not a run; the message has its number.
 */
export function parseHistory(text, name) {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    try {
      const run = JSON.parse(line)
      if (!isRun(run)) throw new TypeError('not a run')
      return [run]
    } catch (error) {
      throw new SyntaxError(`${name}, line ${index + 1}: ${/** @type {Error} */ (error).message}`)
    }
  })
}

/** @param {any} run @returns {run is Run} */
function isRun(run) {
  return (
    typeof run?.commit === 'string' &&
    typeof run.date === 'string' &&
    typeof run.load === 'number' &&
    typeof run.machine?.cpu === 'string' &&
    typeof run.machine.cores === 'number' &&
    typeof run.sizes === 'object' &&
    run.sizes !== null &&
    typeof run.ratios === 'object' &&
    run.ratios !== null &&
    Object.values(run.ratios).every((ratio) => typeof ratio === 'number')
  )
}

/** Whether two runs can be compared: the same CPU model, cores and sizes. @param {Run} one @param {Run} other */
function isComparable(one, other) {
  return key(one) === key(other)
}

/** @param {Run} run */
function key({ machine: { cpu, cores }, sizes }) {
  return JSON.stringify([cpu, cores, Object.entries(sizes).sort(([a], [b]) => (a < b ? -1 : 1))])
}

/** The mean of the two in the middle where there is no middle one. @param {readonly number[]} values */
function median(values) {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Compares the last run with those before it that ran on the same kind of machine with the same sizes.
 *
 * @param {readonly Run[]} runs - The oldest first.
 * @returns A row for each ratio of the last run. `before` counts the earlier runs that have it; without any,
 *   `medianBefore` and `change` are null. `change` is a share: 0.1 is a tenth more.
 */
export function compareLastRun(runs) {
  const last = runs.at(-1)
  if (last === undefined) return undefined
  const earlier = runs.slice(0, -1).filter((run) => isComparable(run, last))
  const rows = Object.entries(last.ratios).map(([ratio, value]) => {
    const values = earlier.flatMap((run) => run.ratios[ratio] ?? [])
    const medianBefore = values.length === 0 ? null : median(values)
    const change = medianBefore === null || medianBefore === 0 ? null : value / medianBefore - 1
    return { ratio, last: value, before: values.length, medianBefore, change }
  })
  const { date, commit, machine, load, sizes } = last
  return { date, commit, machine, load, sizes, ratios: rows }
}
