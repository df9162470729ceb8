/**
 * The settings of `quarry start`, as data: names, help texts, defaults. Flags, `QUARRY_*` variables
 * and the TOML file's keys all follow from the name. Kept apart from their checks so that `--help`
 * loads nothing heavy.
 *
 * @module
 */

/** One setting as a person meets it. */
export interface SettingDefinition {
  /** `rpc-port` is `--rpc-port`, `QUARRY_RPC_PORT`, and `rpc-port = …` in a file. */
  readonly name: string
  /** A switch is on or off; a list may be given several times. */
  readonly kind: 'text' | 'switch' | 'list'
  /** What stands for the value in the help text. */
  readonly placeholder?: string
  /** As one would write it on the command line; undefined if there is none. */
  readonly fallback?: string | readonly string[] | boolean
  readonly help: string
  /** What a right value is, as a full sentence: the cure in every error. */
  readonly wanted: string
  /** Flags that Bitcoin Core's users type from habit. Not shown in the help text. */
  readonly aliases?: readonly string[]
}

/** Chains that have a name; any other is the path of a chain spec. */
export const CHAIN_NAMES = ['devnet', 'regtest', 'mainnet'] as const

const WANTED_SWITCH = 'Use true or false.'
const WANTED_COMMAND = 'Use a command as a shell takes it, at most 4096 characters.'
const WANTED_MULTIADDRS = 'Use multiaddrs such as /ip4/127.0.0.1/tcp/18444, or host:port.'

/** Every setting, in the order of the help text. */
export const SETTINGS = [
  {
    name: 'chain',
    kind: 'text',
    placeholder: '<name|file>',
    fallback: 'devnet',
    help: 'devnet, regtest, or the path of a chain spec (JSON)',
    wanted: `Use ${CHAIN_NAMES.slice(0, 2).join(' or ')}, or the path of a chain spec's JSON file.`,
  },
  {
    name: 'datadir',
    kind: 'text',
    placeholder: '<dir>',
    fallback: '~/.quarry',
    help: 'where chain, keys and cookie are kept',
    wanted: 'Use the path of a directory.',
  },
  {
    name: 'db-cache',
    kind: 'text',
    placeholder: '<MB>',
    fallback: '64',
    help: 'memory for unspent outputs, 4 to 16384 MB; more makes catching up faster',
    wanted: 'Use a whole number of megabytes from 4 to 16384.',
    aliases: ['--dbcache'],
  },
  {
    name: 'prune',
    kind: 'text',
    placeholder: '<MB>',
    fallback: '0',
    help: 'delete old blocks beyond so many MB; 0 keeps all, 1 deletes on pruneblockchain alone',
    wanted: 'Use a whole number of megabytes, 0 to keep all blocks, or 1 to delete them over RPC.',
  },
  {
    name: 'assumevalid',
    kind: 'text',
    placeholder: '<hash>',
    help: 'do not verify the scripts of this block and its ancestors, because you know that they are valid',
    wanted: 'Use a block hash: 64 hex digits.',
  },
  {
    name: 'reindex',
    kind: 'switch',
    fallback: false,
    help: 'rebuild the chain state from the stored blocks; what is damaged is fetched again',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'txindex',
    kind: 'switch',
    fallback: false,
    help: 'keep an index of all transactions, for getrawtransaction',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'max-mempool',
    kind: 'text',
    placeholder: '<MB>',
    fallback: '300',
    help: 'memory for waiting transactions, 5 to 65536 MB; what pays least goes first',
    wanted: 'Use a whole number of megabytes from 5 to 65536.',
    aliases: ['--maxmempool'],
  },
  {
    name: 'mempool-expiry',
    kind: 'text',
    placeholder: '<hours>',
    fallback: '336',
    help: 'how long a transaction may wait, 1 to 87600 hours',
    wanted: 'Use a whole number of hours from 1 to 87600.',
    aliases: ['--mempoolexpiry'],
  },
  {
    name: 'persist-mempool',
    kind: 'switch',
    fallback: true,
    help: 'keep waiting transactions over a restart; --no-persist-mempool turns it off',
    wanted: WANTED_SWITCH,
    aliases: ['--persistmempool'],
  },
  {
    name: 'accept-nonstd-txn',
    kind: 'switch',
    fallback: false,
    help: 'take and mine transactions of forms that other nodes do not relay',
    wanted: WANTED_SWITCH,
    aliases: ['--acceptnonstdtxn'],
  },
  {
    name: 'wallet',
    kind: 'switch',
    fallback: false,
    help: 'have wallets: createwallet, getnewaddress, sendtoaddress and the other methods for them',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'dev-wallet',
    kind: 'switch',
    fallback: false,
    help: 'have a wallet "devnet" whose seed everybody knows, and mine to it; for experiments only',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'listen',
    kind: 'list',
    placeholder: '<multiaddr>',
    fallback: ['/ip4/127.0.0.1/tcp/18444'],
    help: 'address to accept peers on; /ip4/0.0.0.0/tcp/18444 lets other machines in, /ip4/127.0.0.1/tcp/18445/ws takes WebSockets; may be repeated',
    wanted: WANTED_MULTIADDRS,
  },
  {
    name: 'announce',
    kind: 'list',
    placeholder: '<multiaddr>',
    fallback: [],
    help: 'address to tell peers instead of the one listened on (behind NAT, in a container); may be repeated',
    wanted: WANTED_MULTIADDRS,
  },
  {
    name: 'peer',
    kind: 'list',
    placeholder: '<multiaddr>',
    fallback: [],
    help: 'peer to stay connected to; may be repeated',
    wanted: WANTED_MULTIADDRS,
    aliases: ['--addnode', '--connect'],
  },
  {
    name: 'discovery',
    kind: 'switch',
    fallback: true,
    help: 'look for peers beyond those of --peer, and let others know this node; --no-discovery turns it off',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'mdns',
    kind: 'switch',
    fallback: false,
    help: 'look for peers on the local network',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'mine',
    kind: 'switch',
    fallback: false,
    help: 'mine blocks',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'address',
    kind: 'list',
    placeholder: '<address[=share]>',
    fallback: [],
    help: 'where mined coins go (without it: to a key in the data directory, miner.key); may be repeated, to share them',
    wanted: 'Use addresses of the chain, such as bcrt1q…, or bcrt1q…=3 for three shares.',
  },
  {
    name: 'stratum',
    kind: 'text',
    placeholder: '<[host:]port>',
    help: 'let miners connect by Stratum, on loopback unless a host is named; 0.0.0.0:3333 lets other machines in',
    wanted: 'Use a port such as 3333, or an IP address and a port: 0.0.0.0:3333, [::]:3333.',
  },
  {
    name: 'threads',
    kind: 'text',
    placeholder: '<n|auto>',
    fallback: 'auto',
    help: 'mining threads; auto is one fewer than there are cores',
    wanted: 'Use a whole number from 1 to four for each core, or auto.',
  },
  {
    name: 'throttle',
    kind: 'text',
    placeholder: '<share>',
    fallback: '1',
    help: 'share of each core that a mining thread uses',
    wanted: 'Use a number from 0.01 to 1.',
  },
  {
    name: 'version-rolling',
    kind: 'switch',
    fallback: false,
    help: 'try several versions beside each nonce when mining (BIP-0320): some percent faster',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'coinbase-flags',
    kind: 'switch',
    fallback: false,
    help: 'put the empty coinbaseaux.flags into block templates that old pools (ckpool) insist on',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'dev-faults',
    kind: 'switch',
    fallback: false,
    help: 'let RPC (setfaults) slow down, cut and block connections, to study forks',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'rpc-port',
    kind: 'text',
    placeholder: '<port>',
    fallback: '18443',
    help: 'port of JSON-RPC and health checks; 0 is any free one',
    wanted: 'Use a port: a whole number from 0 (any free one) to 65535.',
    aliases: ['--rpcport'],
  },
  {
    name: 'rpc-bind',
    kind: 'text',
    placeholder: '<ip>',
    fallback: '127.0.0.1',
    help: 'address that JSON-RPC listens on; other than loopback needs --rpc-allow-ip',
    wanted: 'Use an IP address of this machine.',
    aliases: ['--rpcbind'],
  },
  {
    name: 'rpc-allow-ip',
    kind: 'list',
    placeholder: '<ip|cidr>',
    fallback: [],
    help: 'who may use JSON-RPC besides this machine; may be repeated',
    wanted: 'Use an IP address or a range such as 192.168.1.0/24.',
    aliases: ['--rpcallowip'],
  },
  {
    name: 'rpc-auth',
    kind: 'list',
    placeholder: '<user:salt$hash>',
    fallback: [],
    help: 'further user of JSON-RPC, by the hash of the password, as "quarry rpcauth" makes it; may be repeated',
    wanted: 'Use user:salt$hash, as "quarry rpcauth <user>" prints it.',
    aliases: ['--rpcauth'],
  },
  {
    name: 'rpc-whitelist',
    kind: 'list',
    placeholder: '<user:methods>',
    fallback: [],
    help: 'the only methods that a user may call, such as alice:getblockcount,getblock (events: subscribe); __cookie__ is the user of the cookie; may be repeated',
    wanted: 'Use a user, a colon and methods with commas between them.',
    aliases: ['--rpcwhitelist'],
  },
  {
    name: 'rpc-whitelist-default',
    kind: 'switch',
    help: 'whether users without a whitelist may call nothing; so it is, unless said, as soon as there is a whitelist',
    wanted: WANTED_SWITCH,
    aliases: ['--rpcwhitelistdefault'],
  },
  {
    name: 'rest',
    kind: 'switch',
    fallback: false,
    help: 'let whoever may reach the port of JSON-RPC read chain and mempool under /rest/, without a password',
    wanted: WANTED_SWITCH,
  },
  {
    name: 'blocknotify',
    kind: 'text',
    placeholder: '<command>',
    help: 'run this in a shell when the tip is another block; %s stands for its hash',
    wanted: WANTED_COMMAND,
  },
  {
    name: 'startupnotify',
    kind: 'text',
    placeholder: '<command>',
    help: 'run this in a shell when the node has started',
    wanted: WANTED_COMMAND,
  },
  {
    name: 'shutdownnotify',
    kind: 'text',
    placeholder: '<command>',
    help: 'run this in a shell when the node begins to stop, which then waits ten seconds for it at most',
    wanted: WANTED_COMMAND,
  },
  {
    name: 'log-level',
    kind: 'text',
    placeholder: '<levels>',
    fallback: 'info',
    help: 'a level, or a level and exceptions: info,p2p=debug',
    wanted: 'Use trace, debug, info, warn, error or silent; exceptions as info,p2p=debug.',
  },
  {
    name: 'log-format',
    kind: 'text',
    placeholder: '<format>',
    fallback: 'auto',
    help: 'pretty, json, or auto: pretty on a terminal, JSON on a pipe',
    wanted: 'Use auto, pretty or json.',
  },
] as const satisfies readonly SettingDefinition[]

/** The name of a setting, as flags and files spell it. */
export type SettingName = (typeof SETTINGS)[number]['name']

/** The environment variable of a setting. */
export function toEnvironmentName(setting: string): string {
  return `QUARRY_${setting.replaceAll('-', '_').toUpperCase()}`
}

/** Names the TOML file with the other settings; itself not allowed in that file. */
export const CONFIG_ENVIRONMENT_NAME = toEnvironmentName('config')
