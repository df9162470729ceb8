// @ts-check
/** A node process that is killed often. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { CallError, TemplateClient } from '../support/template-miner.mjs'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const OUTPUT_KEPT = 20_000
/** A start that takes longer has failed. @see Bitcoin Core `feature_dbcrash.py`, which allows the same. */
const START_TIMEOUT_MS = 120_000
/** As the node logs it. */
const REBUILT = /the chain state is of no use and is rebuilt/
const CLOSED_PORT = /ECONNRE|socket hang up|EPIPE/

/** Every process that has been started and not ended, so that none outlives this one. */
const running = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** @param {number} ms */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Whether a call failed because the process behind it is gone. @param {unknown} error */
export function isConnectionLost(error) {
  return !(error instanceof CallError) && CLOSED_PORT.test(String(error))
}

/** One run of `quarry start`. */
export class CrashNode {
  #child
  #output = ''
  #dataDir
  /** @type {TemplateClient | undefined} */
  #client
  #isReady = false
  /** Resolves when the process has ended, with its exit code or signal. @type {Promise<number | string>} */
  ended
  /** Resolves when it answers; rejects if it ends before, or takes too long. @type {Promise<void>} */
  ready

  /** @param {{ specPath: string, dataDir: string, flags?: readonly string[] }} wishes */
  constructor({ specPath, dataDir, flags = [] }) {
    this.#dataDir = dataDir
    const args = [
      ['start', '--chain', specPath, '--datadir', dataDir],
      ['--listen', '/ip4/127.0.0.1/tcp/0', '--rpc-port', '0', '--accept-nonstd-txn'],
      ['--log-level', 'info', '--log-format', 'json', ...flags],
    ].flat()
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#child = child
    running.add(child)
    const keep = (/** @type {Buffer} */ chunk) => {
      this.#output = `${this.#output}${chunk}`.slice(-OUTPUT_KEPT)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    this.ended = once(child, 'exit').then(([code, signal]) => {
      running.delete(child)
      this.#client?.close()
      return signal ?? code
    })
    this.ready = this.#waitUntilReady()
    this.ready.catch(() => undefined)
  }

  get isReady() {
    return this.#isReady
  }

  /** Whether it found its state damaged and made it anew. */
  get hasRebuilt() {
    return REBUILT.test(this.#output)
  }

  /** The last that it said. */
  get output() {
    return this.#output
  }

  async #waitUntilReady() {
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error('the node was not ready in time')),
        START_TIMEOUT_MS,
      )
    })
    const early = this.ended.then((how) => {
      throw new Error(`the node ended with ${how} before it was ready`)
    })
    try {
      const [message] = await Promise.race([once(this.#child, 'message'), late, early])
      this.#client = new TemplateClient(/** @type {any} */ (message))
      this.#isReady = true
    } finally {
      clearTimeout(timer)
      early.catch(() => undefined)
    }
  }

  /** @param {string} method @param {readonly unknown[]} params @returns {Promise<any>} */
  call(method, params = []) {
    if (this.#client === undefined) throw new RangeError('the node is not ready')
    return this.#client.call(method, params)
  }

  /** Resolves when a file of the state database changes, or the process has ended. */
  async databaseChanged() {
    const abort = new AbortController()
    const folder = join(this.#dataDir, 'regtest', 'db', 'state')
    // A kill in the middle of a rebuild may have left none.
    if (!existsSync(folder)) return
    const changed = new Promise((resolve) => {
      watch(folder, { signal: abort.signal }, resolve).on('error', resolve)
    })
    try {
      await Promise.race([changed, this.ended])
    } finally {
      abort.abort()
    }
  }

  /** @returns {Promise<number | string>} The exit code, or the signal. */
  async end(/** @type {NodeJS.Signals} */ signal) {
    this.#child.kill(signal)
    return this.ended
  }

  /** Asks it to stop, without waiting. */
  askToStop() {
    this.#child.kill('SIGTERM')
  }
}

/**
 * Where a node stands: its tip and everything that `gettxoutsetinfo` tells of what is unspent there.
 *
 * @param {CrashNode} node
 * @returns {Promise<string>}
 */
export async function readPosition(node) {
  const info = await node.call('gettxoutsetinfo', ['muhash'])
  const { height, bestblock, muhash, txouts, bogosize, total_amount: amount } = info
  if (!/^[\da-f]{64}$/.test(muhash)) throw new TypeError('gettxoutsetinfo tells no muhash')
  return JSON.stringify({ height, bestblock, muhash, txouts, bogosize, amount })
}
