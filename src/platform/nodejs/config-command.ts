/** @module `quarry config show`: what a node would be told, and by whom. */

import { type NodeSettings, resolveProcessSettings } from './config.ts'
import { formatListenAddress } from './listening.ts'
import { SETTINGS, type SettingName } from './settings.ts'

/** How the settings are shown. */
export interface ConfigShowOptions {
  /** Where each value comes from, as a comment behind it. */
  readonly withOrigin: boolean
  readonly isJson: boolean
}

function formatLogLevels({ fallback, bySubsystem }: NodeSettings['logLevel']): string {
  const exceptions = Object.entries(bySubsystem).map(([name, level]) => `${name}=${level}`)
  return [fallback, ...exceptions].join(',')
}

function readSetting(settings: NodeSettings, name: SettingName): unknown {
  switch (name) {
    case 'datadir':
      return settings.dataDir
    case 'db-cache':
      return settings.dbCache
    case 'max-mempool':
      return settings.maxMempool
    case 'mempool-expiry':
      return settings.mempoolExpiry
    case 'persist-mempool':
      return settings.persistMempool
    case 'accept-nonstd-txn':
      return settings.acceptNonstdTxn
    case 'peer':
      return settings.peers
    case 'version-rolling':
      return settings.versionRolling
    case 'coinbase-flags':
      return settings.coinbaseFlags
    case 'dev-wallet':
      return settings.devWallet
    case 'dev-faults':
      return settings.devFaults
    case 'rpc-port':
      return settings.rpcPort
    case 'address':
      return settings.addresses
    case 'rpc-bind':
      return settings.rpcBind
    case 'rpc-allow-ip':
      return settings.rpcAllowIp
    case 'rpc-auth':
      return settings.rpcAuth
    case 'rpc-whitelist':
      return settings.rpcWhitelist
    case 'rpc-whitelist-default':
      return settings.rpcWhitelistDefault
    case 'log-level':
      return formatLogLevels(settings.logLevel)
    case 'stratum':
      return settings.stratum === undefined ? undefined : formatListenAddress(settings.stratum)
    case 'log-format':
      return settings.logFormat
    default:
      return settings[name]
  }
}

/** The settings as text: a TOML file that `--config` takes, or JSON. */
export function formatSettings(
  flags: Readonly<Record<string, unknown>>,
  options: ConfigShowOptions,
): string {
  const { settings, origins } = resolveProcessSettings(flags)
  const entries = SETTINGS.map(({ name }) => ({
    name,
    value: readSetting(settings, name),
    origin: origins[name],
  }))
  if (options.isJson) {
    const toJson = options.withOrigin
      ? entries.map(({ name, value, origin }) => [name, { value: value ?? null, origin }])
      : entries.map(({ name, value }) => [name, value ?? null])
    return JSON.stringify(Object.fromEntries(toJson), undefined, 2)
  }
  return entries
    .map(({ name, value, origin }) => {
      const comment = options.withOrigin ? `  # ${origin}` : ''
      // A text in JSON is a text in TOML, too, and so is a list of texts.
      return value === undefined
        ? `# ${name} is not set${comment}`
        : `${name} = ${JSON.stringify(value)}${comment}`
    })
    .join('\n')
}
