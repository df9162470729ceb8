/** @module What a devnet prints: JSON lines for programs, a page and a live line for people. */

import type { ChainSpec } from '../../consensus/index.ts'
import {
  type DevnetEvent,
  type DevnetOutcome,
  describeExit,
  formatStatusLine,
  type NodeAddress,
} from '../../devnet/index.ts'
import type { DevnetFolder } from './devnet-folder.ts'
import { packagePath } from './package-root.ts'
import { quoteArgument, shortenPath } from './program-name.ts'
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

/** The lines that say what to do next. Their paths are whole: they are pasted into another terminal. */
export function formatNextSteps(
  folder: DevnetFolder,
  addresses: readonly NodeAddress[],
): readonly string[] {
  const [first] = addresses
  if (first === undefined) return []
  const quarry = quoteArgument(packagePath('scripts/quarry'))
  const spec = quoteArgument(folder.specPath)
  const directory = quoteArgument(folder.nodeDirectory(first.index))
  const extra = quoteArgument(`${folder.path}/extra`)
  return [
    `Query      ${quarry} rpc --datadir ${directory} getblockchaininfo`,
    `Add a node ${quarry} start --chain ${spec} --datadir ${extra} --listen /ip4/127.0.0.1/tcp/0 --rpc-port 0 --peer ${first.multiaddr}`,
    'Stop       Ctrl-C (the chain is kept; --reset begins a new one)',
  ]
}

/** For a person at a terminal. */
export function createHumanOutput(
  terminal: Terminal,
  style: Style,
  folder: DevnetFolder,
  workingDirectory: string,
): DevnetOutput {
  return {
    onChain: (spec, chainId, isNew) => {
      const { targetSpacingSeconds, windowBlocks } = spec.retarget
      terminal.line('')
      terminal.line(
        `  ${style.bold('Quarry devnet')} · a block every ${targetSpacingSeconds} s, difficulty follows every ${windowBlocks} blocks`,
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
        terminal.line(
          `  ${style.green(`node ${event.index}`)}  RPC ${event.rpcUrl}  cookie ${shortenPath(event.cookiePath, workingDirectory)}`,
        )
        terminal.line(style.dim(`          ${event.multiaddr}  pid ${event.pid}`))
      } else {
        terminal.line(style.red(describeExit(event.index, event)))
        for (const line of event.logTail) terminal.line(style.dim(`    ${line}`))
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
