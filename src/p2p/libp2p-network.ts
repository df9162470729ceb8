/** @module `PeerNetwork` over libp2p: assembly, connections, start and stop. */

import { type Connection, type PrivateKey, setMaxListeners } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { BlockHash, BlockHeader, Transaction } from '../primitives/index.ts'
import type {
  Announcement,
  ConnectionType,
  DataItem,
  DataReply,
  GossipBlock,
  InventoryKind,
  PeerControl,
  PeerId,
  PeerInfo,
  PeerNetwork,
  PeerNetworkHandlers,
  PeerStatus,
} from '../sync/index.ts'
import {
  assertInvariant,
  type Clock,
  isHex,
  type KeyValueStore,
  LimitedLog,
  type Logger,
  type RandomSource,
  toErrorMessage,
} from '../util/index.ts'
import { AddressBook } from './address-book.ts'
import { BanList } from './ban-list.ts'
import { createConnectionGater } from './connection-gater.ts'
import { DataProtocol } from './data-protocol.ts'
import { orAborted, withDeadline } from './deadline.ts'
import { DialLoops } from './dial-loops.ts'
import { Discovery } from './discovery.ts'
import type { FaultControls } from './fault-controls.ts'
import type { FaultLayer } from './fault-layer.ts'
import { GossipRelay } from './gossip-relay.ts'
import { decodeIdentity } from './identity.ts'
import {
  createNode,
  type Node,
  type NodeOptions,
  type PeerDiscoveryFactory,
  type TransportFactory,
} from './libp2p-node.ts'
import {
  DEFAULT_OUTBOUND_TARGET,
  DIAL_TIMEOUT_MS,
  HOSTILE_LOG_QUOTA,
  MAX_STREAMS_PER_PROTOCOL,
  PEER_LOG_QUOTA,
  paceOf,
  STOP_TIMEOUT_MS,
} from './limits.ts'
import { callHandler, closeConnection, inTime, type NetworkContext } from './network-context.ts'
import { NetworkControl } from './network-control.ts'
import { P2pError, toP2pError } from './p2p-error.ts'
import { parseAddress, peerIdOf } from './parse-address.ts'
import { type Peer, PeerTable } from './peer-table.ts'
import { CHAIN_ID_LENGTH, createProtocolNames, type ProtocolNames } from './protocol-names.ts'
import { type PeerLimits, SyncProtocol } from './sync-protocol.ts'
import { Upkeep } from './upkeep.ts'

/** Where a network keeps what it knows of others. */
export interface NetworkStores {
  readonly bans: KeyValueStore
  readonly addresses: KeyValueStore
  readonly anchors: KeyValueStore
}

/** What a network is made of. */
export interface Libp2pNetworkDeps {
  /** TCP and whatever else the runtime has. */
  readonly transports: readonly TransportFactory[]
  /** For example mDNS. Discovered nodes are dialled until there are enough outbound peers. */
  readonly peerDiscovery?: readonly PeerDiscoveryFactory[]
  /** As `generateIdentity` made it. */
  readonly privateKey: Uint8Array
  /** Faults on purpose; without them connections are the transports' own. */
  readonly faults?: FaultLayer | undefined
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  /** What is kept over restarts; without it nothing is. */
  readonly stores?: Partial<NetworkStores>
}

/** How a network behaves. */
export interface Libp2pNetworkOptions extends NodeOptions {
  /** The first 8 hex digits of the chain spec's hash. */
  readonly chainId: string
  /** Outbound peers sought by discovery, and slots that inbound peers cannot take. */
  readonly outboundTarget?: number
  /** Whether to look for peers: to exchange addresses, and to dial who is in the book. */
  readonly isDiscovering?: boolean
}

/** The port, and what only libp2p can tell. */
export interface Libp2pNetwork extends PeerNetwork {
  /** For operators. */
  readonly control: PeerControl
  /** Whether the node looks for peers and knows some from earlier. Settled once it has started. */
  readonly remembersPeers: boolean
  /** Faults on purpose; undefined if it was made without them. */
  readonly faults: FaultControls | undefined
  /** A peer's gossipsub score: zero is neutral, negative is bad, far below zero is cut. */
  gossipScore(id: PeerId): number
}

/**
 * Makes a network that is not started yet.
 *
 * @throws {@link DecodeError} `bad-value` if the private key is not one
 */
export function createLibp2pNetwork(
  deps: Libp2pNetworkDeps,
  options: Libp2pNetworkOptions,
): Libp2pNetwork {
  return new Libp2pPeerNetwork(deps, options)
}

/** Everything that exists between start and stop. */
interface Running {
  readonly node: Node
  readonly context: NetworkContext
  readonly relay: GossipRelay
  readonly sync: SyncProtocol
  readonly data: DataProtocol
  readonly upkeep: Upkeep
  /** Undefined if it is off. */
  readonly discovery: Discovery | undefined
}

class Libp2pPeerNetwork implements Libp2pNetwork {
  readonly selfId: PeerId
  readonly #deps: Libp2pNetworkDeps
  readonly #options: Libp2pNetworkOptions
  readonly #privateKey: PrivateKey
  readonly #stopping = new AbortController()
  readonly control: NetworkControl
  readonly #table: PeerTable
  readonly #bans: BanList
  readonly #book: AddressBook
  readonly #loops: DialLoops
  #running: Running | undefined
  #stopped: Promise<void> | undefined

  constructor(deps: Libp2pNetworkDeps, options: Libp2pNetworkOptions) {
    assertInvariant(
      options.chainId.length === CHAIN_ID_LENGTH && isHex(options.chainId),
      'a chain id is 8 hex digits',
    )
    this.#deps = deps
    this.#options = options
    this.#privateKey = decodeIdentity(deps.privateKey)
    this.selfId = peerIdFromPrivateKey(this.#privateKey).toString()
    // All that is at work listens to it: that many is no leak, and Node.js would warn.
    setMaxListeners(Number.POSITIVE_INFINITY, this.#stopping.signal)
    this.#table = new PeerTable(deps.clock, paceOf(options.isDevnet))
    this.#bans = new BanList({ clock: deps.clock, log: deps.log, store: deps.stores?.bans })
    this.#book = new AddressBook({ ...deps, store: deps.stores?.addresses }, this.selfId)
    this.#loops = new DialLoops({
      ...deps,
      dial: (address, signal) => this.#dial(parseAddress(address), 'manual', signal),
    })
    this.control = new NetworkControl({
      table: this.#table,
      bans: this.#bans,
      loops: this.#loops,
      book: this.#book,
      log: deps.log,
      disconnect: (isMeant, reason) => this.#disconnectWhere(isMeant, reason),
      ping: (peer) => this.#running?.upkeep.ping(peer),
    })
  }

  get faults(): FaultControls | undefined {
    return this.#deps.faults
  }

  addresses(): readonly string[] {
    return this.#running?.node.getMultiaddrs().map((address) => address.toString()) ?? []
  }

  async start(handlers: PeerNetworkHandlers): Promise<void> {
    assertInvariant(this.#running === undefined, 'a network is started once')
    const names = createProtocolNames(this.#options.chainId)
    await this.#bans.load()
    await this.#book.load()
    const node = await this.#createNode(names)
    const { clock, log } = this.#deps
    const context: NetworkContext = {
      clock,
      log,
      hostileLog: new LimitedLog(log, 'debug', HOSTILE_LOG_QUOTA, clock),
      banLog: new LimitedLog(log, 'warn', HOSTILE_LOG_QUOTA, clock),
      peerLog: new LimitedLog(log, 'info', PEER_LOG_QUOTA, clock),
      names,
      handlers,
      table: this.#table,
      bans: this.#bans,
      feelers: new Set(),
      stopping: this.#stopping.signal,
      punish: (id, durationMs, reason) => this.#punish(id, durationMs, reason),
    }
    const running = this.#assemble(node, context)
    this.#running = running
    await this.#register(running)
    await node.start()
    running.relay.subscribe()
    running.upkeep.start()
    await running.discovery?.start()
  }

  /** Without faults on purpose, nothing of them is in the way. */
  #createNode(names: ProtocolNames): Promise<Node> {
    const { faults, transports, peerDiscovery = [] } = this.#deps
    const gater = createConnectionGater(this.#bans, () => this.control.isActive)
    // Who is no longer blocked is dialled at once.
    faults?.onChange(() => this.#loops.hurry())
    return createNode(
      {
        privateKey: this.#privateKey,
        transports: faults ? transports.map((create) => faults.wrapTransport(create)) : transports,
        peerDiscovery,
        connectionGater: faults ? faults.wrapGater(gater) : gater,
        names,
      },
      this.#options,
    )
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  peers(): readonly PeerInfo[] {
    return this.#table.values().map((peer) => peer.toInfo())
  }

  connect(address: string): void {
    parseAddress(address)
    if (!this.#stopping.signal.aborted) this.#loops.keep(address)
  }

  forget(address: string): boolean {
    return this.#loops.forget(address)
  }

  async dialOnce(address: string, signal?: AbortSignal): Promise<void> {
    await this.#dial(parseAddress(address), 'manual', signal)
  }

  async disconnect(id: PeerId, reason: string): Promise<void> {
    const connections = this.#connectionsOf(id)
    if (connections.length === 0) return
    this.#run().context.peerLog.write('Disconnecting a peer', { peer: id, reason })
    await Promise.all(connections.map((connection) => this.#close(connection)))
  }

  async ban(id: PeerId, durationMs: number, reason: string): Promise<void> {
    this.#bans.ban(id, durationMs, reason)
    await this.disconnect(id, reason)
  }

  credit(id: PeerId, kind: InventoryKind): void {
    this.#table.get(id)?.onCredit(kind)
  }

  async publishBlock(block: GossipBlock): Promise<void> {
    await this.#running?.relay.publishBlock(block)
  }

  async publishAnnouncements(items: readonly Announcement[]): Promise<void> {
    await this.#running?.relay.publishAnnouncements(items)
  }

  async exchangeStatus(id: PeerId, signal?: AbortSignal): Promise<PeerStatus> {
    return this.#run().sync.exchangeStatus(this.#peer(id), signal)
  }

  async requestHeaders(
    id: PeerId,
    locator: readonly BlockHash[],
    stop: BlockHash | undefined,
    signal?: AbortSignal,
  ): Promise<readonly BlockHeader[]> {
    return this.#run().sync.requestHeaders(this.#peer(id), locator, stop, signal)
  }

  async *requestData(
    id: PeerId,
    items: readonly DataItem[],
    signal?: AbortSignal,
  ): AsyncGenerator<DataReply> {
    yield* this.#run().data.request(this.#peer(id), items, signal)
  }

  async requestTransactions(
    id: PeerId,
    blockHash: BlockHash,
    indexes: readonly number[],
    signal?: AbortSignal,
  ): Promise<readonly Transaction[] | undefined> {
    return this.#run().data.requestTransactions(this.#peer(id), blockHash, indexes, signal)
  }

  get remembersPeers(): boolean {
    return this.#running?.discovery?.hasCandidates ?? false
  }

  gossipScore(id: PeerId): number {
    return this.#running?.relay.score(id) ?? 0
  }

  #assemble(node: Node, context: NetworkContext): Running {
    const { maxPeers } = this.#options
    // A small node that kept all its slots for outbound peers could not be joined.
    const defaultTarget = Math.min(DEFAULT_OUTBOUND_TARGET, Math.floor(maxPeers / 2))
    const limits = { maxPeers, outboundTarget: this.#options.outboundTarget ?? defaultTarget }
    const sync = new SyncProtocol(context, limits, this.#deps.random)
    const data = new DataProtocol(context, (connection) => sync.whenPeer(connection))
    const relay = new GossipRelay({
      context,
      pubsub: node.services.pubsub,
      random: this.#deps.random,
      selfBytes: node.peerId.toMultihash().bytes,
      whenPeer: (id) => sync.whenPeerId(id),
    })
    const upkeep = new Upkeep({
      ...this.#deps,
      context,
      node,
      relay,
      sync,
      limits,
      disconnect: (id, reason) => this.disconnect(id, reason),
      dial: (target, signal) => this.#dial([...target], 'outbound-full-relay', signal),
    })
    const discovery =
      this.#options.isDiscovering === true
        ? this.#createDiscovery(node, context, sync, limits)
        : undefined
    return { node, context, relay, sync, data, upkeep, discovery }
  }

  #createDiscovery(
    node: Node,
    context: NetworkContext,
    sync: SyncProtocol,
    limits: PeerLimits,
  ): Discovery {
    const { isDevnet } = this.#options
    const { random, stores } = this.#deps
    return new Discovery({
      context,
      node,
      book: this.#book,
      privateKey: this.#privateKey,
      random,
      limits,
      isDevnet,
      anchorStore: stores?.anchors,
      isActive: () => this.control.isActive,
      dial: (address) => this.#dial(parseAddress(address), 'outbound-full-relay', context.stopping),
      feel: (id, address) => this.#feel(id, address),
      whenPeer: (connection) => sync.whenPeer(connection),
    })
  }

  /** Listens to libp2p before there is anything to hear. */
  async #register({ node, context, relay, sync, data, upkeep, discovery }: Running): Promise<void> {
    const limits = {
      maxInboundStreams: MAX_STREAMS_PER_PROTOCOL,
      maxOutboundStreams: MAX_STREAMS_PER_PROTOCOL,
    }
    await node.handle(context.names.syncProtocol, (s, c) => sync.serve(s, c), limits)
    await node.handle(context.names.dataProtocol, (s, c) => data.serve(s, c), limits)
    await discovery?.register()
    relay.prepare()
    node.addEventListener('connection:open', ({ detail }) => sync.onConnectionOpen(detail))
    node.addEventListener('connection:close', ({ detail }) => this.#onConnectionClose(detail))
    node.addEventListener('peer:disconnect', ({ detail }) => upkeep.onDeparted(detail.toString()))
    node.services.pubsub.addEventListener('subscription-change', ({ detail }) => {
      const peer = context.table.get(detail.peerId.toString())
      if (peer !== undefined) upkeep.checkGossip(peer)
    })
    // libp2p calls everybody it hears of discovered, even those who dialled us.
    if (this.#deps.peerDiscovery === undefined || this.#deps.peerDiscovery.length === 0) return
    node.addEventListener('peer:discovery', ({ detail }) => upkeep.onDiscovered(detail))
  }

  #onConnectionClose(connection: Connection): void {
    const { context, sync, upkeep } = this.#run()
    sync.onConnectionClose(connection)
    const removed = context.table.remove(connection)
    if (removed === undefined || context.stopping.aborted) return
    const { peer, isGone } = removed
    if (!isGone) {
      upkeep.restoreGossip(peer)
      return
    }
    context.peerLog.write('Peer left', { peer: peer.id })
    callHandler(context, () => context.handlers.onPeerGone(peer.id))
  }

  /** Dials, or finds the connection that is there, and waits for its handshake. */
  async #dial(
    target: Multiaddr | Multiaddr[],
    type: ConnectionType | 'feeler',
    signal?: AbortSignal,
  ): Promise<Peer> {
    const { context, node, sync } = this.#run()
    if (!this.control.isActive) throw new P2pError('inactive', 'the network is off')
    // A node that is being felt at this moment stays, by the same connection: it is dialled for good now.
    const keep = (id: PeerId | undefined): unknown =>
      type !== 'feeler' && id !== undefined && context.feelers.delete(id)
    for (const address of [target].flat()) keep(peerIdOf(address))
    const dial = (deadline: AbortSignal): Promise<Connection> =>
      node.dial(target, { signal: deadline })
    let connection: Connection
    try {
      connection = await inTime(context, DIAL_TIMEOUT_MS, dial, signal)
    } catch (error) {
      throw signal?.aborted === true ? error : toP2pError('dial-failed', 'dial failed', error)
    }
    keep(connection.remotePeer.toString())
    const whenPeer = sync.whenPeer(connection)
    const peer = await (signal === undefined ? whenPeer : orAborted(whenPeer, signal))
    if (type === 'manual' && peer.isOutbound) peer.connectionType = type
    return peer
  }

  /** Looks whether a node of our chain is somewhere. */
  async #feel(id: PeerId, address: string): Promise<void> {
    const { context } = this.#run()
    context.feelers.add(id)
    try {
      const target = parseAddress(`${address}/p2p/${id}`)
      await this.#dial(target, 'feeler', context.stopping)
    } catch (error) {
      if (!(error instanceof P2pError && error.code === 'feeler')) throw error
    } finally {
      context.feelers.delete(id)
    }
  }

  #punish(id: PeerId, durationMs: number, reason: string): void {
    if (this.#stopping.signal.aborted) return
    this.#run().context.banLog.write('Peer banned', { peer: id, durationMs, reason })
    this.#bans.ban(id, durationMs, reason)
    for (const connection of this.#connectionsOf(id)) {
      connection.abort(new P2pError('banned', reason))
    }
  }

  /** Cuts whoever an operator wants gone. */
  #disconnectWhere(isMeant: (connection: Connection) => boolean, reason: string): void {
    for (const connection of this.#running?.node.getConnections() ?? []) {
      if (isMeant(connection)) connection.abort(new P2pError('banned', reason))
    }
  }

  #connectionsOf(id: PeerId): readonly Connection[] {
    const connections = this.#running?.node.getConnections() ?? []
    return connections.filter((connection) => connection.remotePeer.toString() === id)
  }

  #close(connection: Connection): Promise<void> {
    return closeConnection(this.#deps.clock, connection)
  }

  #peer(id: PeerId): Peer {
    const peer = this.#table.get(id)
    if (peer === undefined) throw new P2pError('unknown-peer', 'no such peer')
    return peer
  }

  #run(): Running {
    if (this.#running === undefined)
      throw new P2pError('not-running', 'the network has not started')
    return this.#running
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new P2pError('not-running', 'the network has stopped'))
    this.#loops.stop()
    const running = this.#running
    if (running === undefined) return
    running.upkeep.stop()
    await running.discovery?.stop()
    try {
      await withDeadline(this.#deps.clock, STOP_TIMEOUT_MS, [], async () => running.node.stop())
    } catch (error) {
      this.#deps.log.warn('libp2p was slow to stop', { error: toErrorMessage(error) })
      for (const connection of running.node.getConnections()) connection.abort(toError(error))
    }
    await Promise.all([this.#bans.flush(), this.#book.flush()])
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new P2pError('timeout', String(error))
}
