/** @module Levels of the log, and how a setting spells them. */

/** From the most talkative to none. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
/** How much is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** One level for all subsystems, and the exceptions. A subsystem is a folder's name. */
export interface LogLevels {
  readonly fallback: LogLevel
  readonly bySubsystem: Readonly<Record<string, LogLevel>>
}

/** Reads `info` or `info,p2p=debug`; undefined if the text is not of that form. */
export function parseLogLevels(text: string): LogLevels | undefined {
  const bySubsystem: Record<string, LogLevel> = {}
  let fallback: LogLevel = 'info'
  for (const part of text.split(',')) {
    const [first = '', second] = part.split('=').map((word) => word.trim())
    const level = LOG_LEVELS.find((known) => known === (second ?? first))
    if (level === undefined || (second !== undefined && !/^\w+$/.test(first))) return undefined
    if (second === undefined) fallback = level
    else bySubsystem[first] = level
  }
  return { fallback, bySubsystem }
}

/** The inverse of {@link parseLogLevels}. */
export function formatLogLevels({ fallback, bySubsystem }: LogLevels): string {
  const exceptions = Object.entries(bySubsystem).map(([name, level]) => `${name}=${level}`)
  return [fallback, ...exceptions].join(',')
}
