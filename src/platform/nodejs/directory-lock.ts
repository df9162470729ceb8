/** @module One process per directory, by a lock file that survives its owner's death harmlessly. */

import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../util/index.ts'

const LOCK_FILE = 'quarry.lock'
/** Every failed attempt removed one stale lock, so that more mean that something else is wrong. */
const MAX_ATTEMPTS = 5

/** A directory that is ours. */
export interface DirectoryLock {
  /** Idempotent. */
  release(): Promise<void>
}

/** What to say to those who come second. */
export interface LockRefusal {
  readonly code: string
  message(pid: number): string
}

/** Who holds a lock. The start time tells a process from a later one with the same number. */
interface LockOwner {
  readonly pid: number
  /** In clock ticks since boot; null where the system does not tell. */
  readonly startTicks: string | null
}

/** What `/proc` tells of a process; undefined where there is no such process or no `/proc`. */
async function readProcess(
  pid: number,
): Promise<{ startTicks: string | null; isZombie: boolean } | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may contain anything; field 3 follows it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { isZombie: fields[0] === 'Z', startTicks: fields[22 - 3] ?? null }
  } catch {
    return undefined
  }
}

/** Whether a process with this number exists, ours or not. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  try {
    const { pid, startTicks } = JSON.parse(await readFile(path, 'utf8')) as Partial<LockOwner>
    if (!Number.isSafeInteger(pid) || pid === undefined || pid <= 0) return undefined
    return { pid, startTicks: typeof startTicks === 'string' ? startTicks : null }
  } catch {
    return undefined
  }
}

async function isOwnerAlive(owner: LockOwner): Promise<boolean> {
  if (!isProcessAlive(owner.pid)) return false
  const found = await readProcess(owner.pid)
  if (found === undefined) return true
  // A container without a real init keeps the dead: they hold nothing.
  if (found.isZombie) return false
  return owner.startTicks === null || found.startTicks === owner.startTicks
}

/** Puts a lock in place with its content at once, so that nobody sees it half written. */
async function tryCreate(path: string, owner: LockOwner): Promise<boolean> {
  const draft = `${path}.new-${process.pid}`
  await writeFile(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    await rm(draft, { force: true })
  }
}

/** Moves a stale lock away; puts it back if it turns out to be somebody's who was quicker. */
async function removeStale(path: string): Promise<void> {
  const grave = `${path}.stale-${process.pid}`
  try {
    await rename(path, grave)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const buried = await readOwner(grave)
  if (buried !== undefined && (await isOwnerAlive(buried))) await tryCreate(path, buried)
  await rm(grave, { force: true })
}

/**
 * Locks a directory for this process. The lock of a process that is gone is taken over.
 *
 * @throws {@link ConfigError} with the refusal's code if a living process holds it.
 */
export async function lockDirectory(
  directory: string,
  refusal: LockRefusal,
): Promise<DirectoryLock> {
  const path = join(directory, LOCK_FILE)
  const self: LockOwner = {
    pid: process.pid,
    startTicks: (await readProcess(process.pid))?.startTicks ?? null,
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (await tryCreate(path, self)) return { release: () => rm(path, { force: true }) }
    const other = await readOwner(path)
    if (other !== undefined && (await isOwnerAlive(other))) {
      throw new ConfigError(refusal.code, refusal.message(other.pid))
    }
    await removeStale(path)
  }
  throw new ConfigError(
    refusal.code,
    `Several processes are fighting over ${path}. Start only one of them.`,
  )
}
