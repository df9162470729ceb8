/** @module What a devnet prints: JSON lines for programs, a page and a live line for people. */

import type { ChainSpec } from '../../consensus/index.ts'
import {
  type DevnetEvent,
  type DevnetFaults,
  type DevnetOutcome,
  describeExit,
  formatStatusLine,
  MAX_RESTARTS,
  type NodeAddress,
} from '../../devnet/index.ts'
import type { DevnetFolder } from './devnet-folder.ts'
import { findWholeProgramName, quoteArgument, shortenPath } from './program-name.ts'
import type { Style, Terminal } from './terminal.ts'

/** Where the story of a devnet is told. */
export interface DevnetOutput {
  onChain(spec: ChainSpec, chainId: string, isNew: boolean): void
  onEvent(event: DevnetEvent): void
  /** Every node is up. */
  onReady(addresses: readonly NodeAddress[]): void
  /** The last thing that is printed. */
  onOutcome(outcome: DevnetOutcome): void
}

/** One JSON object a line, nothing else. */
export function createJsonOutput(terminal: Terminal): DevnetOutput {
  const print = (value: object): void => terminal.line(JSON.stringify(value))
  return { onChain: () => {}, onEvent: print, onReady: () => {}, onOutcome: print }
}

/** The faults of a devnet in words, one for each kind. */
export function formatFaults({ partition, slow }: DevnetFaults): readonly string[] {
  const lines = [
    ...(partition === null ? [] : [`partition ${partition.map(String).join(' | ')}`]),
    ...slow.map(
      ({ node, latencyMs, jitterMs, bytesPerSecond }) =>
        `node ${node} slower by ${latencyMs} ms${jitterMs > 0 ? ` and up to ${jitterMs} ms more` : ''}${
          bytesPerSecond === undefined ? '' : `, ${bytesPerSecond} bytes a second`
        }`,
    ),
  ]
  return lines.length === 0 ? ['no faults'] : lines
}

/** Where miners connect, as one more field of a line; nothing if they cannot. */
export function formatStratum({ stratumUrl }: NodeAddress): string {
  return stratumUrl === undefined ? '' : `  Stratum ${stratumUrl}`
}

/** The lines that say what to do next. Their paths are whole: they are pasted into another terminal. */
export function formatNextSteps(
  folder: DevnetFolder,
  addresses: readonly NodeAddress[],
): readonly string[] {
  const [first] = addresses
  if (first === undefined) return []
  const quarry = findWholeProgramName()
  const spec = quoteArgument(folder.specPath)
  const directory = quoteArgument(folder.nodeDirectory(first.index))
  const extra = quoteArgument(`${folder.path}/extra`)
  return [
    `Query      ${quarry} rpc --datadir ${directory} getblockchaininfo`,
    `Add a node ${quarry} start --chain ${spec} --datadir ${extra} --listen /ip4/127.0.0.1/tcp/0 --rpc-port 0 --peer ${first.multiaddr}`,
    `Faults     ${quarry} devnet partition --datadir ${quoteArgument(folder.path)} 0 1`,
    ...(first.stratumUrl === undefined
      ? []
      : [
          `Mine       ${quarry} mine --stratum ${first.stratumUrl} (any other miner, too: user <address>.<name>, or a plain name to pay the wallet of this devnet)`,
        ]),
    `Coins      ${quarry} faucet --datadir ${quoteArgument(folder.path)} <address> [amount] (its wallet is known to everybody: never use it elsewhere)`,
    'Stop       Ctrl-C (the chain is kept; --reset begins a new one)',
  ]
}

/** How the nodes of a devnet are run. */
export interface NodeHabits {
  readonly threads: number
  readonly throttle: number
  readonly hasStratum: boolean
}

/** The line that brings back a node that stays down. `peers` are the multiaddrs of those that are up. */
export function formatBringBack(
  folder: DevnetFolder,
  index: number,
  peers: readonly string[],
  { threads, throttle, hasStratum }: NodeHabits,
): string {
  const quarry = findWholeProgramName()
  const spec = quoteArgument(folder.specPath)
  const directory = quoteArgument(folder.nodeDirectory(index))
  const flags = peers.map((peer) => ` --peer ${peer}`).join('')
  const stratum = hasStratum ? ' --stratum 127.0.0.1:0' : ''
  return `${quarry} start --chain ${spec} --datadir ${directory} --listen /ip4/127.0.0.1/tcp/0 --rpc-port 0${stratum} --mine --threads ${threads} --throttle ${throttle}${flags}`
}

/**
 * For a person at a terminal.
 *
 * @param habits - Undefined if a node that stays down ends the devnet, so that it is not brought back alone.
 */
export function createHumanOutput(
  terminal: Terminal,
  style: Style,
  folder: DevnetFolder,
  workingDirectory: string,
  habits?: NodeHabits,
): DevnetOutput {
  const up = new Map<number, NodeAddress>()
  const printEnd = (event: Extract<DevnetEvent, { type: 'exit' | 'restart-failed' }>): void => {
    const { index, restart } = event
    const text = event.type === 'exit' ? describeExit(index, event) : event.reason
    // What follows the first line is the end of the log: it is for the file, not for the page.
    const [what = ''] = text.split('\n')
    const isEnd = restart === null && (habits === undefined || up.size === 0)
    const next =
      restart === null ? 'it stays down' : `starting it again (${restart} of ${MAX_RESTARTS})`
    terminal.line(`  ${style.red(isEnd ? what : `${what}; ${next}`)}`)
    if (restart !== null || isEnd || habits === undefined) return
    const peers = [...up.values()].map(({ multiaddr }) => multiaddr)
    terminal.line(`  Bring back ${formatBringBack(folder, index, peers, habits)}`)
  }
  return {
    onChain: (spec, chainId, isNew) => {
      const { targetSpacingSeconds, windowBlocks } = spec.retarget
      terminal.line('')
      terminal.line(
        `  ${style.bold('Quarry devnet')} · a block every ${targetSpacingSeconds} s, difficulty follows ${windowBlocks === 1 ? 'every block' : `every ${windowBlocks} blocks`}`,
      )
      terminal.line(
        `  ${isNew ? 'new chain' : 'going on with chain'} ${chainId} in ${shortenPath(folder.path, workingDirectory)}`,
      )
      terminal.line('')
      terminal.live('  starting …')
    },
    onEvent: (event) => {
      if (event.type === 'status') {
        terminal.live(formatStatusLine(event, terminal.liveColumns))
      } else if (event.type === 'node') {
        up.set(event.index, event)
        terminal.line(
          `  ${style.green(`node ${event.index}`)}  RPC ${event.rpcUrl}${formatStratum(event)}  cookie ${shortenPath(event.cookiePath, workingDirectory)}`,
        )
        terminal.line(style.dim(`          ${event.multiaddr}  pid ${event.pid}`))
      } else if (event.type === 'faults') {
        terminal.line(`  ${style.bold(formatFaults(event).join('; '))}`)
      } else if (event.type === 'down') {
        up.delete(event.index)
        terminal.line(
          `  node ${event.index} was taken down; "restart ${event.index}" brings it back`,
        )
      } else {
        up.delete(event.index)
        printEnd(event)
      }
    },
    onReady: (addresses) => {
      terminal.line('')
      for (const step of formatNextSteps(folder, addresses)) {
        terminal.line(`  ${step}`)
      }
      terminal.line('')
    },
    onOutcome: (outcome) => {
      terminal.endLive()
      if (outcome.type === 'failed') terminal.line(style.red(`Failed: ${outcome.reason}`))
      else terminal.line(`Stopped at height ${outcome.height}. Every node is gone.`)
    },
  }
}
