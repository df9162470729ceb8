/**
 * Builds dist from src: every module by itself, for whoever imports them, and the programs once more with all that
 * they import in a few files. Node.js takes four times as long to start from two thousand files.
 *
 * A build that is up to date is left alone; a new one is put in place at once, so that nobody runs half of it.
 *
 *   node scripts/build.mjs [--if-changed]
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.sources')
/** Beside dist on the same disk, and ignored by Git. */
const DRAFT = join(ROOT, 'node_modules', '.quarry-build')
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
const ROLLDOWN = join(ROOT, 'node_modules', 'rolldown', 'bin', 'cli.mjs')
const PROGRAMS = ['main.js', 'index.js', 'client.js', 'hash-worker.js', 'verify-worker.js']
/** The third door of the library. Bundled with the others, so that a class is the same by whichever door it comes. */
const CORE = 'core.js'
/** Packages that look for files of their own beside them. */
const UNBUNDLED = ['classic-level']

/** A hash of everything that the build depends on. */
function hashSources() {
  const hash = createHash('sha256')
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const file of [...files, join(ROOT, 'tsconfig.json'), join(ROOT, 'package-lock.json')]) {
    const content = readFileSync(file)
    hash.update(`${file.slice(ROOT.length)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Whether dist was built from src as it is now. */
export function isBuilt() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hashSources()
}

/** @param output - For what the tool says on standard output. */
function run(output, tool, ...args) {
  const { status } = spawnSync(process.execPath, [tool, ...args], {
    cwd: ROOT,
    stdio: ['ignore', output, process.stderr],
  })
  if (status !== 0) throw new Error('The build failed: see the messages above.')
}

/** The folder is as deep as that of the modules: programs find files of the project from where they are. */
function bundlePrograms() {
  const inputs = [
    ...PROGRAMS.map((name) => join(DRAFT, 'platform', 'nodejs', name)),
    join(DRAFT, CORE),
  ]
  const options = ['--platform', 'node', '--format', 'esm', '--log-level', 'warn']
  const external = UNBUNDLED.flatMap((name) => ['--external', name])
  const folder = join(DRAFT, 'program', 'nodejs')
  // It lists every file; errors and warnings go to standard error.
  run('ignore', ROLLDOWN, ...inputs, '--dir', folder, ...options, ...external)
}

/** Builds; throws with the compiler's output on standard error if that fails. */
export function build() {
  const sources = hashSources()
  rmSync(DRAFT, { recursive: true, force: true })
  mkdirSync(DRAFT, { recursive: true })
  run(process.stderr, TSC, '-p', 'tsconfig.json', '--outDir', DRAFT)
  bundlePrograms()
  writeFileSync(join(DRAFT, '.sources'), sources)
  const old = `${DRAFT}-old`
  rmSync(old, { recursive: true, force: true })
  if (existsSync(DIST)) renameSync(DIST, old)
  renameSync(DRAFT, DIST)
  rmSync(old, { recursive: true, force: true })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    if (!process.argv.includes('--if-changed') || !isBuilt()) build()
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
