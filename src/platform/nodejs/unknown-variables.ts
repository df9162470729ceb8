/** @module Variables that look like settings and are none. */

import { findClosestName } from '../../util/closest-name.ts'
import { HANGUP_VARIABLE } from './hangup.ts'
import {
  CONFIG_ENVIRONMENT_NAME,
  PASSWORD_VARIABLE,
  SETTINGS,
  toEnvironmentName,
  USER_VARIABLE,
} from './settings.ts'

/** Says of each unknown `QUARRY_*` variable that it is none, and which was probably meant. */
export function findUnknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const known = new Set<string>(SETTINGS.map(({ name }) => toEnvironmentName(name)))
  for (const name of [CONFIG_ENVIRONMENT_NAME, HANGUP_VARIABLE, USER_VARIABLE, PASSWORD_VARIABLE])
    known.add(name)
  return Object.keys(environment)
    .filter((name) => name.startsWith('QUARRY_') && !known.has(name))
    .map((name) => {
      const closest = findClosestName(name, known)
      const hint = closest === undefined ? '' : `; did you mean ${closest}?`
      return `${name} is set, but no setting has that name${hint}`
    })
}
