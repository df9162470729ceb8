/** @module Real node processes for end-to-end tests: started, asked over JSON-RPC, stopped, killed. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
/** A start takes a second; half a minute on a machine with six times as much to do as it has cores. */
const START_TIMEOUT_MS = 90_000
const POLL_MS = 100

/** What a node says once it is up. */
interface Ready {
  readonly stratumUrl?: string
  readonly rpcUrl: string
  readonly cookiePath: string
  readonly multiaddr: string
}

/** How a node is started. */
export interface NodeWishes {
  /** A chain's name or the path of a spec. */
  readonly chain: string
  readonly dataDir: string
  readonly peers?: readonly string[]
  readonly isMining?: boolean
  readonly throttle?: number
  /** Multiaddr to listen on; any free port unless given. */
  readonly listen?: string
  /** Whether to look for peers beyond those given; without it the test says who knows whom. */
  readonly isDiscovering?: boolean
  readonly flags?: readonly string[]
}

// biome-ignore lint/suspicious/noExplicitAny: results of RPC are looked at as JSON.
export type Json = any

/** A running node. */
export class NodeProcess {
  readonly child: ChildProcess
  readonly ready: Ready
  readonly wishes: NodeWishes
  #log = ''

  private constructor(child: ChildProcess, ready: Ready, wishes: NodeWishes) {
    this.child = child
    this.ready = ready
    this.wishes = wishes
  }

  /** Starts a node and waits until it answers. */
  static async start(wishes: NodeWishes): Promise<NodeProcess> {
    const flags = [
      ['--chain', wishes.chain],
      ['--datadir', wishes.dataDir],
      ['--listen', wishes.listen ?? '/ip4/127.0.0.1/tcp/0'],
      ['--rpc-port', '0'],
      ['--log-format', 'json'],
      ['--log-level', 'debug'],
      ['--threads', '1'],
      ['--throttle', String(wishes.throttle ?? 0.3)],
      ...(wishes.peers ?? []).map((peer) => ['--peer', peer]),
    ].flat()
    if (wishes.isMining === true) flags.push('--mine')
    if (wishes.isDiscovering !== true) flags.push('--no-discovery')
    const child = spawn(process.execPath, [MAIN, 'start', ...flags, ...(wishes.flags ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    let log = ''
    const keep = (chunk: Buffer) => {
      log = `${log}${chunk}`.slice(-1_000_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    const ready = await new Promise<Ready>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${why}\n${log.slice(-4_000)}`))
      const timer = setTimeout(() => fail('the node did not start in time'), START_TIMEOUT_MS)
      child.once('exit', (code) => fail(`the node ended with code ${code}`))
      child.once('message', (message) => {
        clearTimeout(timer)
        resolve(message as Ready)
      })
    })
    const node = new NodeProcess(child, ready, wishes)
    for (const output of [child.stdout, child.stderr]) {
      output?.off('data', keep)
      output?.on('data', (chunk: Buffer) => {
        node.#log = `${node.#log}${chunk}`.slice(-1_000_000)
      })
    }
    node.#log = log
    return node
  }

  /** Everything that the node has written, the last megabyte of it. */
  get log(): string {
    return this.#log
  }

  /** Calls a method; throws with the RPC error's message. */
  async call(method: string, ...params: readonly unknown[]): Promise<Json> {
    const response = await fetch(this.ready.rpcUrl, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(readFileSync(this.ready.cookiePath, 'utf8')).toString('base64')}`,
        'content-type': 'application/json',
        connection: 'close',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(20_000),
    })
    const { result, error } = (await response.json()) as Json
    if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`)
    return result
  }

  /** Asks the node to stop and waits for its end. Returns the exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  /** Kills the node as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode
    const exit = once(this.child, 'exit')
    this.child.kill(signal)
    await exit
    return this.child.exitCode
  }
}

/** Nodes and folders of one test, all gone when it ends. */
export class TestNetwork {
  readonly directory = mkdtempSync(join(tmpdir(), 'quarry-e2e-'))
  readonly #nodes = new Set<NodeProcess>()

  /** Writes a chain spec of its own for this test, with mining that takes little. */
  writeSpec(name: string, changes: Json = {}): string {
    const path = join(this.directory, `${name}.json`)
    const { genesis, retarget, ...rest } = changes
    const spec = {
      version: 1,
      name,
      // About two million hashes a block: some tenths of a second on one throttled thread.
      genesis: { time: Math.floor(Date.now() / 1_000) - 60, bits: '1e1fffff', ...genesis },
      retarget: { targetSpacingSeconds: 1, windowBlocks: 10, ...retarget },
      ...rest,
    }
    writeFileSync(path, JSON.stringify(spec))
    return path
  }

  async start(name: string, wishes: Omit<NodeWishes, 'dataDir'>): Promise<NodeProcess> {
    const node = await NodeProcess.start({ ...wishes, dataDir: join(this.directory, name) })
    this.#nodes.add(node)
    return node
  }

  /** Starts a node again with what it was started with, changed where wished. */
  async restart(node: NodeProcess, changes: Partial<NodeWishes> = {}): Promise<NodeProcess> {
    this.#nodes.delete(node)
    const again = await NodeProcess.start({ ...node.wishes, ...changes })
    this.#nodes.add(again)
    return again
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => node.kill()))
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Waits until a condition holds; fails with its description after the time-out. */
export async function waitFor(
  what: string,
  condition: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (Date.now() < end) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
}

/** Waits until all nodes are at or past a height and agree on one tip; returns its hash. */
export async function waitForAgreement(
  nodes: readonly NodeProcess[],
  height: number,
  timeoutMs = 90_000,
): Promise<string> {
  let agreed = ''
  await waitFor(
    `${nodes.length} nodes at height ${height} or more on one tip`,
    async () => {
      const infos = await Promise.all(nodes.map((node) => node.call('getblockchaininfo')))
      agreed = infos[0].bestblockhash
      return infos.every((info) => info.blocks >= height && info.bestblockhash === agreed)
    },
    timeoutMs,
  )
  return agreed
}
