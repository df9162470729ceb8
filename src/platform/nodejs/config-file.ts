/** @module The node's TOML file: flat keys, the names of the flags without their dashes. */

import { readFileSync } from 'node:fs'
import { parse, TomlError } from 'smol-toml'
import { ConfigError, toErrorMessage } from '../../util/index.ts'

/** A file of settings is never larger. */
const MAX_CONFIG_FILE_BYTES = 262_144

/** A value in a file and the line it stands on. */
export interface FileValue {
  readonly value: unknown
  /** Counts from 1; undefined where the key is not written plainly. */
  readonly line: number | undefined
}

/** The line on which a top-level key is set. */
function findKeyLine(lines: readonly string[], key: string): number | undefined {
  const index = lines.findIndex((line) => {
    const [name] = line.split('=', 1)
    return line.includes('=') && name?.trim().replace(/^["']|["']$/g, '') === key
  })
  if (index >= 0) return index + 1
  const table = lines.findIndex((line) => line.trim().startsWith(`[${key}]`))
  return table >= 0 ? table + 1 : undefined
}

/**
 * Reads a TOML file of settings.
 *
 * @throws {@link ConfigError} `bad-settings` if it cannot be read or is not TOML, with the line.
 */
export function readConfigFile(path: string): ReadonlyMap<string, FileValue> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(
      'bad-settings',
      `Could not read the settings file ${path}: ${toErrorMessage(error)}. Check the path given with --config or QUARRY_CONFIG.`,
      { cause: error },
    )
  }
  if (text.length > MAX_CONFIG_FILE_BYTES) {
    throw new ConfigError('bad-settings', `The settings file ${path} is too large to be one.`)
  }
  try {
    const lines = text.split('\n')
    const table = parse(text)
    return new Map(
      Object.entries(table).map(([key, value]) => [key, { value, line: findKeyLine(lines, key) }]),
    )
  } catch (error) {
    const place = error instanceof TomlError ? `:${error.line}:${error.column}` : ''
    const [reason] = toErrorMessage(error).split('\n', 1)
    throw new ConfigError('bad-settings', `${path}${place} is not valid TOML: ${reason}.`, {
      cause: error,
    })
  }
}
