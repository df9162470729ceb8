/**
 * Builds dist from src. A build that is up to date is left alone; a new one is put in place at once, so
 * that nobody runs half of it.
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

/** Builds; throws with the compiler's output on standard error if that fails. */
export function build() {
  const sources = hashSources()
  rmSync(DRAFT, { recursive: true, force: true })
  mkdirSync(DRAFT, { recursive: true })
  const { status } = spawnSync(process.execPath, [TSC, '-p', 'tsconfig.json', '--outDir', DRAFT], {
    cwd: ROOT,
    stdio: ['ignore', process.stderr, process.stderr],
  })
  if (status !== 0) throw new Error('The build failed: see the messages above.')
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
