/** @module What the parts of the command line share. */

import {
  type Command,
  type CommandUnknownOpts,
  InvalidArgumentError,
  type OptionValues,
} from '@commander-js/extra-typings'
import { findClosestName } from '../../util/closest-name.ts'
import { findUnknownVariables } from './unknown-variables.ts'

/** The last paragraph of help texts. */
export const EXIT_CODE_HELP = `
Exit codes:
  0 ok · 1 failure · 2 usage · 3 bad settings or chain spec · 4 data directory in use
  5 port in use · 6 database damaged · 7 data of another chain · 8 disk full
  (rpc: 0, or the error's code without its sign, as bitcoin-cli does)`

/** Help of `--datadir` wherever it is the folder of a devnet. */
export const DEVNET_FOLDER_HELP =
  'folder of the devnet (default: .devnet in the working copy; in the directory of the caller where Quarry is installed)'

/** Examples, each with its note behind it where it has one. */
export function formatExamples(
  ...examples: readonly (readonly [line: string, note?: string])[]
): string {
  const width = Math.max(...examples.map(([line, note]) => (note === undefined ? 0 : line.length)))
  const lines = examples.map(
    ([line, note]) => `  $ ${note === undefined ? line : `${line.padEnd(width + 3)}${note}`}`,
  )
  return `\nExamples:\n${lines.join('\n')}`
}

/** A parser of numbers within bounds, for commander. */
export function parseNumber(min: number, max: number, isInteger = true): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= min && value <= max && (!isInteger || Number.isInteger(value))) return value
    throw new InvalidArgumentError(
      `Use a ${isInteger ? 'whole ' : ''}number from ${min} to ${max}.`,
    )
  }
}

/** A parser of an option that may be repeated, for commander. */
export function collect(value: string, previous: unknown): string[] {
  return [...(Array.isArray(previous) ? previous : []), value]
}

/** Adds the options by which a command finds a node that runs. */
export function addNodeOptions<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) {
  return command
    .option(
      '--datadir <dir>',
      'data directory of the node (default: ~/.quarry, env: QUARRY_DATADIR)',
    )
    .option('--chain <name|file>', 'chain of the node (default: devnet, env: QUARRY_CHAIN)')
    .option(
      '--rpc-url <url>',
      'where the node is, if the data directory does not say; may begin with user:password@',
    )
    .option('--rpc-port <port>', 'the same, on this machine', parseNumber(1, 65_535))
    .option(
      '--rpc-user <name>',
      'user that "rpcauth" has made (default: the cookie of the data directory, env: QUARRY_RPC_USER)',
    )
    .option(
      '--rpc-password <password>',
      'password of that user; - reads it from standard input (env: QUARRY_RPC_PASSWORD, which "ps" does not show)',
    )
}

/** Hands options that stand before the name of a subcommand on to that subcommand, or refuses them. */
function passOnOptions(parent: CommandUnknownOpts, command: CommandUnknownOpts): void {
  for (const option of parent.options) {
    const name = option.attributeName()
    if (parent.getOptionValueSource(name) !== 'cli') continue
    const flag = option.long ?? option.flags
    // The same flags mean the same form: its value has been read already.
    if (!command.options.some(({ flags }) => flags === option.flags)) {
      command.error(
        `error: ${flag} stands before "${command.name()}", which has no such option; it belongs to "${parent.name()}" without a command`,
      )
    }
    if (command.getOptionValueSource(name) === 'cli') {
      command.error(`error: ${flag} is given twice, before and after "${command.name()}"`)
    }
    command.setOptionValueWithSource(name, parent.getOptionValue(name), 'cli')
  }
}

/** Refuses a word behind a command that has subcommands, and does something by itself, too. */
function refuseUnknownCommand(command: CommandUnknownOpts): void {
  const [word] = command.args
  if (command.commands.length === 0 || word === undefined) return
  const closest = findClosestName(
    word,
    command.commands.map((subcommand) => subcommand.name()),
  )
  const hint = closest === undefined ? '' : `; did you mean "${closest}"?`
  command.error(`error: "${command.name()}" has no command "${word}"${hint}`)
}

/** A mistyped variable changes nothing, and its owner has to hear of it. `start` has a log for that. */
function warnOfUnknownVariables(command: CommandUnknownOpts): void {
  if (command.name() === 'start' && command.parent?.parent === null) return
  for (const warning of findUnknownVariables(process.env)) {
    process.stderr.write(`quarry: ${warning}\n`)
  }
}

/**
 * Makes sure that no word of a line is passed over: an option of a command counts for its subcommands as well.
 *
 * @param program - With all its commands. Those that act by themselves and have subcommands must allow excess arguments.
 */
export function honourEveryWord(program: CommandUnknownOpts): void {
  program.hook('preAction', (_, command) => {
    refuseUnknownCommand(command)
    warnOfUnknownVariables(command)
    for (let parent = command.parent; parent !== null; parent = parent.parent) {
      passOnOptions(parent, command)
    }
  })
}
