/**
 * What a node is told, from flags, environment, file and defaults, in this order of precedence.
 *
 * @module
 */

import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { MAX_PAYOUTS, MAX_WORKERS } from '../../mining/index.ts'
import { ConfigError } from '../../util/index.ts'
import { readConfigFile } from './config-file.ts'
import { HANGUP_VARIABLE } from './hangup.ts'
import { expandHome, findHomeDirectory } from './home-directory.ts'
import { type ListenAddress, parseListenAddress } from './listening.ts'
import { parseRpcAuth, parseRpcWhitelists } from './rpc-auth.ts'
import {
  CHAIN_NAMES,
  CONFIG_ENVIRONMENT_NAME,
  SETTINGS,
  type SettingDefinition,
  type SettingName,
  toEnvironmentName,
} from './settings.ts'

/** From the most talkative to none. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
/** How much is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** One level for all, and the subsystems that differ. A subsystem is a folder's name. */
export interface LogLevels {
  readonly fallback: LogLevel
  readonly bySubsystem: Readonly<Record<string, LogLevel>>
}

/** Where log lines are pretty: `auto` is on a terminal. */
export type LogFormat = 'auto' | 'pretty' | 'json'

/** Everything that `quarry start` can be told, checked. */
export interface NodeSettings {
  /** A built-in chain's name, or the absolute path of a chain spec. */
  readonly chain: string
  /** Absolute. */
  readonly dataDir: string
  /** Megabytes of memory for coins. */
  readonly dbCache: number
  /** Megabytes that blocks may take; 0 for any number, 1 if they are deleted over RPC alone. */
  readonly prune: number
  /** A block up to which scripts are not verified; display hex. */
  readonly assumevalid: string | undefined
  /** Whether to rebuild the state from the stored blocks. */
  readonly reindex: boolean
  /** Whether to keep an index of all transactions. */
  readonly txindex: boolean
  /** Megabytes of memory for waiting transactions. */
  readonly maxMempool: number
  /** Hours that a transaction may wait. */
  readonly mempoolExpiry: number
  /** Whether waiting transactions are kept over a restart. */
  readonly persistMempool: boolean
  /** Whether forms are taken that other nodes do not relay. */
  readonly acceptNonstdTxn: boolean
  /** Whether there are wallets. */
  readonly wallet: boolean
  /** Whether one of them is the one that everybody knows. */
  readonly devWallet: boolean
  /** Multiaddrs. */
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly peers: readonly string[]
  /** Whether to exchange addresses and to dial nodes that others have told of. */
  readonly discovery: boolean
  readonly mdns: boolean
  readonly mine: boolean
  /** Not checked against the chain here. Undefined: a key in the data directory is used. */
  /** Who gets mined coins; see `readPayouts`. None for the node's own key. */
  readonly addresses: readonly string[]
  /** Where miners connect by Stratum; undefined for nowhere. */
  readonly stratum: ListenAddress | undefined
  readonly threads: number
  /** Share of a core for each thread, 0.01 to 1. */
  readonly throttle: number
  /** Whether to try several versions beside each nonce. */
  readonly versionRolling: boolean
  /** Whether block templates have an empty `coinbaseaux.flags`. */
  readonly coinbaseFlags: boolean
  /** Whether RPC may make faults on purpose. */
  readonly devFaults: boolean
  /** 0 is any free port. */
  readonly rpcPort: number
  readonly rpcBind: string
  /** IP addresses and CIDR ranges, besides loopback. */
  readonly rpcAllowIp: readonly string[]
  /** `user:salt$hash` each. */
  readonly rpcAuth: readonly string[]
  /** As `parseRpcWhitelists` reads them. */
  readonly rpcWhitelist: readonly string[]
  /** Whether users without a whitelist may call nothing. */
  readonly rpcWhitelistDefault: boolean
  /** Whether REST is answered. */
  readonly rest: boolean
  readonly blocknotify: string | undefined
  readonly startupnotify: string | undefined
  readonly shutdownnotify: string | undefined
  readonly logLevel: LogLevels
  readonly logFormat: LogFormat
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

const MULTIADDR =
  /^\/(?:ip4\/[\d.]+|ip6\/[\da-fA-F:.]+|dns[46]?\/[\w.-]+)\/tcp\/\d{1,5}(?:\/wss?|\/tls\/ws)?(?:\/p2p\/\w+)?$/
const HOST_AND_PORT = /^(?:\[(?<ip6>[\da-fA-F:]+)\]|(?<host>[\w.-]+)):(?<port>\d{1,5})$/

/** Accepts `host:port`, the form that Bitcoin Core's users know, beside multiaddrs. */
function toMultiaddr(text: string): string {
  const { ip6, host = '', port = '' } = HOST_AND_PORT.exec(text)?.groups ?? {}
  if (ip6 !== undefined) return `/ip6/${ip6}/tcp/${port}`
  if (port === '') return text
  return `/${isIP(host) === 4 ? 'ip4' : 'dns'}/${host}/tcp/${port}`
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}

function parseLogLevels(text: string): LogLevels | undefined {
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

/** A number that a flag or variable gives as text. */
function numeric(schema: z.ZodNumber): z.ZodType<number> {
  const decimal = z.string().regex(/^\d+(\.\d+)?$/)
  return z.union([z.number(), decimal.transform(Number)]).pipe(schema)
}

const flag = z.union([z.boolean(), z.stringbool()])
const text = z.string().trim().min(1).max(4_096)
const port = numeric(z.number().int().min(0).max(65_535))
const multiaddrs = z.array(text.transform(toMultiaddr).pipe(z.string().regex(MULTIADDR))).max(256)

const MAX_THREADS_PER_CORE = 4

/** How many mining threads `auto` is: all cores but one, which the node has for itself. */
export function computeAutoThreads(availableCores: number): number {
  return Math.max(1, availableCores - 1)
}

/**
 * How many mining threads there may be. Many more than there are cores only take turns, and take the node's: 256 on
 * two cores keep it from answering for minutes.
 */
export function computeMaxThreads(availableCores: number): number {
  return Math.min(MAX_THREADS_PER_CORE * availableCores, MAX_WORKERS)
}

/** The schemas for everything but paths, which need to know where they were written. */
function createSchemas(sources: SettingSources) {
  return {
    chain: text,
    datadir: text,
    'db-cache': numeric(z.number().int().min(4).max(16_384)),
    prune: numeric(z.number().int().min(0).max(1_048_576)),
    assumevalid: text
      .regex(/^[0-9a-fA-F]{64}$/)
      .toLowerCase()
      .optional(),
    reindex: flag,
    txindex: flag,
    'max-mempool': numeric(z.number().int().min(5).max(65_536)),
    'mempool-expiry': numeric(z.number().int().min(1).max(87_600)),
    'persist-mempool': flag,
    'accept-nonstd-txn': flag,
    wallet: flag,
    'dev-wallet': flag,
    listen: multiaddrs,
    announce: multiaddrs,
    peer: multiaddrs,
    discovery: flag,
    mdns: flag,
    mine: flag,
    address: z.array(text).max(MAX_PAYOUTS),
    stratum: text
      .transform((address, context) => {
        const parsed = parseListenAddress(address)
        if (parsed === undefined) context.addIssue({ code: 'custom', message: 'not [host:]port' })
        return parsed ?? z.NEVER
      })
      .optional(),
    threads: z.union([
      z.literal('auto').transform(() => computeAutoThreads(sources.availableCores)),
      numeric(z.number().int().min(1).max(computeMaxThreads(sources.availableCores))),
    ]),
    throttle: numeric(z.number().min(0.01).max(1)),
    'version-rolling': flag,
    'coinbase-flags': flag,
    'dev-faults': flag,
    'rpc-port': port,
    'rpc-bind': text.refine((address) => isIP(address) !== 0),
    'rpc-allow-ip': z.array(text.refine(isAddressRange)).max(256),
    'rpc-auth': z.array(text.refine((user) => parseRpcAuth(user) !== undefined)).max(256),
    'rpc-whitelist': z
      .array(text)
      .max(4_096)
      .refine((lists) => parseRpcWhitelists(lists) !== undefined),
    'rpc-whitelist-default': flag.optional(),
    rest: flag,
    blocknotify: text.optional(),
    startupnotify: text.optional(),
    shutdownnotify: text.optional(),
    'log-level': text.transform((levels, context) => {
      const parsed = parseLogLevels(levels)
      if (parsed === undefined) context.addIssue({ code: 'custom', message: 'not log levels' })
      return parsed ?? z.NEVER
    }),
    'log-format': z.enum(['auto', 'pretty', 'json']),
  } satisfies Record<SettingName, z.ZodType>
}

type Schemas = ReturnType<typeof createSchemas>
type SettingValues = { [Name in SettingName]: z.infer<Schemas[Name]> }

/** A value before it is checked, with where it was written. */
interface RawSetting {
  readonly value: unknown
  readonly origin: string
  /** What a relative path is relative to. */
  readonly baseDirectory: string
}

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
  for (const definition of SETTINGS as readonly (SettingDefinition & { name: SettingName })[]) {
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

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** Rules about more than one setting. */
function checkTogether(values: SettingValues, problems: string[]): void {
  if (!isLoopback(values['rpc-bind']) && values['rpc-allow-ip'].length === 0) {
    problems.push(
      `rpc-bind: ${values['rpc-bind']} would let every machine that reaches it try passwords. Name who may connect with --rpc-allow-ip, or leave rpc-bind at 127.0.0.1.`,
    )
  }
}

function toNodeSettings(
  values: SettingValues,
  raw: ReadonlyMap<SettingName, RawSetting>,
  sources: SettingSources,
): NodeSettings {
  const toAbsolute = (name: 'chain' | 'datadir'): string =>
    resolve(
      raw.get(name)?.baseDirectory ?? sources.workingDirectory,
      expandHome(values[name], sources.findHomeDirectory),
    )
  const isNamed = CHAIN_NAMES.some((name) => name === values.chain)
  return {
    chain: isNamed ? values.chain : toAbsolute('chain'),
    dataDir: toAbsolute('datadir'),
    dbCache: values['db-cache'],
    prune: values.prune,
    assumevalid: values.assumevalid,
    reindex: values.reindex,
    txindex: values.txindex,
    maxMempool: values['max-mempool'],
    mempoolExpiry: values['mempool-expiry'],
    persistMempool: values['persist-mempool'],
    acceptNonstdTxn: values['accept-nonstd-txn'],
    wallet: values.wallet,
    devWallet: values['dev-wallet'],
    listen: values.listen,
    announce: values.announce,
    peers: values.peer,
    discovery: values.discovery,
    mdns: values.mdns,
    mine: values.mine,
    addresses: values.address,
    stratum: values.stratum,
    threads: values.threads,
    throttle: values.throttle,
    versionRolling: values['version-rolling'],
    coinbaseFlags: values['coinbase-flags'],
    devFaults: values['dev-faults'],
    rpcPort: values['rpc-port'],
    rpcBind: values['rpc-bind'],
    rpcAllowIp: values['rpc-allow-ip'],
    rpcAuth: values['rpc-auth'],
    rpcWhitelist: values['rpc-whitelist'],
    rpcWhitelistDefault: values['rpc-whitelist-default'] ?? values['rpc-whitelist'].length > 0,
    rest: values.rest,
    blocknotify: values.blocknotify,
    startupnotify: values.startupnotify,
    shutdownnotify: values.shutdownnotify,
    logLevel: values['log-level'],
    logFormat: values['log-format'],
  }
}

function findUnknownVariables(environment: SettingSources['environment']): string[] {
  const known = new Set<string>(SETTINGS.map(({ name }) => toEnvironmentName(name)))
  known.add(CONFIG_ENVIRONMENT_NAME).add(HANGUP_VARIABLE)
  return Object.keys(environment)
    .filter((name) => name.startsWith('QUARRY_') && !known.has(name))
    .map((name) => `${name} is set, but no setting has that name`)
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
  const schemas = createSchemas(sources)
  const values: Record<string, unknown> = {}
  for (const { name, wanted } of SETTINGS) {
    const { value, origin } = raw.get(name) ?? { value: undefined, origin: 'default' }
    const result = schemas[name].safeParse(value)
    if (result.success) values[name] = result.data
    else problems.push(`${name}: ${show(value)} (from ${origin}) is not usable. ${wanted}`)
  }
  const checked = values as SettingValues
  if (problems.length === 0) checkTogether(checked, problems)
  if (problems.length > 0) {
    throw new ConfigError(
      'bad-settings',
      `The settings are not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    )
  }
  return {
    settings: toNodeSettings(checked, raw, sources),
    origins: Object.fromEntries([...raw].map(([name, { origin }]) => [name, origin])) as Record<
      SettingName,
      string
    >,
    warnings: findUnknownVariables(sources.environment),
  }
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
