/**
 * The command line. Commands load what they need when they run, so that `quarry --help` is quick.
 *
 * @module
 */

import { Command, CommanderError, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { addDevnet } from './cli-devnet.ts'
import { addEventCommands } from './cli-events.ts'
import { addMine } from './cli-mine.ts'
import {
  addNodeOptions,
  collect,
  DEVNET_FOLDER_HELP,
  EXIT_CODE_HELP,
  formatExamples,
  honourEveryWord,
  parseNumber,
} from './cli-support.ts'
import { EXIT_CODES, exitCodeOf } from './exit-codes.ts'
import { readPackageVersion } from './package-root.ts'
import { findProgramName } from './program-name.ts'
import { SETTINGS, type SettingDefinition, toEnvironmentName } from './settings.ts'

function formatProgramHelp(quarry: string): string {
  return `${formatExamples(
    [`${quarry} devnet`, 'three nodes that mine, on this machine'],
    [`${quarry} start --mine`, 'one node on the devnet chain, mining'],
    [`${quarry} start --chain ./chain.json --peer /ip4/192.168.1.20/tcp/18444/p2p/12D3Koo…`],
    [`${quarry} rpc getblockchaininfo`, 'ask the node that runs here'],
    [`${quarry} tail --topics blocks,reorgs`, 'what happens in it'],
    [`${quarry} mine --threads 2`, 'mine for the node that runs here, and watch'],
    [`${quarry} import chain.blocks`, 'blocks from a file, with no node running'],
    [`${quarry} bench miner`, 'how fast this machine hashes'],
    [`${quarry} config show --origin`, 'which settings apply, and why'],
  )}
${EXIT_CODE_HELP}`
}

function formatStartHelp(quarry: string): string {
  return `
Every option can be given as a variable (QUARRY_RPC_PORT=18453; lists with commas) or in a TOML file
(--config or QUARRY_CONFIG) by its name: rpc-port = 18453. Flags win over variables, variables over
the file, the file over defaults. "${quarry} config show --origin" tells which one did.

Peers can reach this node where --listen says: on this machine alone, unless you change it. JSON-RPC
is on loopback, with a cookie in the data directory that only your user can read.
${formatExamples(
  [`${quarry} start`],
  [`${quarry} start --mine --threads 2 --throttle 0.5`],
  [`${quarry} start --listen /ip4/0.0.0.0/tcp/18444 --log-level info,p2p=debug`],
  [`QUARRY_DATADIR=/srv/quarry ${quarry} start --config /etc/quarry.toml`],
)}
${EXIT_CODE_HELP}`
}

function formatRpcHelp(quarry: string): string {
  return `
Options stand before the method; everything after it is sent. Parameters are JSON where they are valid
JSON, else text. Address and password are found in the data directory of a node that runs.
${formatExamples(
  [`${quarry} rpc getblockcount`],
  [`${quarry} rpc getblockhash 0`],
  [`${quarry} rpc --datadir .devnet/node-1 getpeerinfo`],
  [`${quarry} rpc --named getblockhash height=0`],
  [`${quarry} rpc --chain regtest --wallet savings getbalance`],
  [
    `QUARRY_RPC_PASSWORD=… ${quarry} rpc --rpc-url http://192.168.1.20:18443 --rpc-user alice uptime`,
  ],
  [`${quarry} rpc help getblock`],
)}`
}

function formatImportHelp(quarry: string): string {
  return `
The file is as Bitcoin Core writes them (blk*.dat, bootstrap.dat) and "${quarry} export" does: magic bytes, size, block,
in the order of the chain. The magic bytes are Bitcoin's for its own chains, the chain id for any other. Every block
is judged as if a peer had sent it; what is there already is passed over. No node may be running on the data directory.
${formatExamples(
  [`${quarry} import --datadir .devnet/node-0 --chain .devnet/chain.json chain.blocks`],
  [`${quarry} import --json chain.blocks`, 'the result as JSON; progress is on standard error'],
)}
${EXIT_CODE_HELP}`
}

function formatBenchHelp(quarry: string): string {
  return `
Every engine is measured on one thread, then the miner itself on one and on all cores. A machine that is busy
with something else is slower by as much.
${formatExamples([`${quarry} bench miner`], [`${quarry} bench miner --seconds 5 --json`])}`
}

function toCamelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function describeSetting(setting: SettingDefinition): string {
  const { fallback } = setting
  const shown = Array.isArray(fallback) ? fallback.join(',') : fallback
  const hasDefault = shown !== undefined && shown !== false && shown !== ''
  const notes = [
    ...(hasDefault ? [`default: ${shown}`] : []),
    `env: ${toEnvironmentName(setting.name)}`,
  ]
  return `${setting.help} (${notes.join(', ')})`
}

/** Adds every setting of a node to a command: its flag, `--no-` for switches, aliases out of sight. */
function addSettings(command: Command): void {
  command.option('--config <file>', 'TOML file with settings (env: QUARRY_CONFIG)')
  for (const setting of SETTINGS as readonly SettingDefinition[]) {
    const { name, kind, placeholder = '', aliases = [] } = setting
    const create = (flag: string): Option => {
      const option = new Option(`${flag} ${placeholder}`.trim(), describeSetting(setting))
      return kind === 'list' ? option.argParser(collect) : option
    }
    command.addOption(create(`--${name}`))
    if (kind === 'switch') command.addOption(new Option(`--no-${name}`).hideHelp())
    for (const alias of aliases) command.addOption(create(alias).hideHelp())
  }
}

/** What the command line gave, by the settings' own names. */
function toFlags(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const flags: Record<string, unknown> = { config: options['config'] }
  for (const { name, kind, aliases = [] } of SETTINGS as readonly SettingDefinition[]) {
    const values = [`--${name}`, ...aliases]
      .map((flag) => options[toCamelCase(flag.slice(2))])
      .filter((value) => value !== undefined)
    if (values.length > 0) flags[name] = kind === 'list' ? values.flat() : values[0]
  }
  return flags
}

function addStart(program: Command): void {
  const command = program.command('start').description('run a node until it is stopped')
  addSettings(command)
  command
    .addHelpText('after', () => formatStartHelp(findProgramName()))
    .action(async (options) => {
      const { runStartCommand } = await import('./start-command.ts')
      await runStartCommand(toFlags(options))
    })
}

function addConfig(program: Command): void {
  const config = program.command('config').description('look at settings')
  const show = config.command('show').description('print the settings that "start" would use')
  show.option('--origin', 'say where each value comes from')
  show.addOption(new Option('--format <format>').choices(['toml', 'json']).default('toml'))
  addSettings(show)
  show.action(async (options: Readonly<Record<string, unknown>>) => {
    const { formatSettings } = await import('./config-command.ts')
    const text = formatSettings(toFlags(options), {
      withOrigin: options['origin'] === true,
      isJson: options['format'] === 'json',
    })
    process.stdout.write(`${text}\n`)
  })
}

function addRpc(program: Command): void {
  const command = program
    .command('rpc')
    .description('call a JSON-RPC method of a running node')
    .argument('<method>', 'such as getblockcount; "help" lists them')
    .argument('[params...]', 'its parameters')
  addNodeOptions(command)
    .option('--wallet <name>', 'wallet that the method is about, if several are loaded')
    .option('--named', 'parameters are name=value')
    .passThroughOptions()
    .addHelpText('after', () => formatRpcHelp(findProgramName()))
    .action(async (method, params, options, self) => {
      const flags = self.options.map(({ long }) => long)
      const misplaced = params.find((param) => flags.includes(param.split('=', 1)[0]))
      if (misplaced !== undefined) {
        self.error(`error: ${misplaced} must stand before ${method}; what follows it is sent`)
      }
      const { runRpc } = await import('./rpc-command.ts')
      process.exitCode = await runRpc({ method, params, ...options })
    })
}

interface BlockFileOptions {
  readonly datadir?: string | undefined
  readonly chain?: string | undefined
  readonly json: boolean
}

function addBlockFileCommands(program: Command): void {
  const add = (
    name: string,
    description: string,
    run: (options: BlockFileOptions & { readonly file: string }) => Promise<void>,
  ) =>
    program
      .command(name)
      .description(description)
      .argument('<file>', 'blocks, each behind its magic bytes and size')
      .option('--datadir <dir>', 'data directory (default: ~/.quarry, env: QUARRY_DATADIR)')
      .option('--chain <name|file>', 'chain of the file (default: devnet, env: QUARRY_CHAIN)')
      .option('--json', 'print one JSON object', false)
      .action((file, options) => run({ ...options, file }))
  add('import', 'take the blocks of a file, with no node running', async ({ json, ...options }) => {
    const { runImportCommand } = await import('./import-command.ts')
    await runImportCommand({ ...options, isJson: json })
  }).addHelpText('after', () => formatImportHelp(findProgramName()))
  add('export', 'write the chain to a file, with no node running', async ({ json, ...options }) => {
    const { runExportCommand } = await import('./import-command.ts')
    await runExportCommand({ ...options, isJson: json })
  })
}

function addBench(program: Command): void {
  program
    .command('bench')
    .description('measure this machine')
    .command('miner')
    .description('how fast every engine hashes here, and how long blocks would take')
    .option('--seconds <n>', 'how long each measurement takes', parseNumber(0.1, 60, false), 1)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', () => formatBenchHelp(findProgramName()))
    .action(async ({ seconds, json }) => {
      const { runBenchMiner } = await import('./bench-command.ts')
      process.stdout.write(`${await runBenchMiner({ seconds, isJson: json })}\n`)
    })
}

/** Checks an amount of coins; stays text, so that no digit is lost. */
function parseCoins(text: string): string {
  if (/^\d{1,8}(\.\d{1,8})?$/.test(text) && Number(text) > 0) return text
  throw new InvalidArgumentError('Use an amount of coins above 0, such as 1.5.')
}

function addFaucet(program: Command): void {
  program
    .command('faucet')
    .description("send coins of a devnet's wallet, whose seed everybody knows")
    .argument('<address>', 'where to')
    .argument('[amount]', 'coins', parseCoins, '1')
    .option('--datadir <dir>', DEVNET_FOLDER_HELP)
    .action(async (address, amount, { datadir }) => {
      const { runFaucet } = await import('./faucet-command.ts')
      process.stdout.write(`${await runFaucet({ address, amount, datadir })}\n`)
    })
}

/** Builds the whole command line. Usage errors are thrown as commander's errors. */
export function createProgram(): Command {
  const program = new Command(findProgramName())
    .description("A proof-of-work node, miner and devnet with Bitcoin's formats over libp2p")
    .version(readPackageVersion())
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for usage)')
    .addHelpText('after', () => formatProgramHelp(findProgramName()))
    .exitOverride()
  addStart(program)
  addRpc(program)
  addEventCommands(program)
  addMine(program)
  addBlockFileCommands(program)
  addBench(program)
  addDevnet(program)
  addFaucet(program)
  addConfig(program)
  honourEveryWord(program)
  return program
}

/**
 * Runs the command that the arguments name.
 *
 * @param argv - As in `process.argv`.
 * @returns The exit code, or undefined if the command goes on and ends the process itself.
 */
export async function runCli(argv: readonly string[]): Promise<number | undefined> {
  try {
    await createProgram().parseAsync(argv)
    return undefined
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage
    }
    process.stderr.write(`quarry: ${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  }
}
