/** @module A real synchroniser on a real chain in memory, among peers that behave as a test wants. */

import { type Chain, createInlineScriptChecker } from '../../src/chain/index.ts'
import { type ConsensusParams, computeWork } from '../../src/consensus/index.ts'
import { Mempool } from '../../src/mempool/index.ts'
import { P2pError } from '../../src/p2p/index.ts'
import {
  type BlockHash,
  type BlockHeader,
  encodeBlock,
  type Transaction,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../src/script/index.ts'
import type { ChainDatabases } from '../../src/store/index.ts'
import {
  type Announcement,
  type DataItem,
  type DataReply,
  type GossipBlock,
  type GossipVerdict,
  type InventoryKind,
  MAX_HEADERS,
  type PeerId,
  type PeerInfo,
  type PeerNetwork,
  type PeerNetworkHandlers,
  type PeerStatus,
  Synchronizer,
} from '../../src/sync/index.ts'
import type { Logger } from '../../src/util/index.ts'
import { type PlacedBlock, placeGenesis } from './chain-generator.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { createMemoryDatabases, openMemoryChain, silentLog } from './memory-chain.ts'

/** A peer. Unless told otherwise it is honest: it has a chain and gives of it what it is asked for. */
export interface ScriptedPeer {
  readonly id: PeerId
  /** Inbound, unless told otherwise. */
  readonly direction?: PeerInfo['direction']
  status(): Omit<PeerStatus, 'genesisHash' | 'userAgent'>
  headers(locator: readonly BlockHash[]): Promise<readonly BlockHeader[]>
  block(hash: BlockHash): Promise<Uint8Array | undefined>
  /** A transaction, by wtxid or by txid. */
  transaction(item: DataItem): Promise<Uint8Array | undefined>
  /** Some transactions of a block. */
  transactions(
    hash: BlockHash,
    indexes: readonly number[],
  ): Promise<readonly Transaction[] | undefined>
}

/** A promise that never settles: a peer that does not answer. */
export function never(): Promise<never> {
  return new Promise(() => undefined)
}

/** An honest peer with a chain that begins after genesis, changed where wished. */
export function createPeer(
  id: PeerId,
  blocks: readonly PlacedBlock[],
  changes: Partial<ScriptedPeer> = {},
): ScriptedPeer {
  const places = new Map(blocks.map(({ hash }, index) => [toDisplayHex(hash), index]))
  const tip = blocks.at(-1)
  return {
    id,
    status: () => ({
      tipHash: tip?.hash ?? (new Uint8Array(32) as BlockHash),
      tipHeight: blocks.length,
      chainWork: blocks.reduce((sum, { block }) => sum + computeWork(block.header.bits), 1n),
    }),
    headers: async (locator) => {
      const fork = locator.find((hash) => places.has(toDisplayHex(hash)))
      const start = fork === undefined ? 0 : (places.get(toDisplayHex(fork)) ?? 0) + 1
      return blocks.slice(start, start + MAX_HEADERS).map(({ block }) => block.header)
    },
    block: async (hash) => {
      const placed = blocks[places.get(toDisplayHex(hash)) ?? -1]
      return placed === undefined ? undefined : encodeBlock(placed.block)
    },
    transaction: async () => undefined,
    transactions: async (hash, indexes) => {
      const { transactions } = blocks[places.get(toDisplayHex(hash)) ?? -1]?.block ?? {}
      return transactions && indexes.flatMap((index) => transactions[index] ?? [])
    },
    ...changes,
  }
}

interface Connected {
  peer: ScriptedPeer
  readonly leave: (error: P2pError) => void
  readonly gone: Promise<never>
}

const NO_HASH = new Uint8Array(32) as BlockHash
const NO_STATUS: PeerStatus = {
  genesisHash: NO_HASH,
  tipHash: NO_HASH,
  tipHeight: 0,
  chainWork: 0n,
  userAgent: '/t/',
}

/** A peer that has just connected. */
export function createPeerInfo(id: PeerId, status = NO_STATUS): PeerInfo {
  return {
    id,
    address: `/p2p/${id}`,
    direction: 'inbound',
    number: 0,
    connectedAtMs: 0,
    startingHeight: status.tipHeight,
    status,
    pingMs: undefined,
    lastSendMs: undefined,
    lastReceiveMs: undefined,
    lastBlockMs: undefined,
    lastTransactionMs: undefined,
    bytesSent: 0,
    bytesReceived: 0,
  }
}

/** Carries requests to the scripts of peers. Gossip goes nowhere. */
export class ScriptedNetwork implements PeerNetwork {
  readonly selfId = 'self'
  /** Peers that were disconnected by us, with the reason. */
  readonly dropped = new Map<PeerId, string>()
  /** Those of them that were banned. */
  readonly banned = new Map<PeerId, string>()
  /** What the node has announced, in order. */
  readonly announcements: (readonly Announcement[])[] = []
  /** Blocks that the node has gossiped, in order. */
  readonly gossiped: GossipBlock[] = []
  /** How many transactions of blocks each peer was asked for at a time, in order. */
  readonly askedTransactions: [id: PeerId, count: number][] = []
  /** Hashes of blocks asked for, by peer, in order. */
  readonly askedBlocks = new Map<PeerId, string[]>()
  /** Ids of transactions asked for, by peer, one list for each request. */
  readonly askedIds = new Map<PeerId, (readonly string[])[]>()
  /** Peers that were credited, with what for. */
  readonly credited: string[] = []
  readonly #genesisHash: BlockHash
  readonly #connected = new Map<PeerId, Connected>()
  #handlers: PeerNetworkHandlers | undefined

  constructor(params: ConsensusParams) {
    this.#genesisHash = params.genesisHash
  }

  /** Connects a peer and lets it send its STATUS; again, and with its present script, if it is connected. */
  join(peer: ScriptedPeer): void {
    const connected = this.#connected.get(peer.id)
    const isNew = connected === undefined
    if (connected !== undefined) connected.peer = peer
    else {
      const abort = new AbortController()
      const gone = new Promise<never>((_, reject) => {
        abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
      })
      gone.catch(() => undefined)
      this.#connected.set(peer.id, { peer, leave: (error) => abort.abort(error), gone })
    }
    this.#handlers?.onPeerStatus(this.#infoOf(peer), isNew)
  }

  /** A peer goes away by itself. */
  leave(id: PeerId): void {
    const connected = this.#connected.get(id)
    if (connected === undefined) return
    this.#connected.delete(id)
    connected.leave(new P2pError('unknown-peer', 'the peer is gone'))
    this.#handlers?.onPeerGone(id)
  }

  addresses(): readonly string[] {
    return []
  }

  async start(handlers: PeerNetworkHandlers): Promise<void> {
    this.#handlers = handlers
  }

  async stop(): Promise<void> {
    for (const id of [...this.#connected.keys()]) this.leave(id)
  }

  peers(): readonly PeerInfo[] {
    return [...this.#connected.values()].map(({ peer }) => this.#infoOf(peer))
  }

  connect(): void {}

  forget(): boolean {
    return false
  }

  async dialOnce(): Promise<void> {}

  async disconnect(id: PeerId, reason: string): Promise<void> {
    this.dropped.set(id, reason)
    this.leave(id)
  }

  ban(id: PeerId, _durationMs: number, reason: string): Promise<void> {
    this.banned.set(id, reason)
    return this.disconnect(id, reason)
  }

  async publishBlock(block: GossipBlock): Promise<void> {
    this.gossiped.push(block)
  }

  /** Lets a peer gossip a block. */
  gossip(block: GossipBlock, from: PeerId): Promise<GossipVerdict> {
    if (this.#handlers === undefined) throw new RangeError('the network has not started')
    return this.#handlers.onGossipBlock(block, from)
  }

  /** Lets a peer announce what it has. */
  announce(items: readonly Announcement[], from: PeerId): GossipVerdict | undefined {
    return this.#handlers?.onAnnouncements(items, from)
  }

  async publishAnnouncements(items: readonly Announcement[]): Promise<void> {
    this.announcements.push(items)
  }

  async exchangeStatus(id: PeerId): Promise<PeerStatus> {
    const { peer } = this.#find(id)
    return this.#infoOf(peer).status
  }

  requestHeaders(id: PeerId, locator: readonly BlockHash[]): Promise<readonly BlockHeader[]> {
    const { peer, gone } = this.#find(id)
    return Promise.race([peer.headers(locator), gone])
  }

  async *requestData(
    id: PeerId,
    items: readonly DataItem[],
    signal?: AbortSignal,
  ): AsyncGenerator<DataReply> {
    const { peer, gone } = this.#find(id)
    const isOfBlocks = items[0]?.kind === 'block'
    const ids = items.map(({ hash }) => toDisplayHex(hash))
    if (isOfBlocks) this.askedBlocks.set(id, [...(this.askedBlocks.get(id) ?? []), ...ids])
    else this.askedIds.set(id, [...(this.askedIds.get(id) ?? []), ids])
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason))
    })
    aborted.catch(() => undefined)
    for (const item of items) {
      const answer =
        item.kind === 'block' ? peer.block(item.hash as BlockHash) : peer.transaction(item)
      yield { ...item, bytes: await Promise.race([answer, gone, aborted]) }
    }
  }

  requestTransactions(
    id: PeerId,
    blockHash: BlockHash,
    indexes: readonly number[],
  ): Promise<readonly Transaction[] | undefined> {
    const { peer, gone } = this.#find(id)
    this.askedTransactions.push([id, indexes.length])
    return Promise.race([peer.transactions(blockHash, indexes), gone])
  }

  credit(id: PeerId, kind: InventoryKind): void {
    this.credited.push(`${id} ${kind}`)
  }

  #find(id: PeerId): Connected {
    const connected = this.#connected.get(id)
    if (connected === undefined) throw new P2pError('unknown-peer', 'nobody is there')
    return connected
  }

  #infoOf(peer: ScriptedPeer): PeerInfo {
    const status = { ...peer.status(), genesisHash: this.#genesisHash, userAgent: '/t/' }
    return { ...createPeerInfo(peer.id, status), direction: peer.direction ?? 'inbound' }
  }
}

/** A synchroniser with its world. */
export interface SyncedNode {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly clock: FakeClock
  readonly network: ScriptedNetwork
  readonly sync: Synchronizer
  /** What was told to be fatal. */
  readonly failures: unknown[]
  /** Lets time pass, a quarter of a second at a time, until a condition holds or the time is over. */
  advanceUntil(condition: () => boolean, limitMs: number): Promise<void>
  stop(): Promise<void>
}

const STEP_MS = 250
/** Turns of the event loop that a chain in memory needs for all that can be done at one moment. */
const MAX_TURNS = 5_000

/** Starts a node without peers. It stands at genesis, or where its databases do. */
export async function startSyncedNode(
  params: ConsensusParams,
  databases: ChainDatabases = createMemoryDatabases(),
  log: Logger = silentLog,
): Promise<SyncedNode> {
  const clock = new FakeClock((placeGenesis(params).block.header.time + 10_000_000) * 1_000)
  const chain = await openMemoryChain(params, clock, databases)
  const mempool = new Mempool(
    {
      chain,
      scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
      signatures: nobleSignatureEngine,
      clock,
      log: silentLog,
    },
    { requiresStandard: false },
  )
  const network = new ScriptedNetwork(params)
  const failures: unknown[] = []
  const sync = new Synchronizer(
    {
      chain,
      mempool,
      network,
      clock,
      random: { float: () => 0.5, bytes: (size) => new Uint8Array(size).fill(7) },
      log,
      fatal: (error) => failures.push(error),
      onCaughtUp: () => undefined,
    },
    { userAgent: '/t/', expectsPeers: true },
  )
  await sync.start()
  return {
    chain,
    mempool,
    clock,
    network,
    sync,
    failures,
    advanceUntil: async (condition, limitMs) => {
      for (let passed = 0; passed <= limitMs; passed += STEP_MS) {
        await rest(chain)
        if (condition()) return
        await clock.advance(STEP_MS)
      }
    },
    stop: async () => {
      await sync.stop()
      await chain.close()
    },
  }
}

/** Waits until the chain has done what it can do without time passing. */
async function rest(chain: Chain): Promise<void> {
  const state = () => `${chain.tip.hashHex} ${chain.headerCount}`
  let last = ''
  let same = 0
  for (let turn = 0; turn < MAX_TURNS && same < 20; turn++) {
    await settle()
    same = state() === last ? same + 1 : 0
    last = state()
  }
}
