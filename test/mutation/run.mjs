// @ts-check
/**
 * Changes the source in small ways, one at a time, and looks whether the tests of the same folder notice.
 *
 *   npm run test:mutation -- [--folder NAME]… [--file PATH]… [--since REF] [--sample N] [--seed N] [--save]
 *
 * Without --folder: all of consensus, and a sample of 150 mutants of each other folder in FOLDERS. --file narrows a
 * folder to some of its files, --since to the lines that differ from a commit. --sample draws so many mutants a
 * folder; the same seed draws the same ones. --save writes the results and survivors to test/mutation/results.
 *
 * The last line is JSON: mutants killed, survived, and survivors that are listed in results with a sentence. Mutants
 * that no test reaches count as survivors. Exit code 1 if StrykerJS
 * fails. Run it with `nice`: all of it takes hours.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { findChangedLines } from './changed-lines.mjs'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const RESULTS = join(ROOT, 'test/mutation/results')

/** Folders that are run unless others are named, and how many mutants of each. */
const FOLDERS = {
  consensus: 0,
  chain: 150,
  store: 150,
  mempool: 150,
  mining: 150,
  sync: 150,
  wallet: 150,
}
/** Tests of a folder beside `test/unit/<folder>`. */
const MORE_TESTS = /** @type {Readonly<Record<string, readonly string[]>>} */ ({
  consensus: ['test/vectors/retarget.test.ts'],
  chain: ['test/compliance/chain-store.test.ts'],
  store: ['test/compliance/chain-store.test.ts', 'test/property/stored-codecs.test.ts'],
  mining: ['test/compliance/hash-engine.test.ts', 'test/property/search-space.test.ts'],
  sync: ['test/property/compact-blocks.test.ts'],
  rpc: ['test/unit/rpc-methods/**/*.test.ts'],
})

/** @typedef {import('@stryker-mutator/core').MutantResult} MutantResult */
/** @typedef {{ file: string, line: number, column: number, mutator: string, original: string, replacement: string, note: string }} Survivor */

const { values } = parseArgs({
  options: {
    folder: { type: 'string', multiple: true },
    file: { type: 'string', multiple: true, default: [] },
    since: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '1' },
    save: { type: 'boolean', default: false },
  },
})

/** @param {string} folder - What to mutate of it, as StrykerJS wants it: files, or lines of them. */
function chooseLines(folder) {
  const files = readdirSync(join(ROOT, 'src', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `src/${folder}/${name}`)
    .filter((file) => values.file.length === 0 || values.file.includes(file))
  if (values.since === undefined) return files
  const changed = findChangedLines(ROOT, values.since)
  return files.flatMap((file) =>
    (changed.get(file) ?? []).map(({ from, to }) => `${file}:${from}-${to}`),
  )
}

/** Folders whose tests are run. */
function chooseFolders() {
  if (values.folder !== undefined) return values.folder
  if (values.since === undefined) return Object.keys(FOLDERS)
  const changed = [...findChangedLines(ROOT, values.since).keys()]
  const folders = new Set(changed.map((file) => file.split('/')[1] ?? ''))
  return [...folders].filter((folder) => existsSync(join(ROOT, 'test/unit', folder)))
}

/** @param {string} folder @returns {number} Zero for all. */
function chooseSample(folder) {
  if (values.sample !== undefined) return Number(values.sample)
  const isNarrowed = values.since !== undefined || values.file.length > 0
  return isNarrowed ? 0 : /** @type {Record<string, number>} */ (FOLDERS[folder] ?? 0)
}

/** @param {string} folder @param {readonly string[]} mutate */
async function run(folder, mutate) {
  const sample = chooseSample(folder)
  const tests = [`test/unit/${folder}/**/*.test.ts`, ...(MORE_TESTS[folder] ?? [])]
  process.env['MUTATION_TESTS'] = JSON.stringify(tests)
  process.env['MUTATION_SAMPLE'] = `${sample}`
  process.env['MUTATION_SEED'] = values.seed
  const stryker = new Stryker({
    mutate: [...mutate],
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', join(ROOT, 'test/mutation/sample-checker.mjs')],
    checkers: sample > 0 ? ['sample'] : [],
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    concurrency: Number(values.concurrency),
    reporters: [process.stdout.isTTY ? 'progress' : 'progress-append-only'],
    tempDirName: '.bench/mutation',
    ignorePatterns: ['dist', '.bench', '.devnet', 'wasm/target', 'wasm/.toolchain'],
    // Rewriting it needs the programming interface of TypeScript before version 7.
    tsconfigFile: 'none',
    allowConsoleColors: false,
    warnings: false,
    logLevel: 'error',
  })
  return await stryker.runMutationTest()
}

/** @param {MutantResult} mutant @returns {Survivor} */
function toSurvivor({ fileName, location, mutatorName, replacement }) {
  const file = relative(ROOT, fileName)
  const lines = readFileSync(fileName, 'utf8').split('\n')
  const { line, column } = location.start
  return {
    file,
    line,
    column,
    mutator: mutatorName,
    original: (lines[line - 1] ?? '').trim(),
    replacement: (replacement ?? '').replace(/\s+/g, ' ').slice(0, 200),
    note: '',
  }
}

/** @param {Survivor} survivor */
const nameOf = ({ file, mutator, original, replacement }) =>
  [file, mutator, original, replacement].join('\0')

/** @param {string} folder @returns {{ survivors: Survivor[] }} */
function readSaved(folder) {
  const path = join(RESULTS, `${folder}.json`)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { survivors: [] }
}

/** @param {string} folder @param {readonly MutantResult[]} mutants */
function summarise(folder, mutants) {
  const notes = new Map(readSaved(folder).survivors.map((saved) => [nameOf(saved), saved.note]))
  /** @param {readonly string[]} statuses */
  const of = (...statuses) => mutants.filter(({ status }) => statuses.includes(status))
  const survivors = of('Survived', 'NoCoverage')
    .map(toSurvivor)
    .map((survivor) => ({ ...survivor, note: notes.get(nameOf(survivor)) ?? '' }))
    .sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
  const killed = of('Killed', 'Timeout').length
  const result = {
    folder,
    commit: spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: ROOT,
      encoding: 'utf8',
    }).stdout.trim(),
    sample: chooseSample(folder),
    seed: Number(values.seed),
    killed,
    survived: survivors.length,
    listed: survivors.filter(({ note }) => note !== '').length,
    survivors,
  }
  if (values.save) {
    mkdirSync(RESULTS, { recursive: true })
    writeFileSync(join(RESULTS, `${folder}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
  }
  return result
}

const total = { killed: 0, survived: 0, listed: 0 }
for (const folder of chooseFolders()) {
  const mutate = chooseLines(folder)
  if (mutate.length === 0) continue
  const { killed, survived, listed, survivors } = summarise(folder, await run(folder, mutate))
  for (const { file, line, original, replacement, note } of survivors) {
    process.stdout.write(`${file}:${line}  ${original}  ->  ${replacement}  ${note}\n`)
  }
  process.stdout.write(`${folder}: ${killed} killed, ${survived} survived\n`)
  total.killed += killed
  total.survived += survived
  total.listed += listed
}
process.stdout.write(`${JSON.stringify(total)}\n`)
