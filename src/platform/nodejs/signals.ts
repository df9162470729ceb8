/**
 * How a process ends: signals, faults, a parent that is gone, all through one door. The first request
 * stops cleanly, a second signal forces, a watchdog sees to it that stopping ends.
 *
 * @module
 */

import { toErrorMessage } from '../../util/index.ts'
import { isHangupIgnored } from './hangup.ts'

/** How long stopping may take before the process ends anyway. */
export const STOP_TIMEOUT_MS = 30_000

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** What is needed to end well. */
export interface ShutdownOptions {
  /** Tells the person at the terminal. */
  say(message: string): void
  /** Reports a fault: an exception that nobody caught, a stop that failed. */
  report(message: string, error: unknown): void
  /** Runs last of all, for example to flush a log. Must not throw. */
  beforeExit?(): void
  readonly stopTimeoutMs?: number
}

/** The one way out of the process. */
export interface Shutdown {
  /** True once stopping was asked for, by whatever. */
  readonly isRequested: boolean
  /** Aborted once stopping was asked for. */
  readonly signal: AbortSignal
  /**
   * Says how to stop what has been started. If stopping was asked for meanwhile it happens now.
   */
  attach(stop: () => Promise<void>): void
  /**
   * Stops and ends the process. Only the first call counts.
   *
   * @param exitCode - A failure to stop makes it 1 if it was 0.
   */
  request(reason: string, exitCode?: number): void
  /** Ends the process now, when all that was started is stopped. A fault before makes 0 a 1. */
  exit(exitCode: number): void
}

class ProcessShutdown implements Shutdown {
  readonly #options: ShutdownOptions
  readonly #controller = new AbortController()
  #stop: (() => Promise<void>) | undefined
  #exitCode = 0
  #isStopping = false
  #isEnding = false

  constructor(options: ShutdownOptions) {
    this.#options = options
  }

  get isRequested(): boolean {
    return this.#controller.signal.aborted
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  attach(stop: () => Promise<void>): void {
    this.#stop = stop
    if (this.isRequested) this.#beginStop()
  }

  request(reason: string, exitCode = 0): void {
    if (this.isRequested) return
    this.#exitCode = exitCode
    const timeoutMs = this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS
    setTimeout(() => {
      this.#options.say(`Not stopped after ${timeoutMs / 1_000} s: ending now.`)
      this.#end(1)
    }, timeoutMs)
    this.#controller.abort(reason)
    if (this.#stop !== undefined) this.#beginStop()
  }

  exit(exitCode: number): void {
    this.#end(exitCode || this.#exitCode)
  }

  onSignal(name: NodeJS.Signals): void {
    if (this.isRequested) {
      // A window that is closed may hang up twice: its shell passes SIGHUP on, then the system sends it. Nobody is in a hurry.
      if (name !== 'SIGHUP') this.#end(1)
      return
    }
    this.#options.say('Stopping; press Ctrl-C again to force.')
    this.request(name)
  }

  onFault(message: string, error: unknown): void {
    this.#options.report(message, error)
    if (this.isRequested) this.#exitCode = 1
    else this.request(toErrorMessage(error), 1)
    // Before anything was started there is nothing to stop.
    if (this.#stop === undefined) this.#end(1)
  }

  #end(exitCode: number): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#options.beforeExit?.()
    process.exit(exitCode)
  }

  #beginStop(): void {
    if (this.#isStopping) return
    this.#isStopping = true
    void this.#runStop()
  }

  async #runStop(): Promise<void> {
    try {
      await this.#stop?.()
    } catch (error) {
      this.#options.report('Stopping failed', error)
      this.#exitCode ||= 1
    }
    this.#end(this.#exitCode)
  }
}

/**
 * Takes over the process's end: SIGINT, SIGTERM, SIGHUP (unless it was ignored at the start), uncaught exceptions,
 * unhandled rejections and, when it was started with an IPC channel, the parent's disappearance. From then on the
 * process ends by {@link Shutdown.request}, never by itself. Call once.
 */
export function installShutdown(options: ShutdownOptions): Shutdown {
  const shutdown = new ProcessShutdown(options)
  for (const name of STOP_SIGNALS) process.on(name, () => shutdown.onSignal(name))
  const survivesHangup = isHangupIgnored()
  process.on('SIGHUP', () => {
    if (!survivesHangup) shutdown.onSignal('SIGHUP')
  })
  process.on('uncaughtException', (error) => {
    // A closed pipe is its reader's choice; the log and the terminal deal with it.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return
    shutdown.onFault('Uncaught exception', error)
  })
  process.on('unhandledRejection', (error) => shutdown.onFault('Unhandled rejection', error))
  if (process.channel !== undefined) {
    process.once('disconnect', () => shutdown.request('the parent process is gone'))
    // disconnect may have happened before anybody listened.
    if (!process.connected) shutdown.request('the parent process is gone')
  }
  return shutdown
}
