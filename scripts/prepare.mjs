/**
 * Makes a working copy ready to run: dependencies installed as locked, dist built. Does nothing, quickly,
 * when all is in order. Of several that run at once one works and the others wait. Needs only Node.js.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build, isBuilt, ROOT } from './build.mjs'

const LOCK = join(ROOT, '.setup.lock')
const LOCK_OWNER = join(LOCK, 'pid')
const LOCK_POLL_MS = 200
/** Longer than any installation; whoever holds the lock that long hangs. */
const LOCK_TIMEOUT_MS = 15 * 60_000
/** Between making the lock and writing its owner. */
const LOCK_OWNER_GRACE_MS = 2_000

function say(message) {
  process.stderr.write(`${message}\n`)
}

function readPackages(path) {
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}

/**
 * Whether node_modules holds what the lock file asks for. npm writes its own list when an installation is
 * complete; packages for other platforms are not in it.
 */
function isInstalled() {
  const wanted = readPackages(join(ROOT, 'package-lock.json'))
  const present = readPackages(join(ROOT, 'node_modules', '.package-lock.json'))
  if (wanted === undefined || present === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = present[path]
    if (found === undefined) return entry.optional === true || entry.devOptional === true
    return found.version === entry.version && found.integrity === entry.integrity
  })
}

function install() {
  say('Installing dependencies (npm ci), once …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const { status, error } = spawnSync(
    npm,
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: ROOT, stdio: ['ignore', process.stderr, process.stderr] },
  )
  if (status !== 0) {
    if (error?.code === 'ENOENT') {
      throw new Error(
        "Quarry's dependencies are installed by npm, and no 'npm' was found. It comes with Node.js from https://nodejs.org/; some systems have it as a package of its own.",
      )
    }
    const reason = error === undefined ? `npm ci ended with exit code ${status}` : error.message
    throw new Error(`Dependencies could not be installed: ${reason}.`)
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    // Where nobody collects dead children they stay listed, as zombies.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    // Without /proc the first line has said enough.
    return error.code === 'EPERM' || error.code === 'ENOENT'
  }
}

async function takeLock() {
  const deadline = Date.now() + LOCK_TIMEOUT_MS
  let ownerlessSince
  let hasSaid = false
  for (;;) {
    try {
      mkdirSync(LOCK)
      writeFileSync(LOCK_OWNER, `${process.pid}`)
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const owner = existsSync(LOCK_OWNER) ? Number(readFileSync(LOCK_OWNER, 'utf8')) : 0
    if (owner > 0) ownerlessSince = undefined
    else ownerlessSince ??= Date.now()
    const isStale = owner > 0 ? !isAlive(owner) : Date.now() - ownerlessSince > LOCK_OWNER_GRACE_MS
    if (isStale) {
      rmSync(LOCK, { recursive: true, force: true })
      continue
    }
    if (Date.now() > deadline) {
      throw new Error(
        `Process ${owner} has been preparing for too long. End it, or remove ${LOCK}.`,
      )
    }
    if (!hasSaid) say(`Waiting for process ${owner}, which prepares this working copy …`)
    hasSaid = true
    await sleep(LOCK_POLL_MS)
  }
}

async function prepare() {
  if (isInstalled() && isBuilt()) return
  await takeLock()
  const release = () => rmSync(LOCK, { recursive: true, force: true })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      release()
      process.exit(1)
    })
  }
  try {
    if (!isInstalled()) install()
    if (!isBuilt()) {
      say('Building …')
      build()
    }
  } finally {
    release()
  }
}

try {
  await prepare()
} catch (error) {
  say(error.message)
  process.exitCode = 1
}
