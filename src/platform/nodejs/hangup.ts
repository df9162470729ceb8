/**
 * Whether this process was started with SIGHUP ignored, as `nohup` starts programs.
 *
 * Node.js resets ignored signals to their default action before any script runs, so the process itself
 * cannot see it afterwards. Two traces are left: the variable that our shell scripts set, because a shell still
 * knows, and the standard input that GNU `nohup` leaves where it was a terminal.
 *
 * @module
 */

import { fstatSync, readFileSync, statSync } from 'node:fs'

/** Set to {@link HANGUP_IGNORED} by `scripts/quarry` and `scripts/devnet`. */
export const HANGUP_VARIABLE = 'QUARRY_HANGUP'
const HANGUP_IGNORED = 'ignored'

/** SIGHUP is signal 1, the lowest bit of the mask. */
const HANGUP_BIT = 1n
/** The access mode in `open` flags, and the one for writing alone. */
const ACCESS_MODE = 3
const WRITE_ONLY = 1

/** Reads `/proc`, where there is one. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** True on a runtime that leaves ignored signals ignored. */
function isIgnoredNow(): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readProc('/proc/self/status'))?.[1]
  return mask !== undefined && (BigInt(`0x${mask}`) & HANGUP_BIT) !== 0n
}

/** GNU `nohup` replaces a terminal as standard input by `/dev/null`, opened for writing: no other program does. */
function hasInputOfNohup(): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readProc('/proc/self/fdinfo/0'))?.[1]
  if (flags === undefined || (Number.parseInt(flags, 8) & ACCESS_MODE) !== WRITE_ONLY) return false
  try {
    return fstatSync(0).rdev === statSync('/dev/null').rdev
  } catch {
    return false
  }
}

/** Whether the process goes on when its terminal hangs up. */
export function isHangupIgnored(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return environment[HANGUP_VARIABLE] === HANGUP_IGNORED || isIgnoredNow() || hasInputOfNohup()
}
