/** @module Sentences for files that the system does not let this process use: whose they are, and the cure. */

import { readFileSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** What the system answers then. */
const REFUSALS: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM'])
const PERMISSION_BITS = 0o777

/** The path itself, or the nearest one above it that can be looked at. */
function findVisible(path: string): { path: string; stats: Stats } | undefined {
  try {
    return { path, stats: statSync(path) }
  } catch {
    const parent = dirname(path)
    return parent === path ? undefined : findVisible(parent)
  }
}

/** A user's name and number, or the number alone where the system's list does not name it. */
function describeUser(uid: number): string {
  let users = ''
  try {
    users = readFileSync('/etc/passwd', 'utf8')
  } catch {
    // The number is enough.
  }
  const line = users.split('\n').find((candidate) => candidate.split(':')[2] === `${uid}`)
  const name = line?.split(':', 1)[0]
  return name === undefined ? `user ${uid}` : `user ${name} (${uid})`
}

/**
 * Says why a path may not be used.
 *
 * @param path - What was wanted, if the error does not name it.
 * @returns Sentences that follow the system's message; undefined if it refused for another reason.
 */
export function explainAccess(path: string, error: unknown): string | undefined {
  const { code, path: refused } = error as NodeJS.ErrnoException
  if (!REFUSALS.has(code) || process.getuid === undefined) return undefined
  const found = findVisible(refused ?? path)
  if (found === undefined) return undefined
  const { uid, mode } = found.stats
  const self = process.getuid()
  if (uid !== self) {
    return `${found.path} belongs to ${describeUser(uid)}, and this program runs as ${describeUser(self)}. Run it as that user, or choose another directory with --datadir.`
  }
  const bits = (mode & PERMISSION_BITS).toString(8)
  return `${found.path} belongs to this user, but its permissions (${bits}) do not allow it. Change them with chmod, or choose another directory with --datadir.`
}
