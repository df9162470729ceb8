// @ts-check
/** The options that all benchmarks have, and the sizes of a run. */

import { parseArgs } from 'node:util'

/**
 * @typedef {object} Size
 * @property {number} usual - In a run by hand.
 * @property {number} tiny - With --tiny.
 * @property {number} [min] - The smallest value that is taken; 1 where it is left out.
 * @property {boolean} [isWhole] - False for a size that may be a fraction, which must be above 0.
 */

/**
 * Reads `--json`, `--record`, `--tiny`, and an option of its own for each size, which goes before --tiny.
 *
 * @template {string} Name
 * @param {Readonly<Record<Name, Size>>} sizes
 * @param {import('node:util').ParseArgsConfig['options']} [others] - Options of this benchmark alone.
 * @param {readonly string[]} [args]
 * @throws If an option is unknown or a size out of its range.
 */
export function readOptions(sizes, others = {}, args = process.argv.slice(2)) {
  const names = /** @type {Name[]} */ (Object.keys(sizes))
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      tiny: { type: 'boolean', default: false },
      ...Object.fromEntries(names.map((name) => [name, { type: /** @type {const} */ ('string') }])),
      ...others,
    },
  })
  /** @type {Readonly<Record<string, unknown>>} */
  const given = values
  const isTiny = given['tiny'] === true
  const read = names.map((name) => [name, readSize(name, sizes[name], given[name], isTiny)])
  return {
    isJson: given['json'] === true,
    isRecorded: given['record'] === true,
    sizes: /** @type {Record<Name, number>} */ (Object.fromEntries(read)),
    given,
  }
}

/**
 * @param {string} name
 * @param {Size} size
 * @param {unknown} given
 * @param {boolean} isTiny
 */
function readSize(name, { usual, tiny, min = 1, isWhole = true }, given, isTiny) {
  if (given === undefined) return isTiny ? tiny : usual
  const value = given === '' ? Number.NaN : Number(given)
  if (isWhole && !(Number.isSafeInteger(value) && value >= min)) {
    throw new RangeError(`--${name} takes a whole number from ${min}`)
  }
  if (!isWhole && !(Number.isFinite(value) && value > 0)) {
    throw new RangeError(`--${name} takes a number above 0`)
  }
  return value
}
