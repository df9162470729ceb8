/** @module One process per directory, by a lock that survives its owner's death harmlessly. */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../util/index.ts'

/** The lock's name, in the directory that it is for. Its owner deletes it at the end. */
export const LOCK_FILE = 'quarry.lock'
/** Inside the lock, where that is a directory. */
const OWNER_FILE = 'owner'
/** What a file system without hard links answers: exFAT, FAT, some network shares. */
const NO_LINKS: ReadonlySet<unknown> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
])
/** What moving a directory answers where a file, or a directory with something in it, is in its way. */
const IN_THE_WAY: ReadonlySet<unknown> = new Set([
  'EEXIST',
  'ENOTEMPTY',
  'ENOTDIR',
  'EPERM',
  'EACCES',
])
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
    return codeOf(error) === 'EPERM'
  }
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code
}

/** A name that nobody else uses. */
function nameBeside(path: string, kind: string): string {
  return `${path}.${kind}-${process.pid}-${randomBytes(4).toString('hex')}`
}

async function readLock(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) !== 'EISDIR') throw error
    return readFile(join(path, OWNER_FILE), 'utf8')
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  try {
    const { pid, startTicks } = JSON.parse(await readLock(path)) as Partial<LockOwner>
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

/** Makes a file under a second name as well; the system's own unless a test says otherwise. */
type Link = (existing: string, path: string) => Promise<void>

/** Puts a lock in place with its content at once, so that nobody sees it half written. */
async function tryCreate(path: string, owner: LockOwner, makeLink: Link): Promise<boolean> {
  const draft = nameBeside(path, 'new')
  await writeFile(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  try {
    await makeLink(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!NO_LINKS.has(codeOf(error))) throw error
  } finally {
    await rm(draft, { force: true })
  }
  return tryCreateDirectory(path, owner)
}

/**
 * The same without hard links: a directory with the owner in it is moved into place. That fails where there is a lock
 * already, of either form, since only an empty directory may be replaced.
 */
async function tryCreateDirectory(path: string, owner: LockOwner): Promise<boolean> {
  const draft = nameBeside(path, 'new')
  await mkdir(draft, { mode: 0o700 })
  try {
    await writeFile(join(draft, OWNER_FILE), `${JSON.stringify(owner)}\n`, { mode: 0o600 })
    await rename(draft, path)
    return true
  } catch (error) {
    if (!IN_THE_WAY.has(codeOf(error)) || !existsSync(path)) throw error
    return false
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Moves a lock away at once, so that nobody finds it half removed. @returns Where it is now; undefined if it was gone. */
async function bury(path: string): Promise<string | undefined> {
  const grave = nameBeside(path, 'stale')
  try {
    await rename(path, grave)
    return grave
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Moves a stale lock away; puts it back if it turns out to be somebody's who was quicker. */
async function removeStale(path: string, makeLink: Link): Promise<void> {
  const grave = await bury(path)
  if (grave === undefined) return
  const buried = await readOwner(grave)
  if (buried !== undefined && (await isOwnerAlive(buried))) await tryCreate(path, buried, makeLink)
  await rm(grave, { recursive: true, force: true })
}

async function release(path: string): Promise<void> {
  const grave = await bury(path)
  if (grave !== undefined) await rm(grave, { recursive: true, force: true })
}

/**
 * Locks a directory for this process. The lock of a process that is gone is taken over.
 *
 * @throws {@link ConfigError} with the refusal's code if a living process holds it.
 */
export async function lockDirectory(
  directory: string,
  refusal: LockRefusal,
  makeLink: Link = link,
): Promise<DirectoryLock> {
  const path = join(directory, LOCK_FILE)
  const self: LockOwner = {
    pid: process.pid,
    startTicks: (await readProcess(process.pid))?.startTicks ?? null,
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (await tryCreate(path, self, makeLink)) return { release: () => release(path) }
    const other = await readOwner(path)
    if (other !== undefined && (await isOwnerAlive(other))) {
      throw new ConfigError(refusal.code, refusal.message(other.pid))
    }
    await removeStale(path, makeLink)
  }
  throw new ConfigError(
    refusal.code,
    `Several processes are fighting over ${path}. Start only one of them.`,
  )
}
