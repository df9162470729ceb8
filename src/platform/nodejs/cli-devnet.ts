/** @module The command line of `quarry devnet`, and of the commands for a devnet that runs. */

import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from '@commander-js/extra-typings'
import type { DevnetCommand } from '../../devnet/index.ts'
import { countOf } from '../../util/count-of.ts'
import { DEVNET_FOLDER_HELP, EXIT_CODE_HELP, formatExamples, parseNumber } from './cli-support.ts'
import { findDevnetFolder, findProgramName } from './program-name.ts'

function formatDevnetHelp(quarry: string): string {
  return `
Prints a page and a live line on a terminal; on a pipe, or with --json, one JSON object a line: "node" for
each node that is up, "status" every second, "exit" for a node that ends by itself, "down" for one that a
command took down, "faults" when they change, and last "done" or "failed" with the reason. A node that ends
by itself is started again up to three times, unless there is a height to reach.

While it runs, the commands above work from another terminal. Nodes are numbered from 0. Nodes that you have
added yourself belong to no group and are never slow. Faults outlive a restart of a node, not of the devnet.
${formatExamples(
  [`${quarry} devnet --spacing 1 --window 10`],
  [`${quarry} devnet --nodes 5 --throttle 0.2 --datadir .devnet-five`],
  [`${quarry} devnet --until-height 45 --json | tail -1`],
  [`${quarry} devnet --stratum`, 'miners connect to stratum+tcp://127.0.0.1:3333'],
  [`${quarry} devnet partition 0,1 2`, 'two sides that mine on their own'],
  [`${quarry} devnet slow 2 500ms --jitter 100ms`],
  [`${quarry} devnet heal`],
)}
${EXIT_CODE_HELP}`
}

const DURATION = /^(?<value>\d+(?:\.\d+)?)(?<unit>ms|s)$/
const BANDWIDTH = /^(?<value>\d+(?:\.\d+)?)(?<unit>k|M)?B?$/
/** The bounds of `DEVNET_COMMAND`, which would be slow to load here. */
const MAX_LATENCY_MS = 1_000
const MIN_BANDWIDTH = 100

/** Reads `500ms` or `1.5s`, into milliseconds. */
function parseLatency(text: string): number {
  const { value, unit } = DURATION.exec(text)?.groups ?? {}
  const durationMs = Number(value) * (unit === 's' ? 1_000 : 1)
  if (durationMs <= MAX_LATENCY_MS) return durationMs
  throw new InvalidArgumentError(
    Number.isNaN(durationMs)
      ? 'Use a duration up to 1s, such as 500ms or 0.2s.'
      : 'Use a duration up to 1s: to connect takes eight messages one after the other, for which a node waits 10 s.',
  )
}

/** Reads `20000`, `20kB` or `1MB`, into bytes per second. */
function parseRate(text: string): number {
  const { value, unit } = BANDWIDTH.exec(text)?.groups ?? {}
  const bytes = Number(value) * (unit === 'k' ? 1e3 : unit === 'M' ? 1e6 : 1)
  if (bytes >= MIN_BANDWIDTH) return bytes
  throw new InvalidArgumentError('Use bytes per second from 100, such as 20kB or 1MB.')
}

/** Adds a group of nodes, `0,1,4`, to those before it. */
function collectGroups(text: string, previous: readonly number[][] = []): number[][] {
  if (/^\d{1,2}(,\d{1,2})*$/.test(text)) return [...previous, text.split(',').map(Number)]
  throw new InvalidArgumentError('Use numbers of nodes with commas and no spaces, such as 0,1.')
}

/** Adds the options of a devnet that is started, and what starts it. */
function addRunOptions(command: Command): void {
  const cores = availableParallelism()
  command
    .option('--nodes <n>', 'how many', parseNumber(1, 50), 3)
    .option('--spacing <seconds>', 'time between blocks (default: 5)', parseNumber(1, 86_400))
    .option('--window <blocks>', 'blocks between retargets (default: 20)', parseNumber(2, 100_000))
    .option(
      '--threads <n>',
      `mining threads of each node; ${countOf(cores, 'core')} here`,
      // More would only take turns; a slip of the finger could bring the machine to a stand.
      parseNumber(1, cores),
      1,
    )
    .option(
      '--throttle <share>',
      'share of a core for each thread',
      parseNumber(0.01, 1, false),
      0.5,
    )
    .option('--stratum', 'let miners connect to each node, from port 3333 upwards', false)
    .option('--until-height <n>', 'stop when all agree at this height', parseNumber(1, 10_000_000))
    .option('--timeout <seconds>', 'fail after so long', parseNumber(1, 1_000_000))
    .option('--reset', 'wipe the chain of the folder and begin a new one', false)
    .option('--json', 'print JSON lines, on a terminal, too', false)
    .option('--datadir <dir>', DEVNET_FOLDER_HELP)
    .addHelpText('after', () => formatDevnetHelp(findProgramName()))
    .action(async (options) => {
      const { runDevnetCommand } = await import('./devnet-command.ts')
      const { measureHashRate } = await import('./measure-hash-rate.ts')
      await runDevnetCommand(
        {
          folderPath: options.datadir === undefined ? findDevnetFolder() : resolve(options.datadir),
          nodeCount: options.nodes,
          spacingSeconds: options.spacing,
          windowBlocks: options.window,
          threads: options.threads,
          throttle: options.throttle,
          hasStratum: options.stratum,
          untilHeight: options.untilHeight,
          timeoutSeconds: options.timeout,
          isReset: options.reset,
          isJson: options.json,
        },
        measureHashRate,
      )
    })
}

/** What every command for a running devnet takes. */
interface ClientOptions {
  readonly datadir?: string | undefined
  readonly json: boolean
}

async function give(command: DevnetCommand, options: ClientOptions): Promise<void> {
  const { runDevnetClient } = await import('./devnet-client.ts')
  await runDevnetClient(command, options)
}

/** Begins a command for a running devnet. */
function addClient(devnet: Command, name: string, description: string) {
  return devnet
    .command(name)
    .description(description)
    .option('--datadir <dir>', DEVNET_FOLDER_HELP)
    .option('--json', 'print the answer as one JSON object', false)
}

const parseNode = parseNumber(0, 49)

function addClients(devnet: Command): void {
  addClient(devnet, 'status', 'how each node is, and which faults apply').action((options) =>
    give({ type: 'status' }, options),
  )
  addClient(devnet, 'partition', 'part nodes, so that groups cannot reach each other')
    .argument(
      '<groups...>',
      'numbers of nodes: 0,1 2 is two groups; all others are one more',
      collectGroups,
    )
    .action((groups, options) => give({ type: 'partition', groups }, options))
  addClient(devnet, 'heal', 'end all faults: partitions and slowness').action((options) =>
    give({ type: 'heal' }, options),
  )
  addClient(devnet, 'slow', 'make everything later that a node sends or is sent')
    .argument('<node>', 'its number', parseNode)
    .argument('<latency>', 'such as 500ms or 0.2s, up to 1s; 0ms ends it', parseLatency)
    .option('--jitter <duration>', 'up to so much more', parseLatency, 0)
    .option('--bandwidth <bytes>', 'cap of each connection per second, such as 20kB', parseRate)
    .action((node, latencyMs, { jitter, bandwidth, ...options }) =>
      give({ type: 'slow', node, latencyMs, jitterMs: jitter, bytesPerSecond: bandwidth }, options),
    )
  addClient(devnet, 'kill', 'end a node as a crash would; it stays down')
    .argument('<node>', 'its number', parseNode)
    .action((node, options) => give({ type: 'kill', node }, options))
  addClient(
    devnet,
    'restart',
    'stop a node in order and start it again, or bring back one that is down',
  )
    .argument('<node>', 'its number', parseNode)
    .action((node, options) => give({ type: 'restart', node }, options))
  addClient(devnet, 'stop', 'stop all nodes in order, as Ctrl-C does; the chain is kept').action(
    (options) => give({ type: 'stop' }, options),
  )
}

/** `quarry devnet`, alone or followed by a command. */
export function addDevnet(program: Command): void {
  const devnet = program
    .command('devnet')
    .description('run several mining nodes on this machine; break and heal their network')
    // What follows the name of a command is that command's.
    .enablePositionalOptions()
    // A mistyped command is named as such: see `honourEveryWord`.
    .allowExcessArguments()
  addRunOptions(devnet)
  addRunOptions(devnet.command('start').description('the same as without a command: run the nodes'))
  addClients(devnet)
}
