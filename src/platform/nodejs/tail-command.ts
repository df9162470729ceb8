/** @module `quarry tail`: follows what happens in a node, over its restarts. */

import type { NodeEvent } from '../../rpc/index.ts'
import { sleep, toErrorMessage } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import { readEventStream, type StreamMessage } from './event-stream-client.ts'
import { type NodeAccess, readAccess } from './node-access.ts'
import { locateNodeWithoutWallet, type NodePlaceOptions } from './node-place.ts'
import { installShutdown } from './signals.ts'
import { createHumanTailOutput, createJsonTailOutput, type TailLine } from './tail-output.ts'
import { createStyle, supportsColor, Terminal } from './terminal.ts'

/** How long a node that does not answer is left alone. */
const RETRY_MS = 1_000

/** What the command line gave; what is undefined comes from the environment or a default. */
export interface TailCommandOptions extends NodePlaceOptions {
  /** All of them if there are none. */
  readonly topics: readonly string[]
  /** The number of the last event that is known; 0 for all that the node has kept. */
  readonly since?: number | undefined
  /** JSON lines even on a terminal. */
  readonly isJson: boolean
}

/** Follows one node. */
class EventFollower {
  readonly #access: NodeAccess
  readonly #topics: readonly string[]
  readonly #emit: (line: TailLine) => void
  /** The last event that is known. */
  #since: string | undefined
  #hasConnected = false
  #problem: string | undefined

  constructor(
    access: NodeAccess,
    { topics, since }: TailCommandOptions,
    emit: (line: TailLine) => void,
  ) {
    this.#access = access
    this.#topics = topics
    this.#since = since?.toString()
    this.#emit = emit
  }

  /**
   * Reads until the signal is aborted, again and again: what comes next begins where the last stopped.
   *
   * @throws if the node cannot be reached at first.
   */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal)
        this.#setProblem('The node has ended the connection.')
      } catch (error) {
        if (signal.aborted) return
        if (!this.#hasConnected) throw error
        this.#setProblem(toErrorMessage(error))
      }
      await sleep(systemClock, RETRY_MS, signal).catch(() => undefined)
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const access = await readAccess(this.#access)
    const wish = { topics: this.#topics, since: this.#since }
    for await (const message of readEventStream({ ...access, ...wish, signal })) {
      this.#hasConnected = true
      this.#setProblem(undefined)
      this.#take(message)
    }
  }

  #take({ event, id, data }: StreamMessage): void {
    if (id !== undefined) this.#since = id
    if (data === '') return
    if (event === 'gap') {
      const { since, first } = JSON.parse(data) as { since: number; first: number }
      this.#emit({ type: 'gap', since, first })
    } else this.#emit(JSON.parse(data) as NodeEvent)
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return
    const isFirst = this.#problem === undefined
    this.#problem = problem
    // One line each time, however the reasons change while the node is away.
    if (problem === undefined || isFirst) {
      this.#emit({ type: 'connection', problem: problem ?? null })
    }
  }
}

/**
 * Prints what happens in a node until the process is told to stop.
 *
 * @throws {@link RpcClientError} if the node cannot be reached at first.
 * @throws {@link ConfigError} if there is no cookie, or the chain is not usable.
 */
export async function runTailCommand(options: TailCommandOptions): Promise<void> {
  const { access } = await locateNodeWithoutWallet(options)
  const shutdown = installShutdown({
    say: () => undefined,
    report: (message, error) => process.stderr.write(`${message}: ${toErrorMessage(error)}\n`),
  })
  const terminal = new Terminal(process.stdout, () => shutdown.request('nobody reads any more'))
  const style = createStyle(supportsColor(process.stdout, process.env))
  const isHuman = terminal.isInteractive && !options.isJson
  const emit = isHuman ? createHumanTailOutput(terminal, style) : createJsonTailOutput(terminal)
  const follower = new EventFollower(access, options, emit)
  const followed = follower.follow(shutdown.signal)
  // A node that is not there is told where all errors of commands are.
  shutdown.attach(async () => {
    await followed.catch(() => undefined)
    await terminal.flush()
  })
  await followed
}
