/** @module The supervisor: starts nodes, watches them, and leaves none behind. */

import { type CancelSignal, type Clock, sleep, toErrorMessage } from '../util/index.ts'
import {
  type CallNode,
  computeNextRetarget,
  type DevnetStatus,
  haveConverged,
  type NodeStatus,
  sampleNode,
} from './devnet-status.ts'
import type { LaunchedNode, NodeAddress, NodeExit, NodeLauncher } from './node-launcher.ts'
import { computeDialedNodes } from './topology.ts'

/** The most nodes that one devnet may have: each is a process. */
export const MAX_DEVNET_NODES = 50

/** How often the nodes are asked, in milliseconds. */
export const STATUS_INTERVAL_MS = 1_000
/** How often when the end is near and only agreement is missing. */
export const CONVERGENCE_INTERVAL_MS = 200

/** The supervisor's collaborators. */
export interface DevnetDeps {
  readonly launcher: NodeLauncher
  readonly callNode: CallNode
  readonly clock: Clock
  /** Called for each event as it happens; must not throw. */
  readonly onEvent: (event: DevnetEvent) => void
}

/** How a devnet runs. */
export interface DevnetOptions {
  /** 1 to {@link MAX_DEVNET_NODES}. */
  readonly nodeCount: number
  /** Undefined where the chain does not retarget by windows. */
  readonly retargetWindowBlocks: number | undefined
  /** Ends the devnet once every node is there and all agree; undefined runs until stopped. */
  readonly untilHeight?: number | undefined
  /** Ends it in failure after so long; undefined is never. */
  readonly timeoutMs?: number | undefined
}

/** What happens in a devnet, in the form in which it is printed as JSON. */
export type DevnetEvent =
  | ({ readonly type: 'node' } & NodeAddress)
  | ({ readonly type: 'status' } & DevnetStatus)
  | ({ readonly type: 'exit'; readonly index: number } & NodeExit)

/** How it ended. `done` is what was asked for: the height reached, or a stop without one to reach. */
export type DevnetOutcome =
  | { readonly type: 'done'; readonly height: number; readonly tip: string }
  | { readonly type: 'failed'; readonly reason: string }

/** Says in words how a node ended. */
export function describeExit(index: number, exit: NodeExit): string {
  const how = exit.signal === undefined ? `with exit code ${exit.code}` : `by ${exit.signal}`
  return `node ${index} ended ${how}; its log is ${exit.logPath}`
}

/** A devnet, for one run. */
export class Devnet {
  readonly #deps: DevnetDeps
  readonly #options: DevnetOptions
  readonly #running = new Map<number, LaunchedNode>()
  #lastStatuses: readonly NodeStatus[] = []
  #failure: string | undefined
  #isStopping = false

  constructor(deps: DevnetDeps, options: DevnetOptions) {
    this.#deps = deps
    this.#options = options
  }

  /**
   * Starts the nodes, watches them until the end, and stops them all: when the promise resolves no
   * node is left. Call once.
   *
   * @param signal - Ends the devnet when aborted.
   */
  async run(signal: CancelSignal): Promise<DevnetOutcome> {
    const aborted = new Promise<DevnetOutcome>((resolve) => {
      signal.addEventListener('abort', () => {
        this.#isStopping = true
        resolve(this.#stoppedOutcome())
      })
    })
    try {
      await this.#launchAll(signal)
      // A silent node must not delay the end: what is being asked then is not waited for.
      return await Promise.race([this.#watch(signal), aborted])
    } catch (error) {
      if (!signal.aborted) return { type: 'failed', reason: toErrorMessage(error) }
      return this.#stoppedOutcome()
    } finally {
      this.#isStopping = true
      await Promise.all([...this.#running.values()].map((node) => node.stop()))
    }
  }

  /** One after the other: a node dials those before it by peer id, which is known once they are up. */
  async #launchAll(signal: CancelSignal): Promise<void> {
    const { nodeCount } = this.#options
    const addresses: NodeAddress[] = []
    for (let index = 0; index < nodeCount && !signal.aborted; index++) {
      const peers = computeDialedNodes(index, nodeCount).flatMap(
        (dialed) => addresses[dialed]?.multiaddr ?? [],
      )
      const node = await this.#deps.launcher.launch({ index, peers }, signal)
      this.#running.set(index, node)
      addresses.push(node.address)
      void node.exited.then((exit) => this.#onExited(index, exit))
      this.#deps.onEvent({ type: 'node', ...node.address })
    }
  }

  #onExited(index: number, exit: NodeExit): void {
    this.#running.delete(index)
    if (this.#isStopping) return
    this.#deps.onEvent({ type: 'exit', index, ...exit })
    if (this.#options.untilHeight !== undefined || this.#running.size === 0) {
      this.#failure ??= describeExit(index, exit)
    }
  }

  async #watch(signal: CancelSignal): Promise<DevnetOutcome> {
    const { clock, onEvent } = this.#deps
    const { nodeCount, untilHeight, timeoutMs = Number.POSITIVE_INFINITY } = this.#options
    const deadline = clock.monotonic() + timeoutMs
    let nextStatusAt = clock.monotonic()
    for (;;) {
      const status = await this.#sample()
      if (signal.aborted) return this.#stoppedOutcome()
      if (this.#failure !== undefined) return { type: 'failed', reason: this.#failure }
      const { nodes } = status
      const isDone = untilHeight !== undefined && haveConverged(nodes, nodeCount, untilHeight)
      const now = clock.monotonic()
      if (isDone || now >= nextStatusAt) {
        onEvent({ type: 'status', ...status })
        nextStatusAt = Math.max(nextStatusAt + STATUS_INTERVAL_MS, now)
      }
      if (isDone) return this.#doneOutcome()
      if (now >= deadline) return this.#timeoutOutcome(timeoutMs)
      const isNear = untilHeight !== undefined && nodes.every((node) => node.height >= untilHeight)
      const waitMs = Math.max(0, Math.min(nextStatusAt, deadline) - now)
      await sleep(clock, isNear ? Math.min(waitMs, CONVERGENCE_INTERVAL_MS) : waitMs, signal)
    }
  }

  async #sample(): Promise<DevnetStatus> {
    const { callNode, clock } = this.#deps
    const nodes = await Promise.all(
      [...this.#running.values()].map(({ address }) => {
        const last = this.#lastStatuses.find((status) => status.index === address.index)
        return sampleNode(callNode, clock, address, last)
      }),
    )
    this.#lastStatuses = nodes
    return { nodes, nextRetarget: computeNextRetarget(nodes, this.#options.retargetWindowBlocks) }
  }

  #doneOutcome(): DevnetOutcome {
    const best = this.#lastStatuses.reduce<NodeStatus | undefined>(
      (a, b) => (a === undefined || b.height > a.height ? b : a),
      undefined,
    )
    return { type: 'done', height: best?.height ?? 0, tip: best?.tip ?? '' }
  }

  #stoppedOutcome(): DevnetOutcome {
    const { untilHeight } = this.#options
    if (untilHeight === undefined) return this.#doneOutcome()
    return { type: 'failed', reason: `stopped before every node was at height ${untilHeight}` }
  }

  #timeoutOutcome(timeoutMs: number): DevnetOutcome {
    const seen = this.#lastStatuses.map(
      ({ index, height, tip, problem }) =>
        `node ${index} at ${height} ${tip.slice(-8)}${problem === undefined ? '' : ` (${problem})`}`,
    )
    const what =
      this.#options.untilHeight === undefined
        ? ''
        : `: not every node reached height ${this.#options.untilHeight} on one tip`
    return {
      type: 'failed',
      reason: `time-out after ${timeoutMs / 1_000} s${what} (${seen.join(', ')})`,
    }
  }
}
