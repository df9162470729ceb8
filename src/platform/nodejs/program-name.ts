/** @module How a person calls this program, for lines that are meant to be pasted, and where its devnet is kept. */

import { existsSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
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

/** How the program was started. */
export interface ProgramCall {
  /** Absolute; of this package. */
  readonly root: string
  /** The script as it was named: a link in `.bin` where the package is installed. */
  readonly script: string
  readonly isRunByNpx: boolean
}

function readCall(): ProgramCall {
  return {
    root: packagePath(''),
    script: process.argv[1] ?? '',
    isRunByNpx: process.env['npm_command'] === 'exec',
  }
}

/**
 * Whether the program runs from a working copy, as `scripts/quarry` does. An installed package may be deleted by the
 * next `npm ci`, and one that is linked to a working copy is called from elsewhere.
 */
export function isWorkingCopy({ root, script }: ProgramCall): boolean {
  const isInstalled = root.split(sep).includes('node_modules')
  const isCalledFromInside = !isAbsolute(script) || shortenPath(script, root) !== script
  return !isInstalled && isCalledFromInside && existsSync(join(root, 'scripts', 'quarry'))
}

/** The program's name as it works in the shell of the caller, in any directory of a working copy's machine. */
export function findWholeProgramName(call = readCall()): string {
  if (!isWorkingCopy(call)) return call.isRunByNpx ? 'npx quarry' : 'quarry'
  return quoteArgument(join(call.root, 'scripts', 'quarry'))
}

/** The same, as short as it can be where the caller is. */
export function findProgramName(workingDirectory = process.cwd(), call = readCall()): string {
  if (!isWorkingCopy(call)) return findWholeProgramName(call)
  return quoteArgument(shortenPath(join(call.root, 'scripts', 'quarry'), workingDirectory))
}

/** The folder that `quarry devnet` uses unless told otherwise: a working copy's own, else one beside the caller. */
export function findDevnetFolder(workingDirectory = process.cwd(), call = readCall()): string {
  return join(isWorkingCopy(call) ? call.root : workingDirectory, '.devnet')
}
