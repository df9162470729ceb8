/**
 * The settings of `quarry start`: names, fields, schemas, defaults and help texts. Flags, `QUARRY_*` variables, the TOML
 * file's keys, `config show` and the type `NodeSettings` all follow from this table, so a new setting is one entry here.
 * A schema is a function of `SettingSchemas`, so that `--help` does not load the schema library.
 *
 * @module
 */

import type { infer as ZodInfer } from 'zod'
import { formatListenAddress } from './listening.ts'
import { formatLogLevels } from './log-levels.ts'
import { MEMPOOL_SETTINGS } from './mempool-settings.ts'
import { COMMAND, MULTIADDRS, type SettingDefinition, SWITCH } from './setting-definition.ts'

export type { SettingDefinition } from './setting-definition.ts'

/** Chains that have a name; any other is the path of a chain spec. */
export const CHAIN_NAMES = ['devnet', 'regtest', 'mainnet'] as const

/** Every setting, in the order of the help text. */
export const SETTINGS = [
  {
    name: 'chain',
    field: 'chain',
    kind: 'text',
    placeholder: '<name|file>',
    fallback: 'devnet',
    help: 'devnet, regtest, or the path of a chain spec (JSON)',
    schema: ({ chain }) => chain,
    wanted: `Use ${CHAIN_NAMES.slice(0, 2).join(' or ')}, or the path of a chain spec's JSON file.`,
  },
  {
    name: 'datadir',
    field: 'dataDir',
    kind: 'text',
    placeholder: '<dir>',
    fallback: '~/.quarry',
    help: 'where chain, keys and cookie are kept',
    schema: ({ path }) => path,
    wanted: 'Use the path of a directory.',
  },
  {
    name: 'db-cache',
    field: 'dbCache',
    kind: 'text',
    placeholder: '<MB>',
    fallback: '64',
    help: 'memory for unspent outputs, 4 to 16384 MB; more makes catching up faster',
    schema: ({ whole }) => whole(4, 16_384),
    wanted: 'Use a whole number of megabytes from 4 to 16384.',
    aliases: ['--dbcache'],
  },
  {
    name: 'prune',
    field: 'prune',
    kind: 'text',
    placeholder: '<MB>',
    fallback: '0',
    help: 'delete old blocks beyond so many MB; 0 keeps all, 1 deletes on pruneblockchain alone',
    schema: ({ whole }) => whole(0, 1_048_576),
    wanted: 'Use a whole number of megabytes, 0 to keep all blocks, or 1 to delete them over RPC.',
  },
  {
    name: 'assumevalid',
    field: 'assumevalid',
    kind: 'text',
    placeholder: '<hash>',
    help: 'do not verify the scripts of this block and its ancestors, because you know that they are valid',
    schema: ({ blockHash }) => blockHash.optional(),
    wanted: 'Use a block hash: 64 hex digits.',
  },
  {
    name: 'reindex',
    field: 'reindex',
    ...SWITCH,
    fallback: false,
    help: 'rebuild the chain state from the stored blocks; what is damaged is fetched again',
  },
  {
    name: 'txindex',
    field: 'txindex',
    ...SWITCH,
    fallback: false,
    help: 'keep an index of all transactions, for getrawtransaction',
  },
  ...MEMPOOL_SETTINGS,
  {
    name: 'wallet',
    field: 'wallet',
    ...SWITCH,
    fallback: false,
    help: 'have wallets: createwallet, getnewaddress, sendtoaddress and the other methods for them',
  },
  {
    name: 'dev-wallet',
    field: 'devWallet',
    ...SWITCH,
    fallback: false,
    help: 'have a wallet "devnet" whose seed everybody knows, and mine to it; for experiments only',
  },
  {
    name: 'listen',
    field: 'listen',
    ...MULTIADDRS,
    fallback: ['/ip4/127.0.0.1/tcp/18444'],
    help: 'address to accept peers on; /ip4/0.0.0.0/tcp/18444 lets other machines in, /ip4/127.0.0.1/tcp/18445/ws takes WebSockets; may be repeated',
  },
  {
    name: 'announce',
    field: 'announce',
    ...MULTIADDRS,
    fallback: [],
    help: 'address to tell peers instead of the one listened on (behind NAT, in a container); may be repeated',
  },
  {
    name: 'peer',
    field: 'peers',
    ...MULTIADDRS,
    fallback: [],
    help: 'peer to stay connected to; may be repeated',
    aliases: ['--addnode', '--connect'],
  },
  {
    name: 'discovery',
    field: 'discovery',
    ...SWITCH,
    fallback: true,
    help: 'look for peers beyond those of --peer, and let others know this node; --no-discovery turns it off',
  },
  {
    name: 'mdns',
    field: 'mdns',
    ...SWITCH,
    fallback: false,
    help: 'look for peers on the local network',
  },
  {
    name: 'mine',
    field: 'mine',
    ...SWITCH,
    fallback: false,
    help: 'mine blocks; where the difficulty never changes, as on regtest, one each block interval (generatetoaddress mines at once)',
  },
  {
    name: 'address',
    field: 'addresses',
    kind: 'list',
    placeholder: '<address[=share]>',
    fallback: [],
    help: 'where mined coins go (without it: to a key in the data directory, miner.key); may be repeated, to share them',
    schema: ({ payees }) => payees,
    wanted: 'Use addresses of the chain, such as bcrt1q…, or bcrt1q…=3 for three shares.',
  },
  {
    name: 'stratum',
    field: 'stratum',
    kind: 'text',
    placeholder: '<[host:]port>',
    help: 'let miners connect by Stratum, on loopback unless a host is named; 0.0.0.0:3333 lets other machines in',
    schema: ({ listenAddress }) => listenAddress.optional(),
    format: formatListenAddress,
    wanted: 'Use a port such as 3333, or an IP address and a port: 0.0.0.0:3333, [::]:3333.',
  },
  {
    name: 'threads',
    field: 'threads',
    kind: 'text',
    placeholder: '<n|auto>',
    fallback: 'auto',
    help: 'mining threads; auto is one fewer than there are cores',
    schema: ({ threads }) => threads,
    wanted: 'Use a whole number from 1 to four for each core, or auto.',
  },
  {
    name: 'throttle',
    field: 'throttle',
    kind: 'text',
    placeholder: '<share>',
    fallback: '1',
    help: 'share of each core that a mining thread uses',
    schema: ({ share }) => share,
    wanted: 'Use a number from 0.01 to 1.',
  },
  {
    name: 'version-rolling',
    field: 'versionRolling',
    ...SWITCH,
    fallback: false,
    help: 'try several versions beside each nonce when mining (BIP-0320): some percent faster',
  },
  {
    name: 'signature-engine',
    field: 'signatureEngine',
    kind: 'text',
    placeholder: '<name>',
    fallback: 'auto',
    help: 'what verifies signatures: native, wasm or noble; auto is the fastest that works here',
    schema: ({ signatureEngine }) => signatureEngine,
    wanted: 'Use auto, native, wasm or noble.',
  },
  {
    name: 'coinbase-flags',
    field: 'coinbaseFlags',
    ...SWITCH,
    fallback: false,
    help: 'put the empty coinbaseaux.flags into block templates that old pools (ckpool) insist on',
  },
  {
    name: 'dev-faults',
    field: 'devFaults',
    ...SWITCH,
    fallback: false,
    help: 'let RPC (setfaults) slow down, cut and block connections, to study forks',
  },
  {
    name: 'rpc-port',
    field: 'rpcPort',
    kind: 'text',
    placeholder: '<port>',
    fallback: '18443',
    help: 'port of JSON-RPC and health checks; 0 is any free one',
    schema: ({ whole }) => whole(0, 65_535),
    wanted: 'Use a port: a whole number from 0 (any free one) to 65535.',
    aliases: ['--rpcport'],
  },
  {
    name: 'rpc-bind',
    field: 'rpcBind',
    kind: 'text',
    placeholder: '<ip>',
    fallback: '127.0.0.1',
    help: 'address that JSON-RPC listens on; other than loopback needs --rpc-allow-ip',
    schema: ({ ip }) => ip,
    wanted: 'Use an IP address of this machine.',
    aliases: ['--rpcbind'],
  },
  {
    name: 'rpc-allow-ip',
    field: 'rpcAllowIp',
    kind: 'list',
    placeholder: '<ip|cidr>',
    fallback: [],
    help: 'who may use JSON-RPC besides this machine; may be repeated',
    schema: ({ addressRanges }) => addressRanges,
    wanted: 'Use an IP address or a range such as 192.168.1.0/24.',
    aliases: ['--rpcallowip'],
  },
  {
    name: 'rpc-allow-host',
    field: 'rpcAllowHost',
    kind: 'list',
    placeholder: '<name>',
    fallback: [],
    help: 'further name by which clients call this machine, as in http://node-1:18443 (containers); may be repeated',
    schema: ({ hostNames }) => hostNames,
    wanted: 'Use a host name without a port, such as node-1.',
  },
  {
    name: 'rpc-allow-origin',
    field: 'rpcAllowOrigin',
    kind: 'list',
    placeholder: '<origin>',
    fallback: [],
    help: 'origin whose web pages may use JSON-RPC and connect as peers over WebSocket; may be repeated',
    schema: ({ webOrigins }) => webOrigins,
    wanted: 'Use an origin such as http://localhost:3000.',
  },
  {
    name: 'rpc-auth',
    field: 'rpcAuth',
    kind: 'list',
    placeholder: '<user:salt$hash>',
    fallback: [],
    help: 'further user of JSON-RPC, by the hash of the password, as "quarry rpcauth" makes it; may be repeated',
    schema: ({ rpcUsers }) => rpcUsers,
    wanted: 'Use user:salt$hash, as "quarry rpcauth <user>" prints it.',
    aliases: ['--rpcauth'],
  },
  {
    name: 'rpc-whitelist',
    field: 'rpcWhitelist',
    kind: 'list',
    placeholder: '<user:methods>',
    fallback: [],
    help: 'the only methods that a user may call, such as alice:getblockcount,getblock (events: subscribe); __cookie__ is the user of the cookie; may be repeated',
    schema: ({ rpcWhitelists }) => rpcWhitelists,
    wanted: 'Use a user, a colon and methods with commas between them.',
    aliases: ['--rpcwhitelist'],
  },
  {
    name: 'rpc-whitelist-default',
    field: 'rpcWhitelistDefault',
    ...SWITCH,
    schema: ({ flag }) => flag.optional(),
    help: 'whether users without a whitelist may call nothing; so it is, unless said, as soon as there is a whitelist',
    aliases: ['--rpcwhitelistdefault'],
  },
  {
    name: 'rest',
    field: 'rest',
    ...SWITCH,
    fallback: false,
    help: 'let whoever may reach the port of JSON-RPC read chain and mempool under /rest/, without a password',
  },
  {
    name: 'blocknotify',
    field: 'blocknotify',
    ...COMMAND,
    help: 'run this in a shell when the tip is another block; %s stands for its hash',
  },
  {
    name: 'startupnotify',
    field: 'startupnotify',
    ...COMMAND,
    help: 'run this in a shell when the node has started',
  },
  {
    name: 'shutdownnotify',
    field: 'shutdownnotify',
    ...COMMAND,
    help: 'run this in a shell when the node begins to stop, which then waits ten seconds for it at most',
  },
  {
    name: 'log-level',
    field: 'logLevel',
    kind: 'text',
    placeholder: '<levels>',
    fallback: 'info',
    help: 'a level, or a level and exceptions: info,p2p=debug',
    schema: ({ logLevels }) => logLevels,
    format: formatLogLevels,
    wanted: 'Use trace, debug, info, warn, error or silent; exceptions as info,p2p=debug.',
  },
  {
    name: 'log-format',
    field: 'logFormat',
    kind: 'text',
    placeholder: '<format>',
    fallback: 'auto',
    help: 'pretty, json, or auto: pretty on a terminal, JSON on a pipe',
    schema: ({ logFormat }) => logFormat,
    wanted: 'Use auto, pretty or json.',
  },
] as const satisfies readonly SettingDefinition[]

type Setting = (typeof SETTINGS)[number]

/** The name of a setting, as flags and files spell it. */
export type SettingName = Setting['name']

type Frozen<Value> = Value extends readonly (infer Item)[] ? readonly Item[] : Value

/** The checked value of each setting, by field. */
export type SettingValues = {
  readonly [Entry in Setting as Entry['field']]: Frozen<ZodInfer<ReturnType<Entry['schema']>>>
}

/** The environment variable of a setting. */
export function toEnvironmentName(setting: string): string {
  return `QUARRY_${setting.replaceAll('-', '_').toUpperCase()}`
}

/** Names the TOML file with the other settings; itself not allowed in that file. */
export const CONFIG_ENVIRONMENT_NAME = toEnvironmentName('config')

/** The user of commands that talk to a node. */
export const USER_VARIABLE = toEnvironmentName('rpc-user')
/** That user's password: a variable is not listed with the processes of the machine, as a flag is. */
export const PASSWORD_VARIABLE = toEnvironmentName('rpc-password')
