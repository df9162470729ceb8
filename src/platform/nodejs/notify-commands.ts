/** @module Commands of the operator's that a node runs when something happens. */

import { spawn } from 'node:child_process'
import type { QuarryNode } from '../../node/index.ts'
import { type Clock, type Logger, sleep } from '../../util/index.ts'

/** So many of one kind run at a time. */
export const MAX_RUNNING_COMMANDS = 4
/** Of those that wait for a place the oldest is dropped beyond this many. */
export const MAX_WAITING_COMMANDS = 64
/** A command that takes longer is ended. */
export const COMMAND_TIMEOUT_MS = 60_000
/** How long the node waits for the commands of its end. */
export const SHUTDOWN_COMMAND_WAIT_MS = 10_000

/** What to run. */
export interface NotifySettings {
  /** When the tip is another block; `%s` stands for its hash. */
  readonly blocknotify: string | undefined
  readonly startupnotify: string | undefined
  /** Before anything of the node has stopped. */
  readonly shutdownnotify: string | undefined
}

/** What running commands needs. */
export interface NotifyDeps {
  readonly clock: Clock
  readonly log: Logger
}

/** Runs commands in a shell, few at a time. Nobody waits for them. */
export class CommandRunner {
  readonly #deps: NotifyDeps
  readonly #setting: string
  readonly #waiting: string[] = []
  #running = 0
  #dropped = 0

  /** @param setting - Where the commands come from, for the log. */
  constructor(deps: NotifyDeps, setting: string) {
    this.#deps = deps
    this.#setting = setting
  }

  /** Commands that were never run, because too many waited. */
  get dropped(): number {
    return this.#dropped
  }

  /** Runs a command as soon as there is a place. */
  run(command: string): void {
    this.#waiting.push(command)
    if (this.#waiting.length > MAX_WAITING_COMMANDS) {
      this.#waiting.shift()
      this.#dropped += 1
      const message = 'a command was not run: those before it take too long'
      if (this.#dropped === 1) this.#deps.log.warn(message, { setting: this.#setting })
    }
    this.#fill()
  }

  #fill(): void {
    while (this.#running < MAX_RUNNING_COMMANDS) {
      const command = this.#waiting.shift()
      if (command === undefined) return
      this.#running += 1
      void runInShell(command, this.#setting, this.#deps).then(() => {
        this.#running -= 1
        this.#fill()
      })
    }
  }
}

/** Settles when the command has ended, however it did. */
function runInShell(command: string, setting: string, { clock, log }: NotifyDeps): Promise<void> {
  return new Promise((resolve) => {
    // A group of its own, so that what the shell has started ends with it.
    const child = spawn(command, { shell: true, stdio: 'ignore', detached: true })
    const timer = clock.schedule(COMMAND_TIMEOUT_MS, () => {
      log.warn('a command took too long and was ended', { setting, command })
      killGroup(child.pid)
    })
    const finish = (problem: Record<string, unknown> | undefined): void => {
      timer.cancel()
      if (problem !== undefined) log.warn('a command failed', { setting, command, ...problem })
      resolve()
    }
    child.once('error', (error) => finish({ error }))
    child.once('exit', (code, signal) => finish(code === 0 ? undefined : { code, signal }))
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

/**
 * Runs `blocknotify` whenever the tip is another block, once the node has been level with its peers.
 *
 * @see Bitcoin Core `-blocknotify`
 */
export function notifyOfBlocks(
  { chain, sync }: Pick<QuarryNode, 'chain' | 'sync'>,
  { blocknotify }: NotifySettings,
  deps: NotifyDeps,
): void {
  if (blocknotify === undefined) return
  const runner = new CommandRunner(deps, 'blocknotify')
  chain.events.on('tipChanged', ({ tip, previous }) => {
    if (!sync.isCaughtUp || tip === previous) return
    // 64 hex digits: nothing that a shell could take for something else.
    runner.run(blocknotify.replaceAll('%s', tip.hashHex))
  })
}

/** Runs `startupnotify`. @see Bitcoin Core `-startupnotify` */
export function notifyOfStart({ startupnotify }: NotifySettings, deps: NotifyDeps): void {
  if (startupnotify !== undefined) new CommandRunner(deps, 'startupnotify').run(startupnotify)
}

/**
 * Runs `shutdownnotify` and waits for its end, but no longer than {@link SHUTDOWN_COMMAND_WAIT_MS}.
 *
 * @see Bitcoin Core `-shutdownnotify`
 */
export async function notifyOfEnd(
  { shutdownnotify }: NotifySettings,
  deps: NotifyDeps,
): Promise<void> {
  if (shutdownnotify === undefined) return
  const late = new AbortController()
  await Promise.race([
    runInShell(shutdownnotify, 'shutdownnotify', deps),
    sleep(deps.clock, SHUTDOWN_COMMAND_WAIT_MS, late.signal).catch(() => undefined),
  ])
  late.abort()
}
