/** @module The supervisor: starts nodes, watches them, and leaves none behind. */

import { type CancelSignal, type Clock, Mutex, sleep, toErrorMessage } from '../util/index.ts'
import type { DevnetNodeCommand, DevnetReply } from './commands.ts'
import {
  type CallNode,
  computeNextRetarget,
  type DevnetStatus,
  haveConverged,
  type NodeStatus,
  sampleNode,
} from './devnet-status.ts'
import { DevnetError } from './errors.ts'
import { checkIndex, type DevnetFaults, FaultPlan } from './fault-plan.ts'
import type { LaunchedNode, NodeAddress, NodeExit, NodeLauncher } from './node-launcher.ts'
import { areNeighbours } from './topology.ts'

/** How often the nodes are asked, in milliseconds. */
export const STATUS_INTERVAL_MS = 1_000
/** How often when the end is near and only agreement is missing. */
export const CONVERGENCE_INTERVAL_MS = 200

/** How often a node that ends by itself is started again. */
export const MAX_RESTARTS = 3
/** How long it stays down before, in milliseconds. */
export const RESTART_DELAY_MS = 1_000
/** A node that was up for so long, in milliseconds, has all its restarts again. */
export const STEADY_NODE_MS = 60_000

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
  /** 1 to `MAX_DEVNET_NODES`. */
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
  | ({ readonly type: 'exit'; readonly index: number; readonly restart: Restart } & NodeExit)
  | { readonly type: 'down'; readonly index: number }
  | ({ readonly type: 'faults' } & DevnetFaults)
  | {
      readonly type: 'restart-failed'
      readonly index: number
      readonly reason: string
      readonly restart: Restart
    }

/** Which restart of the node follows, counted from 1; null if it stays down. */
export type Restart = number | null

/** How it ended. `done` is what was asked for: the height reached, or a stop without one to reach. */
export type DevnetOutcome =
  | { readonly type: 'done'; readonly height: number; readonly tip: string }
  | { readonly type: 'failed'; readonly reason: string }

/** Says in words how a node ended. */
export function describeExit(index: number, exit: NodeExit): string {
  const how = exit.signal === undefined ? `with exit code ${exit.code}` : `by ${exit.signal}`
  return `node ${index} ended ${how}; its log is ${exit.logPath}`
}

function peerIdOf({ multiaddr }: NodeAddress): string {
  return multiaddr.slice(multiaddr.lastIndexOf('/') + 1)
}

/** A devnet, for one run. */
export class Devnet {
  readonly #deps: DevnetDeps
  readonly #options: DevnetOptions
  readonly #running = new Map<number, LaunchedNode>()
  /** Since when each node has been up, in monotonic milliseconds; also of those that are gone. */
  readonly #upSince = new Map<number, number>()
  /** How often each node has been started again since it was steady. */
  readonly #restartCounts = new Map<number, number>()
  readonly #restarting = new Set<Promise<void>>()
  /** Nodes that are on their way up. */
  readonly #coming = new Set<number>()
  /** Nodes that a command has taken down: they stay down until another brings them back. */
  readonly #held = new Set<number>()
  /** Of all nodes that have ever been up: a node keeps its own. */
  readonly #peerIds = new Map<number, string>()
  readonly #plan = new FaultPlan()
  readonly #commands = new Mutex()
  readonly #ending = new AbortController()
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
      this.#ending.abort()
      const stops = [...this.#running.values()].map((node) => node.stop())
      // A command that is at work may be launching.
      await Promise.all([...stops, ...this.#restarting, this.#commands.run(async () => {})])
    }
  }

  /**
   * Does what a command says, one after the other, while the devnet runs.
   *
   * @throws {@link DevnetError} `bad-command` for a node that is not there or not as the command needs it,
   * `bad-answer` if a node does not take its faults, and what launching throws.
   */
  async control(command: DevnetNodeCommand): Promise<DevnetReply> {
    if (command.type !== 'status') return this.#commands.run(() => this.#obey(command))
    const { faults } = this.#plan
    return { type: 'status', ...(await this.#sample()), ...faults }
  }

  #obey(command: Exclude<DevnetNodeCommand, { type: 'status' }>): Promise<DevnetReply> {
    switch (command.type) {
      case 'kill':
        return this.#killNode(command.node)
      case 'restart':
        return this.#restartNode(command.node)
      default:
        return this.#changeFaults(command)
    }
  }

  async #changeFaults(
    command: Extract<DevnetNodeCommand, { type: 'partition' | 'heal' | 'slow' }>,
  ): Promise<DevnetReply> {
    if (command.type === 'partition') {
      this.#plan.part(command.groups, this.#options.nodeCount)
    } else if (command.type === 'slow') {
      checkIndex(command.node, this.#options.nodeCount)
      this.#plan.slow(command.node, command)
    } else this.#plan.heal()
    await this.#applyFaults()
    const { faults } = this.#plan
    this.#deps.onEvent({ type: 'faults', ...faults })
    return { type: 'faults', ...faults }
  }

  /** Tells every node that is up its faults. */
  async #applyFaults(): Promise<void> {
    const apply = async ({ address }: LaunchedNode): Promise<string | undefined> => {
      const params = [this.#plan.rulesFor(address.index, this.#peerIds)]
      try {
        await this.#deps.callNode(address, [{ method: 'setfaults', params }])
        return undefined
      } catch (error) {
        return `node ${address.index}: ${toErrorMessage(error)}`
      }
    }
    const answers = await Promise.all([...this.#running.values()].map(apply))
    const failures = answers.filter((answer) => answer !== undefined)
    if (failures.length === 0) return
    throw new DevnetError(
      'bad-answer',
      `Not every node took its faults (${failures.join('; ')}). Give the command again, or restart the node.`,
    )
  }

  async #killNode(index: number): Promise<DevnetReply> {
    checkIndex(index, this.#options.nodeCount)
    const node = this.#running.get(index)
    if (node === undefined) {
      throw new DevnetError(
        'bad-command',
        this.#coming.has(index)
          ? `Node ${index} is on its way up: wait until it is there.`
          : `Node ${index} is down already: restart ${index} brings it back.`,
      )
    }
    this.#held.add(index)
    await node.kill()
    return { type: 'down', index }
  }

  /** Also brings back a node that is down for whatever reason. */
  async #restartNode(index: number): Promise<DevnetReply> {
    checkIndex(index, this.#options.nodeCount)
    if (this.#coming.has(index) || !this.#peerIds.has(index)) {
      throw new DevnetError(
        'bad-command',
        `Node ${index} is on its way up: wait until it is there.`,
      )
    }
    this.#held.add(index)
    await this.#running.get(index)?.stop()
    await this.#launch(index, this.#ending.signal)
    const node = this.#running.get(index)
    if (node === undefined) throw new DevnetError('bad-command', 'The devnet is stopping.')
    return { type: 'node', ...node.address }
  }

  /** One after the other: a node dials those before it by peer id, which is known once they are up. */
  async #launchAll(signal: CancelSignal): Promise<void> {
    for (let index = 0; index < this.#options.nodeCount && !signal.aborted; index++) {
      await this.#launch(index, signal)
    }
  }

  async #launch(index: number, signal: CancelSignal): Promise<void> {
    this.#coming.add(index)
    try {
      await this.#launchOnce(index, signal)
    } finally {
      this.#coming.delete(index)
    }
  }

  async #launchOnce(index: number, signal: CancelSignal): Promise<void> {
    const { launcher, clock, onEvent } = this.#deps
    // A node that comes back dials all its neighbours: those that dial it know its old address only.
    const peers = [...this.#running.values()]
      .map(({ address }) => address)
      .filter((address) => areNeighbours(index, address.index, this.#options.nodeCount))
      .map(({ multiaddr }) => multiaddr)
    const node = await launcher.launch({ index, peers }, signal)
    if (this.#isStopping) {
      await node.stop()
      return
    }
    this.#running.set(index, node)
    this.#held.delete(index)
    this.#peerIds.set(index, peerIdOf(node.address))
    this.#upSince.set(index, clock.monotonic())
    void node.exited.then((exit) => this.#onExited(index, exit))
    onEvent({ type: 'node', ...node.address })
    if (this.#plan.isEmpty) return
    // It knows of no faults; and if it is new, the others know nothing of it. Who does not listen is no reason
    // to start it again: the status says who is silent.
    await this.#applyFaults().catch(() => undefined)
  }

  #onExited(index: number, exit: NodeExit): void {
    this.#running.delete(index)
    if (this.#isStopping) return
    if (this.#held.has(index)) {
      this.#deps.onEvent({ type: 'down', index })
      return
    }
    const upMs = this.#deps.clock.monotonic() - (this.#upSince.get(index) ?? 0)
    if (upMs >= STEADY_NODE_MS) this.#restartCounts.delete(index)
    const restart = this.#countRestart(index)
    this.#deps.onEvent({ type: 'exit', index, ...exit, restart })
    if (restart === null) this.#giveUp(describeExit(index, exit))
    else this.#beginRestart(index)
  }

  /** Where a height has to be reached a node's end is the devnet's: a restart would hide what went wrong. */
  #countRestart(index: number): Restart {
    const count = this.#restartCounts.get(index) ?? 0
    if (this.#options.untilHeight !== undefined || count >= MAX_RESTARTS) return null
    this.#restartCounts.set(index, count + 1)
    return count + 1
  }

  #beginRestart(index: number): void {
    const task = this.#restart(index).then((failure) => {
      this.#restarting.delete(task)
      if (failure !== undefined) this.#giveUp(failure)
    })
    this.#restarting.add(task)
  }

  /** @returns Why the node stays down, if it does. Never rejects. */
  async #restart(index: number): Promise<string | undefined> {
    const { clock, onEvent } = this.#deps
    for (;;) {
      this.#coming.add(index)
      try {
        await sleep(clock, RESTART_DELAY_MS, this.#ending.signal)
        await this.#launch(index, this.#ending.signal)
        return undefined
      } catch (error) {
        if (this.#isStopping) return undefined
        const reason = toErrorMessage(error)
        const restart = this.#countRestart(index)
        onEvent({ type: 'restart-failed', index, reason, restart })
        if (restart === null) return reason
      }
    }
  }

  /** A node stays down: the end of the devnet if it needs every node or has no other. */
  #giveUp(reason: string): void {
    const isLast = this.#running.size === 0 && this.#restarting.size === 0 && this.#held.size === 0
    if (this.#options.untilHeight !== undefined || isLast) this.#failure ??= reason
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
    const { nodeCount, retargetWindowBlocks } = this.#options
    const indices = Array.from({ length: nodeCount }, (_, index) => index)
    const running = indices.flatMap((index) => this.#running.get(index) ?? [])
    const nodes = await Promise.all(
      running.map(({ address }) => {
        const last = this.#lastStatuses.find((status) => status.index === address.index)
        return sampleNode(callNode, clock, address, last)
      }),
    )
    this.#lastStatuses = nodes
    const gone = indices.filter((index) => !nodes.some((node) => node.index === index))
    return { nodes, gone, nextRetarget: computeNextRetarget(nodes, retargetWindowBlocks) }
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
