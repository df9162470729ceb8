/** @module A real devnet for end-to-end tests: `quarry devnet` in a folder of its own. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { DevnetEvent, DevnetOutcome, DevnetReply } from '../../src/devnet/index.ts'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const POLL_MS = 50

/** What a devnet prints. */
export type DevnetLine = DevnetEvent | DevnetOutcome
type LineOf<Type extends DevnetLine['type']> = Extract<DevnetLine, { type: Type }>

/** Whether a process exists and is not merely waiting to be collected. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // Where no init collects orphans, the dead stay listed as zombies.
    return !/\) Z /.test(existsSync('/proc') ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '')
  } catch {
    return false
  }
}

/** Waits for a condition; fails with its description after the time-out. */
export async function until(what: string, condition: () => boolean, timeoutMs = 30_000) {
  const end = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** A devnet that runs, and every line that it has printed. */
export class DevnetProcess {
  readonly child: ChildProcess
  readonly lines: DevnetLine[] = []
  /** Resolves with the exit code, null after a signal, once all lines are read. */
  readonly ended: Promise<number | null>
  #errors = ''

  constructor(folder: string, flags: readonly string[]) {
    this.child = spawn(
      process.execPath,
      [MAIN, 'devnet', '--json', '--datadir', folder, ...flags],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    const { stdout, stderr } = this.child
    if (stdout === null || stderr === null) throw new Error('no pipes')
    createInterface({ input: stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as DevnetLine)
    })
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    this.ended = once(this.child, 'close').then(([code]) => code as number | null)
  }

  /** What it said on standard error. */
  get errors(): string {
    return this.#errors
  }

  get pids(): number[] {
    return this.all('node').map(({ pid }) => pid)
  }

  all<Type extends DevnetLine['type']>(type: Type): LineOf<Type>[] {
    return this.lines.filter((line) => line.type === type) as LineOf<Type>[]
  }

  /** Calls a JSON-RPC method of a node, at the address that it had last. */
  // biome-ignore lint/suspicious/noExplicitAny: results of RPC are looked at as JSON.
  async call(index: number, method: string, ...params: readonly unknown[]): Promise<any> {
    const address = this.all('node').findLast((node) => node.index === index)
    if (address === undefined) throw new Error(`node ${index} has not been up`)
    const response = await fetch(address.rpcUrl, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(readFileSync(address.cookiePath, 'utf8')).toString('base64')}`,
        'content-type': 'application/json',
        connection: 'close',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(20_000),
    })
    const { result, error } = (await response.json()) as {
      result: unknown
      error?: { message: string }
    }
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  /** Waits until so many nodes are up. */
  async waitForNodes(count: number): Promise<void> {
    await until(`${count} nodes up; it said: ${this.#errors}`, () => {
      return this.all('node').length === count && this.all('status').length > 0
    })
  }
}

/** Devnets of one test, all gone when it ends. */
export class DevnetBench {
  readonly folder = join(mkdtempSync(join(tmpdir(), 'quarry-devnet-')), 'devnet')
  readonly #devnets: DevnetProcess[] = []

  start(...flags: readonly string[]): DevnetProcess {
    return this.startIn(this.folder, ...flags)
  }

  startIn(folder: string, ...flags: readonly string[]): DevnetProcess {
    const devnet = new DevnetProcess(folder, flags)
    this.#devnets.push(devnet)
    return devnet
  }

  /** Gives a command to the devnet of the folder, as a person does from another terminal. */
  async command(...words: readonly string[]): Promise<DevnetReply> {
    const argv = [MAIN, 'devnet', ...words, '--json', '--datadir', this.folder]
    const { stdout } = await promisify(execFile)(process.execPath, argv)
    return JSON.parse(stdout) as DevnetReply
  }

  close(): void {
    for (const devnet of this.#devnets) {
      devnet.child.kill('SIGKILL')
      for (const pid of devnet.pids.filter(isAlive)) process.kill(pid, 'SIGKILL')
    }
    rmSync(join(this.folder, '..'), { recursive: true, force: true, maxRetries: 5 })
  }
}
