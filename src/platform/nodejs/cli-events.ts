/** @module The commands `quarry tail` and `quarry rpcauth`. */

import { type Command, InvalidArgumentError } from '@commander-js/extra-typings'
import type { EventTopic } from '../../rpc/index.ts'
import { addNodeOptions, formatExamples, parseNumber } from './cli-support.ts'
import { findProgramName } from './program-name.ts'

/** All topics, held to those of a node by their type: loading its list would slow every command down. */
const TOPICS = Object.keys({
  blocks: true,
  reorgs: true,
  mempool: true,
  peers: true,
  miner: true,
  pool: true,
} satisfies Record<EventTopic, true>)

function formatTailHelp(quarry: string): string {
  return `
Topics are ${TOPICS.join(', ')}. Follows the node over its restarts: once the connection has broken it
is made again, and goes on after the last event that was printed. The node keeps its last 4,096 events; what is
lost beyond them, or with a node that stops, is told as a gap.

Prints lines for people on a terminal; on a pipe, or with --json, one JSON object a line: an event with "seq",
"time_ms", "topic", "type" and "data", or "type" "gap", or "type" "connection" with the problem, or null when it is over.
${formatExamples(
  [`${quarry} tail --datadir .devnet/node-0 --chain .devnet/chain.json`],
  [
    `${quarry} tail --topics blocks,reorgs --since 0`,
    'what the node still knows, and then what comes',
  ],
  [`${quarry} tail --topics mempool --json | grep '"added"'`],
)}`
}

function formatRpcAuthHelp(quarry: string): string {
  return `
The node knows the hash of the password alone. A user may call every method, unless the node is started with
--rpc-whitelist: "alice:getblockcount,getblock", or "alice:subscribe" for events. As soon as one user has a whitelist, those
without may call nothing, with the cookie (user __cookie__) neither, unless --no-rpc-whitelist-default is given.
${formatExamples(
  [`${quarry} rpcauth alice`, 'with a random password'],
  [`${quarry} rpcauth alice - < password.txt`],
)}`
}

function parseTopics(text: string): string[] {
  const topics = text.split(',').map((topic) => topic.trim())
  if (topics.every((topic) => TOPICS.includes(topic))) return topics
  throw new InvalidArgumentError(`Topics are: ${TOPICS.join(', ')}.`)
}

function addTail(program: Command): void {
  const command = program.command('tail').description('print what happens in a node that runs')
  addNodeOptions(command)
    .option('--topics <topics>', 'what about, with commas (default: everything)', parseTopics)
    .option(
      '--since <seq>',
      'the number of the last event that you know; 0 for all that the node has kept (default: new events alone)',
      parseNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--json', 'print JSON lines, on a terminal, too', false)
    .addHelpText('after', () => formatTailHelp(findProgramName()))
    .action(async ({ json, ...options }) => {
      const { runTailCommand } = await import('./tail-command.ts')
      await runTailCommand({ ...options, topics: options.topics ?? [], isJson: json })
    })
}

function addRpcAuth(program: Command): void {
  program
    .command('rpcauth')
    .description('make a further user for the RPC of a node')
    .argument('<user>', 'the name')
    .argument('[password]', '- to read it from standard input (default: a random one)')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', () => formatRpcAuthHelp(findProgramName()))
    .action(async (user, password, { json }) => {
      const { runRpcAuthCommand } = await import('./rpc-auth-command.ts')
      process.stdout.write(`${await runRpcAuthCommand({ user, password, isJson: json })}\n`)
    })
}

/** Adds both. */
export function addEventCommands(program: Command): void {
  addTail(program)
  addRpcAuth(program)
}
