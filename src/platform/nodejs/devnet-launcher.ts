/** @module Starts each node of a devnet as a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import {
  DevnetError,
  type LaunchedNode,
  type LaunchRequest,
  type NodeExit,
  type NodeLauncher,
} from '../../devnet/index.ts'
import type { CancelSignal } from '../../util/index.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { findNodePorts, type NodePorts } from './free-ports.ts'
import { makeDirectory } from './make-directory.ts'
import { NodeLogFile } from './node-log-file.ts'
import { isReadyMessage, type ReadyReport } from './ready-report.ts'

/** How long a node may take to be up. */
const START_TIMEOUT_MS = 60_000
/** How long a node may take to stop by itself before it is ended. */
export const STOP_GRACE_MS = 5_000
/** How long the end of the log may take after the process is gone. */
const LOG_END_GRACE_MS = 500
/** The node with the wallet that everybody knows. */
const DEV_WALLET_NODE = 0
/** Each attempt lost a race for a port. */
const MAX_PORT_ATTEMPTS = 10

/** How nodes are started. */
export interface ProcessLauncherOptions {
  /** The program and its first arguments; `start` and the node's flags follow. */
  readonly command: readonly [string, ...string[]]
  readonly specPath: string
  readonly nodeDirectory: (index: number) => string
  readonly threads: number
  readonly throttle: number
  /** Whether each node lets miners connect. */
  readonly hasStratum?: boolean
  /** Passed on to the nodes, but for `QUARRY_*`, which are meant for single nodes. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stopGraceMs?: number
  readonly startTimeoutMs?: number
}

/** A node's process with its log, up or not. */
class NodeProcess {
  readonly child: ChildProcess
  readonly log: NodeLogFile
  readonly exited: Promise<NodeExit>
  readonly #stopGraceMs: number
  #stopping: Promise<void> | undefined

  constructor(child: ChildProcess, log: NodeLogFile, stopGraceMs: number) {
    this.child = child
    this.log = log
    this.#stopGraceMs = stopGraceMs
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => log.write(text))
    }
    this.exited = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        log.end()
        resolve({
          code: code ?? undefined,
          signal: signal ?? undefined,
          logPath: log.path,
          logTail: log.tail,
        })
      }
      child.once('error', (error) => {
        log.write(`${error.message}\n`)
        if (child.pid === undefined) finish(EXIT_CODES.failure, null)
      })
      child.once('close', finish)
      // Somebody else may hold the pipes open: the process is gone all the same.
      child.once('exit', (code, signal) =>
        setTimeout(finish, LOG_END_GRACE_MS, code, signal).unref(),
      )
    })
  }

  /** Asks once only: a node takes a second signal for impatience. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopOnce()
    return this.#stopping
  }

  async #stopOnce(): Promise<void> {
    this.child.kill('SIGTERM')
    const force = setTimeout(() => this.child.kill('SIGKILL'), this.#stopGraceMs)
    await this.exited
    clearTimeout(force)
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  /** Resolves with the report, or with how it ended without one. */
  waitUntilReady(): Promise<ReadyReport | NodeExit> {
    return new Promise((resolve) => {
      this.child.on('message', (message) => {
        if (isReadyMessage(message)) resolve(message)
      })
      void this.exited.then(resolve)
    })
  }
}

/** Launches nodes with `child_process.spawn`, each with its own data directory, key, log and ports. */
export class ProcessLauncher implements NodeLauncher {
  readonly #options: ProcessLauncherOptions
  readonly #processes = new Set<NodeProcess>()
  /** Ports are given out upwards, so that two nodes never get the same. */
  #nextStep = 0
  /** Where each node's ports were: one that comes back has them again, so that others find it. */
  readonly #steps = new Map<number, number>()

  constructor(options: ProcessLauncherOptions) {
    this.#options = options
  }

  /** {@inheritDoc NodeLauncher.launch} */
  async launch(request: LaunchRequest, signal: CancelSignal): Promise<LaunchedNode> {
    await makeDirectory(this.#options.nodeDirectory(request.index))
    for (let attempt = 0; attempt < MAX_PORT_ATTEMPTS; attempt++) {
      const ports = await this.#choosePorts(request.index)
      const node = this.#spawn(request, ports)
      const outcome = await this.#awaitReady(node, signal)
      if ('rpcUrl' in outcome) {
        this.#steps.set(request.index, ports.step)
        return this.#toLaunchedNode(request.index, node, outcome)
      }
      if (outcome.code === EXIT_CODES.portInUse) continue
      throw createStartError(request.index, outcome)
    }
    throw new DevnetError(
      'node-not-started',
      `Node ${request.index} found its ports taken ${MAX_PORT_ATTEMPTS} times.`,
    )
  }

  /** Ends every process at once, without waiting. For the last moment of this process. */
  killAll(): void {
    for (const node of this.#processes) node.child.kill('SIGKILL')
  }

  async #choosePorts(index: number): Promise<NodePorts> {
    const before = this.#steps.get(index)
    // For one attempt only: if they are taken, others will do.
    this.#steps.delete(index)
    if (before !== undefined) {
      const ports = await findNodePorts(before, this.#options.hasStratum)
      if (ports.step === before) return ports
    }
    const ports = await findNodePorts(this.#nextStep, this.#options.hasStratum)
    this.#nextStep = ports.step + 1
    return ports
  }

  #spawn(request: LaunchRequest, ports: NodePorts): NodeProcess {
    const { command, specPath, nodeDirectory, threads, throttle, environment } = this.#options
    const [program, ...firstArguments] = command
    const directory = nodeDirectory(request.index)
    const flags = [
      ['--chain', specPath],
      ['--datadir', directory],
      ['--listen', `/ip4/127.0.0.1/tcp/${ports.p2p}`],
      ['--rpc-port', `${ports.rpc}`],
      ['--threads', `${threads}`],
      ['--throttle', `${throttle}`],
      ['--log-format', 'json'],
      ...(ports.stratum === undefined ? [] : [['--stratum', `127.0.0.1:${ports.stratum}`]]),
      // Who is whose neighbour is the devnet's to say.
      ['--no-discovery'],
      ...(request.index === DEV_WALLET_NODE ? [['--dev-wallet']] : []),
      ...request.peers.map((peer) => ['--peer', peer]),
    ]
    const child = spawn(
      program,
      [...firstArguments, 'start', '--mine', '--dev-faults', ...flags.flat()],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        // Out of the terminal's process group: Ctrl-C reaches the supervisor alone, which stops in order.
        detached: true,
        env: Object.fromEntries(
          Object.entries(environment).filter(
            ([name]) => !name.startsWith('QUARRY_') || name === 'QUARRY_LOG_LEVEL',
          ),
        ),
      },
    )
    const log = new NodeLogFile(join(directory, 'node.log'))
    const node = new NodeProcess(child, log, this.#options.stopGraceMs ?? STOP_GRACE_MS)
    this.#processes.add(node)
    void node.exited.then(() => this.#processes.delete(node))
    return node
  }

  /** Ends the process if it is told to or takes too long. */
  async #awaitReady(node: NodeProcess, signal: CancelSignal): Promise<ReadyReport | NodeExit> {
    const timeoutMs = this.#options.startTimeoutMs ?? START_TIMEOUT_MS
    const end = (): void => void node.stop()
    const timeout = setTimeout(() => {
      node.log.write(`Not up after ${timeoutMs / 1_000} s.\n`)
      end()
    }, timeoutMs)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    try {
      return await node.waitUntilReady()
    } finally {
      clearTimeout(timeout)
      signal.removeEventListener('abort', end)
    }
  }

  #toLaunchedNode(index: number, node: NodeProcess, report: ReadyReport): LaunchedNode {
    const { rpcUrl, stratumUrl, cookiePath, multiaddr, pid } = report
    return {
      address: { index, rpcUrl, stratumUrl, cookiePath, multiaddr, pid },
      exited: node.exited,
      stop: () => node.stop(),
      kill: () => node.kill(),
    }
  }
}

function createStartError(index: number, exit: NodeExit): DevnetError {
  const how = exit.signal === undefined ? `ended with exit code ${exit.code}` : `got ${exit.signal}`
  const tail = exit.logTail.map((line) => `    ${line}`).join('\n')
  return new DevnetError(
    'node-not-started',
    `Node ${index} did not start: it ${how}. Its log is ${exit.logPath}\n${tail}`,
  )
}
