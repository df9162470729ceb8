/**
 * A real node under attack, and an honest peer that goes on asking it: how long each answer took, what the node holds
 * before and after, and that it still does its work.
 *
 * @module
 */

import '../../src/platform/nodejs/polyfills.ts'
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tcp } from '@libp2p/tcp'
import { expect } from 'vitest'
import {
  type ConsensusParams,
  createConsensusParams,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../src/consensus/index.ts'
import { createLibp2pNetwork, generateIdentity } from '../../src/p2p/index.ts'
import { systemClock, systemRandom } from '../../src/platform/system.ts'
import { type BlockHash, encodeBlock, toDisplayHex } from '../../src/primitives/index.ts'
import type { PeerNetwork, PeerNetworkHandlers, PeerStatus } from '../../src/sync/index.ts'
import { createBlock, createBlocks, type PlacedBlock, placeGenesis } from './chain-generator.ts'
import { silentLog } from './fixed-clock.ts'
import { type Json, type NodeProcess, TestNetwork, waitFor } from './node-process.ts'

/**
 * An honest peer has its answer within two seconds, every time, tries that failed and new connections included.
 *
 * Of a time, what the node spends on an attack counts, and whatever it lets the honest peer wait for. What does not
 * count is how long the node, or the honest peer, was ready to go on and had no processor, as the kernel's scheduler
 * counts it: attackers run on the same machine, and so may others, whom no node can do anything about.
 */
const SERVED_WITHIN_MS = 2_000
/** How long the node may take to be as it was. */
const RECOVERY_MS = 60_000
/** The collector returns memory when it likes: a leak of what the attacks send is far more. */
const RSS_MARGIN_MB = 200
const BYTES_PER_KB = 1_024
const CHAIN_LENGTH = 20

/** A peer of our protocols that answers as a test wants. */
export async function startPeer(
  params: ConsensusParams,
  answers: Partial<PeerNetworkHandlers> & { readonly tip?: PlacedBlock; readonly work?: bigint },
): Promise<PeerNetwork> {
  const { tip = placeGenesis(params), work = 2n, ...handlers } = answers
  const peer = createLibp2pNetwork(
    {
      transports: [tcp()],
      privateKey: await generateIdentity(systemRandom),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    },
    {
      chainId: params.chainId,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      maxPeers: 10,
      isDevnet: true,
      userAgent: '/peer/',
    },
  )
  await peer.start({
    status: () => ({ ...statusOf(params, tip), chainWork: work, userAgent: '/peer/' }),
    acceptsStatus: () => true,
    onPeerStatus: () => undefined,
    onPeerGone: () => undefined,
    onGossipBlock: async () => 'ignore',
    onAnnouncements: () => 'ignore',
    serveHeaders: () => [],
    serveData: async () => undefined,
    serveTransactions: async () => undefined,
    ...handlers,
  })
  return peer
}

/** The STATUS of a node with a tip, that claims no work. */
export function statusOf(params: ConsensusParams, tip = placeGenesis(params)): PeerStatus {
  return {
    genesisHash: params.genesisHash,
    tipHash: tip.hash,
    tipHeight: tip.height,
    chainWork: 2n,
    userAgent: '/hostile/',
  }
}

/** What is compared before and after. */
interface NodeState {
  readonly tip: string
  readonly headers: number
  readonly tips: number
  readonly peers: number
  readonly mempool: number
}

/** @throws RangeError if the process is gone. */
function readRssMb(pid: number | undefined): number {
  // Now and then, on a busy machine, it tells nothing.
  for (let attempt = 0; attempt < 20; attempt++) {
    const text = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
    if (Number(text) > 0) return Number(text) / BYTES_PER_KB
  }
  throw new RangeError(`no memory is told of process ${pid}`)
}

function toHex({ block }: PlacedBlock): string {
  return Buffer.from(encodeBlock(block)).toString('hex')
}

/** How a scene is set. */
export interface SceneWishes {
  /** Fields of a chain spec; regtest unless told otherwise. */
  readonly spec?: Json
  /** Makes the node's chain: 20 blocks unless told otherwise. */
  readonly createChain?: (params: ConsensusParams) => readonly PlacedBlock[]
  /** Makes the block after the node's tip. */
  readonly next?: (tip: PlacedBlock, params: ConsensusParams) => PlacedBlock
  readonly isDiscovering?: boolean
  readonly peers?: readonly string[]
  readonly flags?: readonly string[]
}

/** What an attack may leave changed. */
export interface Endurance {
  /** Peers that remain connected afterwards, beside the honest one. */
  readonly remaining?: number
  /** Transactions that wait afterwards, beside those that did before. */
  readonly waiting?: number
  /** Whether it leaves headers and branches behind that somebody has paid for. */
  readonly leavesHeaders?: boolean
  /** By how many megabytes more the process may be left with, where that is not the usual. */
  readonly rssMarginMb?: number
}

/** How long something took, and for how much of that there was no processor. */
interface Wait {
  readonly ms: number
  readonly starvedMs: number
}

/** No answer came at all. */
const NEVER: Wait = { ms: Number.POSITIVE_INFINITY, starvedMs: 0 }

/** What of a time is the node's doing. */
function netOf({ ms, starvedMs }: Wait): number {
  return ms - starvedMs
}

/** What the honest peer's process tells. */
type Told =
  | { retry: string }
  | { served: Wait }
  | { newcomer: Wait }
  | { heard: string }
  | { failure: string }

/** The honest peer, in a process of its own. */
class HonestPeer {
  readonly #child: ChildProcess
  readonly heard = new Set<string>()
  /** What each answer took. */
  served: Wait[] = []
  #onNewcomer: (wait: Wait) => void = () => undefined

  constructor({ ready, child }: NodeProcess, params: ConsensusParams, tip: PlacedBlock) {
    const toHexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
    const hashes = [params.genesisHash, tip.hash].map(toHexText)
    const given = [ready.multiaddr, params.chainId, ...hashes, String(child.pid)]
    this.#child = fork(fileURLToPath(new URL('honest-peer.mjs', import.meta.url)), given, {
      execArgv: [],
    })
    this.#child.on('message', (message) => this.#take(message as Told))
  }

  /** How long a newcomer waits for its first answer, from the dial on. */
  welcome(): Promise<Wait> {
    return new Promise((resolve) => {
      this.#onNewcomer = resolve
      this.#child.send('welcome')
    })
  }

  stop(): void {
    this.#child.kill()
  }

  #take(told: Told): void {
    if ('retry' in told) process.stdout.write(`the honest peer asks again: ${told.retry}\n`)
    else if ('served' in told) this.served.push(told.served)
    else if ('newcomer' in told) this.#onNewcomer(told.newcomer)
    else if ('heard' in told) {
      this.heard.add(toDisplayHex(Uint8Array.from(Buffer.from(told.heard, 'hex')) as BlockHash))
    } else if (told.failure.startsWith('newcomer')) this.#onNewcomer(NEVER)
    else this.served.push(NEVER)
  }
}

function describeWait(wait: Wait): string {
  return `${wait.ms.toFixed(0)} ms (${wait.starvedMs.toFixed(0)} without a processor)`
}

/** One node, one honest peer, and whoever a test brings. */
export class AttackScene {
  readonly params: ConsensusParams
  readonly victim: NodeProcess
  readonly #network: TestNetwork
  readonly #honest: HonestPeer
  readonly #guests: { stop(): Promise<void> }[] = []
  readonly #next: NonNullable<SceneWishes['next']>
  #tip: PlacedBlock

  private constructor(
    init: Pick<AttackScene, 'params' | 'victim' | 'tip'> & {
      next: NonNullable<SceneWishes['next']>
      network: TestNetwork
      honest: HonestPeer
    },
  ) {
    this.params = init.params
    this.victim = init.victim
    this.#tip = init.tip
    this.#next = init.next
    this.#network = init.network
    this.#honest = init.honest
  }

  /** The last block of the node's chain. */
  get tip(): PlacedBlock {
    return this.#tip
  }

  /** Starts the node, gives it its chain, and lets the honest peer in. */
  static async start(wishes: SceneWishes = {}): Promise<AttackScene> {
    const network = new TestNetwork()
    const chain = wishes.spec === undefined ? 'regtest' : network.writeSpec('attack', wishes.spec)
    const params = createConsensusParams(
      wishes.spec === undefined
        ? REGTEST_SPEC
        : parseChainSpec(JSON.parse(readFileSync(chain, 'utf8'))),
    )
    const blocks =
      wishes.createChain?.(params) ?? createBlocks(placeGenesis(params), params, CHAIN_LENGTH)
    const victim = await network.start('victim', {
      chain,
      flags: wishes.flags ?? [],
      peers: wishes.peers ?? [],
      isDiscovering: wishes.isDiscovering ?? false,
    })
    for (const placed of blocks) {
      const refusal = await victim.call('submitblock', toHex(placed))
      if (refusal !== null) throw new Error(`the node refuses its own chain: ${refusal}`)
    }
    const tip = blocks.at(-1) ?? placeGenesis(params)
    const honest = new HonestPeer(victim, params, tip)
    await waitFor('the honest peer has an answer', async () => honest.served.length > 0)
    const next = wishes.next ?? ((last: PlacedBlock) => createBlock(last, params, { salt: 99 }))
    return new AttackScene({ params, victim, tip, next, network, honest })
  }

  /** Has somebody stopped when an attack is over. */
  keep<Guest extends { stop(): Promise<void> }>(guest: Guest): Guest {
    this.#guests.push(guest)
    return guest
  }

  /** Has a newcomer ask, which must have its first answer in time, from the dial on. */
  async welcome(): Promise<string> {
    const wait = await this.#honest.welcome()
    expect(netOf(wait)).toBeLessThan(SERVED_WITHIN_MS)
    return describeWait(wait)
  }

  /**
   * Lets an attack run while the honest peer goes on asking, has the attackers go, and then sees to it that all is as
   * it was.
   */
  async endure(
    name: string,
    attack: () => Promise<void>,
    {
      remaining = 0,
      waiting = 0,
      leavesHeaders = false,
      rssMarginMb = RSS_MARGIN_MB,
    }: Endurance = {},
  ): Promise<void> {
    const { headers, tips, ...rest } = await this.#readState()
    const before = leavesHeaders ? rest : { ...rest, headers, tips }
    const rssBefore = readRssMb(this.victim.child.pid)
    this.#honest.served = []
    const start = performance.now()
    await attack()
    const seconds = (performance.now() - start) / 1_000
    // Whoever waited longest has its answer, too.
    const count = this.#honest.served.length
    await waitFor('one more answer', async () => this.#honest.served.length > count, RECOVERY_MS)
    const { served } = this.#honest
    const sorted = served.toSorted((a, b) => netOf(a) - netOf(b))
    const median = sorted[Math.floor(sorted.length / 2)] ?? NEVER
    const worst = sorted.at(-1) ?? NEVER
    const rssPeak = readRssMb(this.victim.child.pid)
    await this.#dismiss()
    const after = {
      ...before,
      peers: before.peers + remaining,
      mempool: before.mempool + waiting,
    }
    await this.#expectQuiet(after, rssBefore + rssMarginMb)
    const newcomer = await this.welcome()
    process.stdout.write(
      `${name}, ${seconds.toFixed(0)} s: ${served.length} answers, median ${describeWait(median)}, worst ${describeWait(worst)}; a newcomer's afterwards ${newcomer}; ${rssBefore.toFixed(0)} MB before, ${rssPeak.toFixed(0)} at its end, ${readRssMb(this.victim.child.pid).toFixed(0)} later\n`,
    )
    expect(netOf(worst)).toBeLessThan(SERVED_WITHIN_MS)
    await this.#expectNews()
    const isOurs = (line: string): boolean => /Warning|handler threw|validator threw/.test(line)
    expect(this.victim.log.split('\n').filter(isOurs)).toEqual([])
  }

  async stop(): Promise<void> {
    await this.#dismiss()
    this.#honest.stop()
    await this.#network.close()
  }

  async #dismiss(): Promise<void> {
    await Promise.allSettled(this.#guests.splice(0).map((guest) => guest.stop()))
  }

  async #readState(): Promise<NodeState> {
    const call = (method: string): Promise<Json> => this.victim.call(method)
    const { bestblockhash: tip, headers } = await call('getblockchaininfo')
    return {
      tip,
      headers,
      tips: (await call('getchaintips')).length,
      peers: await call('getconnectioncount'),
      mempool: (await call('getmempoolinfo')).size,
    }
  }

  /** What the node holds is what it held, its memory about as much, and answers come in time. */
  async #expectQuiet(before: Partial<NodeState>, maxRssMb: number): Promise<void> {
    this.#honest.served = []
    await waitFor(
      'an answer comes within two seconds',
      async () => this.#honest.served.some((wait) => netOf(wait) < SERVED_WITHIN_MS),
      RECOVERY_MS,
    )
    const isAsBefore = async (): Promise<boolean> => {
      const state: Readonly<Record<string, unknown>> = { ...(await this.#readState()) }
      return Object.entries(before).every(([name, value]) => state[name] === value)
    }
    await waitFor('the node is as it was', isAsBefore, RECOVERY_MS).catch(() => undefined)
    expect(await this.#readState()).toMatchObject(before)
    const isReturned = async (): Promise<boolean> => readRssMb(this.victim.child.pid) < maxRssMb
    await waitFor('memory is returned', isReturned, RECOVERY_MS).catch(() => undefined)
    expect(readRssMb(this.victim.child.pid)).toBeLessThan(maxRssMb)
  }

  /** A block that the node is given reaches the honest peer. */
  async #expectNews(): Promise<void> {
    const next = this.#next(this.#tip, this.params)
    const hash = toDisplayHex(next.hash)
    expect(await this.victim.call('submitblock', toHex(next))).toBeNull()
    const { heard } = this.#honest
    await waitFor('the honest peer hears of the next block', async () => heard.has(hash))
    expect(await this.victim.call('getbestblockhash')).toBe(hash)
    this.#tip = next
  }
}
