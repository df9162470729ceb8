// @ts-check
/**
 * A plugin of StrykerJS that draws a seeded sample of the mutants of a folder. All others count as mutants that do not
 * compile, which StrykerJS leaves out.
 *
 * `MUTATION_SAMPLE` says how many, `MUTATION_SEED` which.
 */

import { createHash } from 'node:crypto'

/**
 * @typedef {object} Mutant
 * @property {string} id
 * @property {string} fileName
 * @property {string} mutatorName
 * @property {string} [replacement]
 * @property {{ readonly start: { readonly line: number, readonly column: number } }} location
 */

/** @param {string} seed @param {Mutant} mutant */
function rankOf(seed, { fileName, mutatorName, replacement, location }) {
  // The file is a copy in a folder of another name each time.
  const file = fileName.replace(/^.*\/src\//, 'src/')
  const { line, column } = location.start
  const name = [seed, file, line, column, mutatorName, replacement].join('\0')
  return createHash('sha256').update(name).digest('hex')
}

/**
 * The ids of the sample: the same for the same code and seed.
 *
 * @param {readonly Mutant[]} mutants @param {number} count @param {string} seed
 */
export function drawSample(mutants, count, seed) {
  const ranked = mutants.map((mutant) => ({ id: mutant.id, rank: rankOf(seed, mutant) }))
  ranked.sort((one, other) => (one.rank < other.rank ? -1 : 1))
  return new Set(ranked.slice(0, count).map(({ id }) => id))
}

class SampleChecker {
  /** @type {ReadonlySet<string>} */
  #sample = new Set()

  async init() {}

  /** @param {readonly Mutant[]} mutants - All of them. */
  async group(mutants) {
    const { MUTATION_SAMPLE: count, MUTATION_SEED: seed = '1' } = process.env
    this.#sample = drawSample(mutants, Number(count), seed)
    return [mutants.map(({ id }) => id)]
  }

  /** @param {readonly Mutant[]} mutants */
  async check(mutants) {
    return Object.fromEntries(
      mutants.map(({ id }) => [
        id,
        this.#sample.has(id)
          ? { status: 'passed' }
          : { status: 'compileError', reason: 'not in the sample' },
      ]),
    )
  }
}

/** What StrykerJS asks of a plugin. */
export const strykerPlugins = [{ kind: 'Checker', name: 'sample', injectableClass: SampleChecker }]
