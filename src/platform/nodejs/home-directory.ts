/** @module The user's home directory, looked up only where a path needs it. */

import { homedir, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { ConfigError } from '../../util/index.ts'
import { toEnvironmentName } from './settings.ts'

const DEFAULT_DATA_DIRECTORY = '~/.quarry'

/**
 * Finds the home directory.
 *
 * @throws {@link ConfigError} `bad-settings` if HOME is not set and the user is not in the system's list of users, as in
 * some containers.
 */
export function findHomeDirectory(): string {
  try {
    return homedir() || userInfo().homedir
  } catch (error) {
    throw new ConfigError(
      'bad-settings',
      'This user has no home directory (HOME is not set, and the system does not know the user), so there is no default data directory. Name one with --datadir or QUARRY_DATADIR, or set HOME.',
      { cause: error },
    )
  }
}

/** Replaces a leading `~`, which no shell has replaced in variables and files. */
export function expandHome(path: string, findHome: () => string = findHomeDirectory): string {
  return path === '~' || path.startsWith('~/') ? `${findHome()}${path.slice(1)}` : path
}

/**
 * Chooses the data directory of commands that have few settings: flag, variable, default.
 *
 * @returns An absolute path.
 * @throws {@link ConfigError} as {@link findHomeDirectory}.
 */
export function resolveDataDirectory(given: string | undefined): string {
  const path = given ?? process.env[toEnvironmentName('datadir')] ?? DEFAULT_DATA_DIRECTORY
  return resolve(expandHome(path))
}
