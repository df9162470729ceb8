/** @module Commands on a real terminal that can be taken away. Needs Python, which has pseudoterminals. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PYTHON = '/usr/bin/python3'
const SCRIPT = fileURLToPath(new URL('./terminal.py', import.meta.url))
const running = new Set<ChildProcess>()

/** Why there is no terminal here; undefined where there is one. */
export function findMissingTerminal(): string | undefined {
  const probe = 'import os, fcntl, termios; os.openpty(); os.waitstatus_to_exitcode'
  const { status } = spawnSync(PYTHON, ['-c', probe])
  return status === 0 ? undefined : `skipped: ${PYTHON} 3.9 with pseudoterminals is not there`
}

/** Whether the terminal sends SIGHUP when it goes. */
export type TerminalKind = 'controlling' | 'foreign'

/** A command on a terminal. */
export class TerminalCommand {
  readonly #child: ChildProcess
  readonly #ended: Promise<number>
  #text = ''
  #errors = ''

  constructor(
    kind: TerminalKind,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    cwd?: string,
  ) {
    this.#child = spawn(PYTHON, [SCRIPT, kind, '--', ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      ...(cwd === undefined ? {} : { cwd }),
    })
    running.add(this.#child)
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    this.#ended = once(this.#child, 'close').then(() => Number(this.#errors.trim()))
  }

  /** Text on the terminal. */
  get text(): string {
    return this.#text
  }

  /** Resolves with the exit code, or minus the number of the signal that ended the command. */
  get ended(): Promise<number> {
    return this.#ended
  }

  /** Whether the command still runs. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Takes the terminal away. */
  close(): void {
    this.#child.stdin?.write('close\n')
  }

  /** Sends a signal to the command. */
  kill(signal: number): void {
    this.#child.stdin?.write(`kill ${signal}\n`)
  }
}

/** Ends all commands that were started. */
export function killTerminalCommands(): void {
  // The script ends its command when its own input ends.
  for (const child of running) child.stdin?.end()
  running.clear()
}
