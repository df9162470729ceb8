/** @module How a person calls this program, for lines that are meant to be pasted. */

import { existsSync } from 'node:fs'
import { isAbsolute, relative } from 'node:path'
import { packagePath } from './package-root.ts'

/** Quotes an argument so that the line can be pasted into a shell. */
export function quoteArgument(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
}

/** A path as short as it can be from a directory: unchanged unless it lies below. */
export function shortenPath(path: string, workingDirectory: string): string {
  const short = relative(workingDirectory, path)
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short
}

/**
 * The program's name as it works in the shell that started it: the path of a working copy's
 * `scripts/quarry`, or `quarry` where it was installed.
 */
export function findProgramName(): string {
  const script = packagePath('scripts/quarry')
  return existsSync(script) ? quoteArgument(shortenPath(script, process.cwd())) : 'quarry'
}
