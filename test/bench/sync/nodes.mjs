/** Real processes for the benchmark: an import, and nodes that are asked over JSON-RPC. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../../dist/program/nodejs/main.js', import.meta.url))
/** The same in modules: a profile tells them apart by where they are. */
const MODULES = fileURLToPath(new URL('../../../dist/platform/nodejs/main.js', import.meta.url))
const POLL_MS = 50
const MAX_STANDSTILL_MS = 60_000
const KILOBYTES_PER_MEGABYTE = 1_024
/** Of /proc/<pid>/stat. */
const TICKS_PER_SECOND = 100

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** @param profile - A folder for a profile, if there is to be one. */
function programOf(profile) {
  return profile === undefined ? [MAIN] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, MODULES]
}

/** Imports a file with no network; returns what `quarry import --json` says. */
export async function importChain({ spec, dataDir, file, profile }) {
  const flags = ['--chain', spec, '--datadir', dataDir, '--json', file]
  const child = spawn(process.execPath, [...programOf(profile), 'import', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the import ended with code ${code}`)
  return JSON.parse(text)
}

/** A running node. */
export class BenchNode {
  #child
  #ready

  constructor(child, ready) {
    this.#child = child
    this.#ready = ready
  }

  /** @param engine - What verifies signatures; the fastest unless given. */
  static async start({ spec, dataDir, profile, engine = 'auto' }) {
    const flags = [
      ['--chain', spec],
      ['--datadir', dataDir],
      ['--listen', '/ip4/127.0.0.1/tcp/0'],
      ['--rpc-port', '0'],
      ['--signature-engine', engine],
      ['--log-level', process.env.BENCH_LOG ?? 'warn'],
    ].flat()
    const child = spawn(process.execPath, [...programOf(profile), 'start', ...flags], {
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`a node ended with code ${code}`)
    })
    const [ready] = await Promise.race([once(child, 'message'), ended])
    ended.catch(() => undefined)
    return new BenchNode(child, ready)
  }

  get address() {
    return this.#ready.multiaddr
  }

  async call(method, ...params) {
    const cookie = readFileSync(this.#ready.cookiePath, 'utf8')
    const response = await fetch(this.#ready.rpcUrl, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(cookie).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    const { result, error } = await response.json()
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  /** Waits until the node is at a height; returns the seconds that it took. Fails if it gets stuck. */
  async waitForHeight(height) {
    const start = performance.now()
    let last = { count: -1, at: start }
    for (;;) {
      const count = await this.call('getblockcount')
      const now = performance.now()
      if (count >= height) return (now - start) / 1_000
      if (count > last.count) last = { count, at: now }
      if (now - last.at > MAX_STANDSTILL_MS) throw new Error(`stuck at height ${count}`)
      await pause(POLL_MS)
    }
  }

  /** The most memory that the process has had, in megabytes; undefined where /proc does not tell. */
  get peakMegabytes() {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(this.#read('status')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) / KILOBYTES_PER_MEGABYTE
  }

  /** Seconds of the processor that it has used, on all threads. */
  get processorSeconds() {
    const fields = this.#read('stat').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exit
  }

  #read(name) {
    try {
      return readFileSync(`/proc/${this.#child.pid}/${name}`, 'utf8')
    } catch {
      return ''
    }
  }
}
