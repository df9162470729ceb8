/**
 * Many full nodes in one process: everything is real but the disk, the wire and the miners. Databases are in memory,
 * connections are `@libp2p/memory`, blocks are mined when the scenario says so. Scenarios draw from a seed; libp2p
 * does not, so a seed repeats what was done and not how it went.
 *
 * @module
 */

import '../../src/platform/nodejs/polyfills.ts'
import { memory } from '@libp2p/memory'
import {
  type ConsensusParams,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../src/consensus/index.ts'
import {
  type ByteDatabase,
  createNode,
  createNodeOptions,
  type DatabaseName,
  type Platform,
  type QuarryNode,
} from '../../src/node/index.ts'
import { createLibp2pNodeNetwork } from '../../src/platform/libp2p-node-network.ts'
import { createMemoryPlatform } from '../../src/platform/nodejs/memory-platform.ts'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { SeededRandom } from '../crash/seeded-random.mjs'
import { silentLog } from '../support/fixed-clock.ts'
import { TestWallet } from '../support/wallet.ts'

const POLL_MS = 10
/** Nobody waits longer for a network to agree: what has not come by then does not come. */
const AGREEMENT_TIMEOUT_MS = 120_000

/** Who is connected to whom, by index. */
export type Link = readonly [from: number, to: number]

/** Everybody in a circle. */
export function ring(count: number): readonly Link[] {
  return Array.from({ length: count }, (_, index) => [index, (index + 1) % count])
}

/** One behind the other: the longest way that there is. */
export function line(count: number): readonly Link[] {
  return ring(count).slice(0, -1)
}

/** All know the first alone. */
export function star(count: number): readonly Link[] {
  return Array.from({ length: count - 1 }, (_, index) => [index + 1, 0])
}

/** So many different ones, in random order. */
export function sample<Item>(
  random: SeededRandom,
  items: readonly Item[],
  count: number,
): readonly Item[] {
  const rest = [...items]
  return Array.from({ length: Math.min(count, items.length) }, () => {
    const [item] = rest.splice(random.integer(0, rest.length - 1), 1)
    return item as Item
  })
}

let networkCount = 0

/** A node that can be stopped and started again on its data. */
export class SimNode {
  readonly index: number
  readonly #params: ConsensusParams
  readonly #options: SimOptions
  readonly #listen: string
  #platform: Platform | undefined
  #node: QuarryNode | undefined
  #address = ''

  constructor(index: number, network: number, params: ConsensusParams, options: SimOptions) {
    this.index = index
    this.#params = params
    this.#options = options
    this.#listen = `/memory/sim-${network}-${index}`
  }

  get isUp(): boolean {
    return this.#node !== undefined
  }

  /** @throws RangeError if it is down. */
  get node(): QuarryNode {
    if (this.#node === undefined) throw new RangeError(`node ${this.index} is down`)
    return this.#node
  }

  get tip(): string {
    return this.node.chain.tip.hashHex
  }

  /** With the peer id; kept over restarts. */
  get address(): string {
    return this.#address
  }

  /** @param peers - Addresses to stay connected to. */
  async start(peers: readonly string[] = []): Promise<void> {
    this.#platform ??= await this.#openPlatform()
    this.#node = await createNode({
      params: this.#params,
      platform: this.#platform,
      createNetwork: createLibp2pNodeNetwork({ transports: [memory()] }),
      options: createNodeOptions({
        listen: [this.#listen],
        peers,
        maxPeers: this.#options.maxPeers ?? 125,
        isDevnet: true,
        mempool: { policy: { requiresStandard: false } },
        hasDevFaults: this.#options.hasDevFaults ?? false,
        coinCacheBytes: 8 * 1_048_576,
        version: '0.1.0',
      }),
      onFatal: (error) => {
        throw error
      },
      onStopRequested: () => undefined,
    })
    this.#address = this.#node.network.addresses()[0] ?? ''
  }

  async stop(): Promise<void> {
    const node = this.#node
    this.#node = undefined
    await node?.stop()
  }

  /** Mines blocks on this node's tip. */
  async mine(address: string, count = 1): Promise<void> {
    await this.node.rpc.execute('generatetoaddress', [count, address])
  }

  /** Kept over restarts, with the key and the databases. */
  async #openPlatform(): Promise<Platform> {
    const platform = await createMemoryPlatform({ child: () => silentLog })
    const databases = new Map<DatabaseName, ByteDatabase>()
    return {
      ...platform,
      openDatabase: async (name) => {
        const database = databases.get(name) ?? (await platform.openDatabase(name))
        databases.set(name, database)
        await database.open()
        return database
      },
    }
  }
}

/** How a network is made. */
export interface SimOptions {
  readonly count: number
  readonly links: readonly Link[]
  readonly seed: number
  readonly maxPeers?: number
  readonly hasDevFaults?: boolean
}

/** The nodes of one scenario. */
export class SimNetwork {
  readonly params = createConsensusParams(REGTEST_SPEC)
  readonly random: SeededRandom
  readonly nodes: readonly SimNode[]
  readonly #links: readonly Link[]
  readonly #payee: string

  constructor(options: SimOptions) {
    const network = networkCount++
    this.random = new SeededRandom(options.seed)
    this.#links = options.links
    this.#payee = new TestWallet(`sim ${options.seed}`).address('p2wpkh')
    this.nodes = Array.from(
      { length: options.count },
      (_, index) => new SimNode(index, network, this.params, options),
    )
  }

  get up(): readonly SimNode[] {
    return this.nodes.filter(({ isUp }) => isUp)
  }

  /** Starts all nodes and waits until every link is one. */
  async start(): Promise<void> {
    for (const node of this.nodes) await node.start()
    for (const [from, to] of this.#links) {
      this.#node(from).node.network.connect(this.#node(to).address)
    }
    await this.waitForLinks()
  }

  /** Waits until all links between nodes that are up are connections. */
  async waitForLinks(): Promise<void> {
    await waitFor('every link is a connection', () =>
      this.#links.every(([from, to]) => {
        const [a, b] = [this.#node(from), this.#node(to)]
        if (!a.isUp || !b.isUp) return true
        const id = b.node.network.selfId
        return a.node.network.peers().some((peer) => peer.id === id)
      }),
    )
  }

  /** Starts a node again, which dials those whom it dialled before. */
  async restart(node: SimNode): Promise<void> {
    const peers = this.#links.flatMap(([from, to]) =>
      from === node.index ? this.#node(to).address : [],
    )
    await node.start(peers)
  }

  /** Mines a block on one of these nodes. */
  async mineAnywhere(nodes: readonly SimNode[] = this.up): Promise<SimNode> {
    const node = this.random.pick(nodes)
    await node.mine(this.#payee)
    return node
  }

  /** Waits until nodes are on one tip. @returns How long that took, in milliseconds. */
  async waitForAgreement(nodes: readonly SimNode[] = this.up): Promise<number> {
    const start = performance.now()
    await waitFor(
      'one tip',
      () => new Set(nodes.map(({ tip }) => tip)).size === 1,
      () => describeHeights(nodes),
    )
    return performance.now() - start
  }

  /**
   * Waits until all are on branches of equal work, and ends their tie with a block that has no rival; then all must
   * agree. @returns How long all that took, in milliseconds.
   */
  async settle(): Promise<number> {
    const start = performance.now()
    await waitFor(
      'branches of equal work',
      () => new Set(this.up.map(({ node }) => node.chain.tip.chainWork)).size === 1,
      () => describeHeights(this.up),
    )
    await this.mineAnywhere()
    await this.waitForAgreement()
    return performance.now() - start
  }

  async stop(): Promise<void> {
    await Promise.all(this.up.map((node) => node.stop()))
  }

  #node(index: number): SimNode {
    const node = this.nodes[index]
    if (node === undefined) throw new RangeError(`there is no node ${index}`)
    return node
  }
}

function describeHeights(nodes: readonly SimNode[]): string {
  return nodes.map(({ index, node }) => `${index}: ${node.chain.tip.height}`).join(', ')
}

/** Polls until a condition holds. */
export async function waitFor(
  what: string,
  condition: () => boolean,
  describe: () => string = () => '',
): Promise<void> {
  const end = performance.now() + AGREEMENT_TIMEOUT_MS
  while (!condition()) {
    if (performance.now() > end) throw new RangeError(`waited in vain: ${what} ${describe()}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** The seeds of a scenario: those given, or what `SIM_SEED` says, to repeat one that failed. */
export function seedsOf(...seeds: readonly number[]): readonly number[] {
  const { SIM_SEED: wanted } = process.env
  return wanted === undefined ? seeds : [Number(wanted)]
}

/** Runs a scenario; whatever fails in it names the seed. */
export async function simulate(
  options: SimOptions,
  scenario: (network: SimNetwork) => Promise<void>,
): Promise<void> {
  const network = new SimNetwork(options)
  try {
    await network.start()
    await scenario(network)
  } catch (error) {
    throw new Error(`SIM_SEED=${options.seed} repeats this: ${String(error)}`, { cause: error })
  } finally {
    await network.stop()
  }
}

/** A figure of a run, for whoever reads its output. */
export function report(text: string): void {
  process.stdout.write(`${text}\n`)
}
