/**
 * What a node is told, from flags, environment, file and defaults, in this order of precedence.
 *
 * @module
 */

import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import { ConfigError } from '../../util/index.ts'
import { readConfigFile } from './config-file.ts'
import { findHomeDirectory } from './home-directory.ts'
import { createSettingSchemas, type SchemaContext } from './setting-schemas.ts'
import {
  CONFIG_ENVIRONMENT_NAME,
  SETTINGS,
  type SettingDefinition,
  type SettingName,
  type SettingValues,
  toEnvironmentName,
} from './settings.ts'
import { findUnknownVariables } from './unknown-variables.ts'

/** Everything that `quarry start` can be told, checked. See the table in `settings.ts`. */
export interface NodeSettings extends SettingValues {
  /** Whether users without a whitelist may call nothing: as soon as there is a whitelist, unless told. */
  readonly rpcWhitelistDefault: boolean
}

/** Everything that settings depend on, so that they can be computed anywhere. */
export interface SettingSources {
  /** What the command line gave, by setting name; `config` names the file. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly findHomeDirectory: () => string
  readonly workingDirectory: string
  readonly availableCores: number
}

/** Settings, and for each where it came from: `--rpc-port`, `QUARRY_RPC_PORT`, `q.toml:3`, `default`. */
export interface ResolvedSettings {
  readonly settings: NodeSettings
  readonly origins: Readonly<Record<SettingName, string>>
  /** Things that look like mistakes and change nothing. */
  readonly warnings: readonly string[]
}

/** A value before it is checked, with where it was written. */
interface RawSetting {
  readonly value: unknown
  readonly origin: string
  /** What a relative path is relative to. */
  readonly baseDirectory: string
}

const NOTHING: RawSetting = { value: undefined, origin: 'default', baseDirectory: '' }

const SETTINGS_BY_NAME: readonly (SettingDefinition & { readonly name: SettingName })[] = SETTINGS

/** Variables and files may write a list as one text. */
function toRawValue(definition: SettingDefinition, value: unknown): unknown {
  if (definition.kind !== 'list' || typeof value !== 'string') return value
  return value.split(',').filter((part) => part.trim() !== '')
}

function collectRaw(
  sources: SettingSources,
  problems: string[],
): ReadonlyMap<SettingName, RawSetting> {
  const { flags, environment, workingDirectory } = sources
  const given = flags['config'] ?? environment[CONFIG_ENVIRONMENT_NAME]
  const path = typeof given === 'string' ? resolve(workingDirectory, given) : undefined
  const file = path === undefined ? undefined : readConfigFile(path)
  const raw = new Map<SettingName, RawSetting>()
  for (const definition of SETTINGS_BY_NAME) {
    const { name } = definition
    const variable = toEnvironmentName(name)
    const fromFile = file?.get(name)
    const add = (value: unknown, origin: string, baseDirectory = workingDirectory): void => {
      raw.set(name, { value: toRawValue(definition, value), origin, baseDirectory })
    }
    if (flags[name] !== undefined) add(flags[name], `--${name}`)
    else if (environment[variable] !== undefined) add(environment[variable], variable)
    else if (fromFile !== undefined && path !== undefined) {
      add(fromFile.value, `${path}:${fromFile.line ?? '?'}`, dirname(path))
    } else add(definition.fallback, 'default')
  }
  for (const [key, { line }] of file ?? []) {
    if (raw.has(key as SettingName)) continue
    problems.push(
      `${key} (${path}:${line ?? '?'}) is no setting. Settings are: ${[...raw.keys()].join(', ')}.`,
    )
  }
  return raw
}

/** Shows a value as it was given, cut to a length that fits a message. */
function show(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value)
  return shown.length > 120 ? `${shown.slice(0, 117)}…` : shown
}

/** A mempool has room for so many transactions with all their descendants. @see Bitcoin Core `maxmempool` */
const MEMPOOL_PER_DESCENDANTS = 40

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** Rules about more than one setting. */
function checkTogether(settings: NodeSettings, problems: string[]): void {
  const { rpcBind, rpcAllowIp, prune, txindex, maxMempool, limitDescendantSize } = settings
  if (!isLoopback(rpcBind) && rpcAllowIp.length === 0) {
    problems.push(
      `rpc-bind: ${rpcBind} would let every machine that reaches it try passwords. Name who may connect with --rpc-allow-ip, or leave rpc-bind at 127.0.0.1.`,
    )
  }
  if (prune !== 0 && txindex) {
    problems.push(
      'prune, txindex: Prune mode is incompatible with -txindex. The index needs all blocks: leave one of the two out.',
    )
  }
  const leastMempool = Math.ceil((limitDescendantSize * MEMPOOL_PER_DESCENDANTS) / 1_000)
  if (maxMempool < leastMempool) {
    problems.push(
      `max-mempool, limit-descendant-size: -maxmempool must be at least ${leastMempool} MB, forty times the size of all descendants of a transaction.`,
    )
  }
}

/** @throws {@link ConfigError} `bad-settings`, as {@link resolveNodeSettings}. */
function checkSettings(
  raw: ReadonlyMap<SettingName, RawSetting>,
  context: Omit<SchemaContext, 'baseDirectory'>,
  problems: string[] = [],
): NodeSettings {
  const values: Record<string, unknown> = {}
  for (const { name, field, schema, wanted } of SETTINGS_BY_NAME) {
    const { value, origin, baseDirectory } = raw.get(name) ?? NOTHING
    const result = schema(createSettingSchemas({ ...context, baseDirectory })).safeParse(value)
    if (result.success) values[field] = result.data
    else problems.push(`${name}: ${show(value)} (from ${origin}) is not usable. ${wanted}`)
  }
  const checked = values as SettingValues
  const { rpcWhitelist, rpcWhitelistDefault } = checked
  const settings = {
    ...checked,
    rpcWhitelistDefault: rpcWhitelistDefault ?? (rpcWhitelist ?? []).length > 0,
  }
  if (problems.length === 0) checkTogether(settings, problems)
  if (problems.length > 0) {
    throw new ConfigError(
      'bad-settings',
      `The settings are not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    )
  }
  return settings
}

/**
 * Finds every setting's value and checks it.
 *
 * @throws {@link ConfigError} `bad-settings`; the message lists every problem with the setting, where
 * it was given and what would be right.
 */
export function resolveNodeSettings(sources: SettingSources): ResolvedSettings {
  const problems: string[] = []
  const raw = collectRaw(sources, problems)
  const settings = checkSettings(raw, sources, problems)
  const origins = Object.fromEntries([...raw].map(([name, { origin }]) => [name, origin]))
  return {
    settings,
    origins: origins as Record<SettingName, string>,
    warnings: findUnknownVariables(sources.environment),
  }
}

/**
 * Checks settings that a program gives by field, without environment and file. Defaults fill the rest.
 *
 * @param origin - Names the giver in errors.
 * @throws {@link ConfigError} `bad-settings`, as {@link resolveNodeSettings}.
 */
export function fillNodeSettings(
  given: Partial<Omit<NodeSettings, 'logLevel'>>,
  origin: string,
): NodeSettings {
  const raw = new Map<SettingName, RawSetting>()
  for (const { name, field, fallback } of SETTINGS_BY_NAME) {
    const value = (given as Readonly<Record<string, unknown>>)[field]
    const isGiven = value !== undefined
    raw.set(name, {
      value: isGiven ? value : fallback,
      origin: isGiven ? origin : 'default',
      baseDirectory: process.cwd(),
    })
  }
  return checkSettings(raw, { findHomeDirectory, availableCores: availableParallelism() })
}

/** Settings of this process, from its flags, environment and file. */
export function resolveProcessSettings(flags: Readonly<Record<string, unknown>>): ResolvedSettings {
  return resolveNodeSettings({
    flags,
    environment: process.env,
    findHomeDirectory,
    workingDirectory: process.cwd(),
    availableCores: availableParallelism(),
  })
}
