/** @module `quarry devnet`: the supervisor in a process of its own, with a folder, a terminal and signals. */

import { availableParallelism } from 'node:os'
import { type ChainSpec, computeChainId } from '../../consensus/index.ts'
import {
  type ChainWishes,
  checkSpecMatches,
  createDevnetSpec,
  DEFAULT_SPACING_SECONDS,
  Devnet,
  type DevnetEvent,
  type DevnetOutcome,
  HASH_RATE_SAMPLE_MS,
  type NodeAddress,
} from '../../devnet/index.ts'
import { toErrorMessage } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import { type ControlAddress, startControlServer } from './devnet-control.ts'
import {
  type DevnetFolder,
  openDevnetFolder,
  readDevnetSpec,
  resetDevnetFolder,
  writeDevnetFile,
  writeDevnetSpec,
} from './devnet-folder.ts'
import { ProcessLauncher } from './devnet-launcher.ts'
import { createHumanOutput, createJsonOutput, type DevnetOutput } from './devnet-output.ts'
import { createNodeCaller } from './devnet-rpc.ts'
import { EXIT_CODES, exitCodeOf } from './exit-codes.ts'
import { packagePath } from './package-root.ts'
import { installShutdown, type Shutdown } from './signals.ts'
import { createStyle, supportsColor, Terminal } from './terminal.ts'

/** Time beside the blocks' own when nobody says how long to wait: for the first retargets to bite. */
const DEFAULT_TIMEOUT_BASE_SECONDS = 120
/** By default, blocks may take this many times their spacing. */
const DEFAULT_TIMEOUT_SPACINGS = 4

/** What `quarry devnet` was told, checked by the command line. */
export interface DevnetCommandOptions extends ChainWishes {
  /** Absolute. */
  readonly folderPath: string
  readonly nodeCount: number
  readonly threads: number
  readonly throttle: number
  /** Whether miners can connect to the nodes. */
  readonly hasStratum: boolean
  readonly untilHeight?: number | undefined
  readonly timeoutSeconds?: number | undefined
  readonly isReset: boolean
  /** JSON lines even on a terminal. */
  readonly isJson: boolean
}

/**
 * Measures one thread's hash rate.
 *
 * @param durationMs - How long to measure.
 * @returns Hashes per second.
 */
export type MeasureHashRate = (durationMs: number) => Promise<number>

/** What a run is given beside its options. */
interface RunContext {
  readonly measureHashRate: MeasureHashRate
  readonly signal: AbortSignal
  /** Asks for the end, as Ctrl-C does. */
  readonly stop: () => void
}

async function prepareChain(
  folder: DevnetFolder,
  options: DevnetCommandOptions,
  measureHashRate: MeasureHashRate,
): Promise<{ spec: ChainSpec; isNew: boolean }> {
  if (options.isReset) await resetDevnetFolder(folder)
  const existing = await readDevnetSpec(folder)
  if (existing !== undefined) {
    checkSpecMatches(existing, options)
    return { spec: existing, isNew: false }
  }
  const rate = {
    hashesPerSecondPerThread: await measureHashRate(HASH_RATE_SAMPLE_MS),
    nodeCount: options.nodeCount,
    threadsPerNode: options.threads,
    throttle: options.throttle,
    availableCores: availableParallelism(),
  }
  const spec = createDevnetSpec(options, rate, Math.floor(systemClock.now() / 1_000))
  await writeDevnetSpec(folder, spec)
  return { spec, isNew: true }
}

/** With a height to reach there is always a time-out; without one only if it was asked for. */
function computeTimeoutMs(options: DevnetCommandOptions, spec: ChainSpec): number | undefined {
  const { untilHeight, timeoutSeconds } = options
  if (timeoutSeconds !== undefined) return timeoutSeconds * 1_000
  if (untilHeight === undefined) return undefined
  const spacing = spec.retarget.targetSpacingSeconds ?? DEFAULT_SPACING_SECONDS
  return (DEFAULT_TIMEOUT_BASE_SECONDS + DEFAULT_TIMEOUT_SPACINGS * untilHeight * spacing) * 1_000
}

function createLauncher(folder: DevnetFolder, options: DevnetCommandOptions): ProcessLauncher {
  return new ProcessLauncher({
    command: [process.execPath, packagePath('dist/program/nodejs/main.js')],
    specPath: folder.specPath,
    nodeDirectory: (index) => folder.nodeDirectory(index),
    threads: options.threads,
    throttle: options.throttle,
    hasStratum: options.hasStratum,
    environment: process.env,
  })
}

/** Keeps `devnet.json` up to date, one write after the other, and notices when all nodes are up. */
function createRecorder(
  folder: DevnetFolder,
  spec: ChainSpec,
  output: DevnetOutput,
  nodeCount: number,
  control: ControlAddress,
) {
  const addresses = new Map<number, NodeAddress>()
  let written: Promise<void> = Promise.resolve()
  let isReady = false
  const write = (nodes: readonly NodeAddress[]): void => {
    written = written
      .then(() => writeDevnetFile(folder, spec, nodes, control))
      .catch((error: unknown) => {
        process.stderr.write(`devnet.json could not be written: ${toErrorMessage(error)}\n`)
      })
  }
  write([])
  return {
    onEvent: (event: DevnetEvent): void => {
      output.onEvent(event)
      if (event.type === 'exit' || event.type === 'down') addresses.delete(event.index)
      else if (event.type !== 'node') return
      else {
        const { type: _, ...address } = event
        addresses.set(event.index, address)
      }
      const nodes = [...addresses.values()]
      write(nodes)
      if (isReady || event.type !== 'node' || event.index !== nodeCount - 1) return
      isReady = true
      output.onReady(nodes)
    },
    close: async (): Promise<void> => {
      await written
      await writeDevnetFile(folder, spec, [], null)
    },
  }
}

async function runInFolder(
  folder: DevnetFolder,
  options: DevnetCommandOptions,
  context: RunContext & { readonly output: DevnetOutput },
): Promise<DevnetOutcome> {
  const { spec, isNew } = await prepareChain(folder, options, context.measureHashRate)
  context.output.onChain(spec, computeChainId(spec), isNew)
  const control = await startControlServer(async (command) => {
    if (command.type !== 'stop') return devnet.control(command)
    // The answer first: with the devnet its server goes.
    setImmediate(context.stop)
    return { type: 'stopping' }
  })
  const recorder = createRecorder(folder, spec, context.output, options.nodeCount, control.address)
  const launcher = createLauncher(folder, options)
  const killAll = (): void => launcher.killAll()
  process.on('exit', killAll)
  const isWindowed = spec.retarget.algorithm === 'bitcoin' && !spec.retarget.noRetargeting
  const devnet = new Devnet(
    { launcher, callNode: createNodeCaller(), clock: systemClock, onEvent: recorder.onEvent },
    {
      nodeCount: options.nodeCount,
      retargetWindowBlocks: isWindowed ? spec.retarget.windowBlocks : undefined,
      untilHeight: options.untilHeight,
      timeoutMs: computeTimeoutMs(options, spec),
    },
  )
  try {
    return await devnet.run(context.signal)
  } finally {
    await control.close()
    await recorder.close()
    process.off('exit', killAll)
  }
}

function installDevnetShutdown(): Shutdown {
  return installShutdown({
    say: (message) => process.stderr.write(`\n${message}\n`),
    report: (message, error) => process.stderr.write(`${message}: ${toErrorMessage(error)}\n`),
  })
}

function createOutput(
  terminal: Terminal,
  folder: DevnetFolder,
  options: DevnetCommandOptions,
): DevnetOutput {
  if (options.isJson || !terminal.isInteractive) return createJsonOutput(terminal)
  const style = createStyle(supportsColor(process.stdout, process.env))
  const habits = options.untilHeight === undefined ? options : undefined
  return createHumanOutput(terminal, style, folder, process.cwd(), habits)
}

/** @returns The exit code. Never rejects. */
async function runToEnd(
  options: DevnetCommandOptions,
  context: RunContext & { readonly terminal: Terminal },
): Promise<number> {
  const { terminal } = context
  let exitCode: number = EXIT_CODES.ok
  try {
    const folder = await openDevnetFolder(options.folderPath)
    try {
      const output = createOutput(terminal, folder, options)
      const outcome = await runInFolder(folder, options, { ...context, output })
      output.onOutcome(outcome)
      if (outcome.type === 'failed') exitCode = EXIT_CODES.failure
    } finally {
      await folder.release()
    }
  } catch (error) {
    const reason = toErrorMessage(error)
    process.stderr.write(`${reason}\n`)
    if (options.isJson || !terminal.isInteractive) {
      terminal.line(JSON.stringify({ type: 'failed', reason }))
    }
    exitCode = exitCodeOf(error)
  }
  await terminal.flush()
  return exitCode
}

/**
 * Runs a devnet until it is stopped or reaches its height, then ends the process: 0 if that is what was
 * asked for.
 */
export async function runDevnetCommand(
  options: DevnetCommandOptions,
  measureHashRate: MeasureHashRate,
): Promise<void> {
  const shutdown = installDevnetShutdown()
  // A closed pipe ends the command; with a terminal that is gone it goes on in silence.
  const terminal = new Terminal(process.stdout, (how) => {
    if (how === 'pipe-closed') shutdown.request('nobody reads the output')
  })
  const { signal } = shutdown
  const stop = (): void => shutdown.request('a command')
  const run = runToEnd(options, { measureHashRate, terminal, signal, stop })
  shutdown.attach(async () => shutdown.exit(await run))
  shutdown.exit(await run)
}
