/** @module The command line of `quarry mine`. */

import { availableParallelism } from 'node:os'
import type { Command } from '@commander-js/extra-typings'
import {
  addNodeOptions,
  collect,
  EXIT_CODE_HELP,
  formatExamples,
  parseNumber,
} from './cli-support.ts'
import { findProgramName } from './program-name.ts'

function formatMineHelp(quarry: string): string {
  return `
Fetches block templates from the node (getblocktemplate) and hands blocks in (submitblock). Address and password
are found in the data directory of a node that runs; coins go to that node's own key unless --address says where.

With --stratum it mines for a pool instead, such as "${quarry} start --stratum 3333" on any machine. Shares count for
--user; the pool pays, and --payout checks each job for the address. A pool that is lost is tried again, in turn with
the others, ever more rarely up to each half minute. client.reconnect is followed on the same host alone.

Prints a live view on a terminal; on a pipe, or with --json, one JSON object a line: "start", "status" every
second, "block" (for a pool: "share") for each that was handed in, "connection", "warning" and "fault" when something
is wrong, "message" for a text of the pool, and last "done".
${formatExamples(
  [`${quarry} mine --datadir .devnet/node-0 --chain .devnet/chain.json`],
  [`${quarry} mine --threads auto --throttle 0.5`],
  [`${quarry} mine --stratum stratum+tcp://127.0.0.1:3333 --user rig1`, 'for a pool'],
  [
    `${quarry} mine --stratum pool-a:3333 --stratum pool-b:3333 --user bcrt1q….rig1 --payout bcrt1q…`,
  ],
  [`${quarry} mine --blocks 10 --json | grep '"block"'`],
)}
${EXIT_CODE_HELP}`
}

/** A parser of a number of threads, or `auto`: all cores but one. More than four a core only take turns. */
function parseThreads(text: string): number {
  const cores = availableParallelism()
  if (text === 'auto') return Math.max(1, cores - 1)
  return parseNumber(1, Math.min(4 * cores, 256))(text)
}

/** Options that say where a node is or whom it pays, and those that are about pools; by their names in `options`. */
const NODE_OPTIONS = ['address', 'datadir', 'rpcUrl', 'rpcPort', 'rpcUser', 'rpcPassword'] as const
const POOL_OPTIONS = ['user', 'password', 'payout'] as const

/** Says which option has no meaning beside the others. */
function findMisplaced(options: Readonly<Record<string, unknown>>): string | undefined {
  const isForPool = options['stratum'] !== undefined
  const misplaced = (isForPool ? NODE_OPTIONS : POOL_OPTIONS).find(
    (name) => options[name] !== undefined,
  )
  if (misplaced === undefined) return undefined
  const flag = `--${misplaced.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  return isForPool
    ? `${flag} is about a node, and --stratum mines for a pool; the pool pays whom --user names`
    : `${flag} is about a pool: name one with --stratum`
}

/** `quarry mine`, for a node or for pools. */
export function addMine(program: Command): void {
  const command = program
    .command('mine')
    .description('mine for a node that runs, or for a pool, with a live view')
  addNodeOptions(command)
    .option(
      '--address <address[=share]>',
      "where mined coins go (default: to the node's own key); may be repeated, to share them",
      collect,
    )
    .option(
      '--stratum <url>',
      'mine for a pool, as stratum+tcp://host:port; may be repeated: the next is used while those before fail',
      collect,
    )
    .option(
      '--user <name>',
      'who logs in at the pool, mostly address.worker (default: what --payout names, or "quarry")',
    )
    .option('--password <text>', 'what the pool wants beside it (default: x)')
    .option('--payout <address>', 'warn when a job does not pay this address of --chain')
    .option(
      '--threads <n|auto>',
      'mining threads (default: auto, one fewer than there are cores)',
      parseThreads,
    )
    .option('--throttle <share>', 'share of a core for each', parseNumber(0.01, 1, false), 1)
    .option('--version-rolling', 'try several versions beside each nonce (BIP-0320)', false)
    .option('--blocks <n>', 'stop when so many were taken', parseNumber(1, 10_000_000))
    .option('--json', 'print JSON lines, on a terminal, too', false)
    .addHelpText('after', () => formatMineHelp(findProgramName()))
    .action(async (options, self) => {
      const misplaced = findMisplaced(options)
      if (misplaced !== undefined) self.error(`error: ${misplaced}`)
      const { address, stratum, threads, versionRolling, blocks, json, ...rest } = options
      const habits = {
        threads: threads ?? parseThreads('auto'),
        throttle: options.throttle,
        isVersionRolled: versionRolling,
        untilBlocks: blocks,
        isJson: json,
      }
      if (stratum === undefined) {
        const { runMineCommand } = await import('./mine-command.ts')
        await runMineCommand({ ...rest, ...habits, addresses: address ?? [] })
        return
      }
      const { runStratumMineCommand } = await import('./stratum-mine-command.ts')
      const { user, password = 'x', payout, chain } = options
      await runStratumMineCommand({ ...habits, pools: stratum, user, password, payout, chain })
    })
}
