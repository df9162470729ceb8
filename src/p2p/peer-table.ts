/** @module Who is a peer: handshaken nodes by id, however many connections each has. */

import type { Connection } from '@libp2p/interface'
import type { ConnectionType, InventoryKind, PeerId, PeerInfo, PeerStatus } from '../sync/index.ts'
import { assertInvariant, type Clock, LruMap, type Quota, TokenBucket } from '../util/index.ts'
import { Deferred } from './deferred.ts'
import {
  ADDR_QUOTA,
  BYTE_QUOTA,
  GOSSIP_BYTE_QUOTA,
  GOSSIP_FLOOD_QUOTA,
  GOSSIP_QUOTA,
  ITEM_QUOTA,
  MAX_REMEMBERED_QUOTAS,
  REQUEST_QUOTA,
} from './limits.ts'
import { RequestTurn } from './request-turn.ts'
import { type MessageName, Traffic } from './traffic.ts'

/** What one peer may have of us. Outlives its connections, so that reconnecting gains nothing. */
export interface PeerQuotas {
  readonly requests: TokenBucket
  readonly items: TokenBucket
  readonly bytes: TokenBucket
  readonly gossip: TokenBucket
  readonly gossipFlood: TokenBucket
  readonly gossipBytes: TokenBucket
  readonly addresses: TokenBucket
}

/** Bytes both ways. */
export interface TrafficTotals {
  readonly sent: Traffic
  readonly received: Traffic
}

/** A peer, from its first handshake until its last connection closes. */
export class Peer {
  readonly id: PeerId
  /** Counts up from peer to peer. */
  readonly number: number
  readonly quotas: PeerQuotas
  readonly connectedAtMs: number
  readonly startingHeight: number
  /** Handshaken connections, oldest first; never empty while the peer is in the table. */
  readonly connections: Connection[] = []
  readonly syncTurn = new RequestTurn()
  readonly dataTurn = new RequestTurn()
  readonly servingSyncTurn = new RequestTurn()
  readonly servingDataTurn = new RequestTurn()
  readonly #clock: Clock
  readonly #gone = new Deferred<void>()
  /** What the peer said last. */
  status: PeerStatus
  /** What we told the peer last. */
  sentStatus: PeerStatus
  pingMs: number | undefined
  /** Whether the one ping that does not wait for libp2p's own has been sent. */
  isPinged = false
  pendingGossipBlocks = 0
  /** Gossip messages that it has sent, those too that others had sent before. */
  gossipCount = 0
  /** How many messages were known when it sent its first. */
  gossipBefore: number | undefined
  /** Whether gossip has been seen to work in both directions on the present connections. */
  hasGossip = false
  /** Since when gossip has not, in monotonic milliseconds. */
  mutedSinceMs: number | undefined
  /** It had to make room for another peer, and its connections are closing. */
  isEvicted = false
  #lastBlockMs: number | undefined
  #lastTransactionMs: number | undefined
  #lastSendMs: number | undefined
  #lastReceiveMs: number | undefined
  readonly sent = new Traffic()
  readonly received = new Traffic()
  readonly #totals: TrafficTotals
  /** How it came to be a peer. */
  connectionType: ConnectionType
  /** Addresses that it told us of and that we took, and those that there was no room for. */
  addressesProcessed = 0
  addressesRefused = 0
  /** Whether it has asked for addresses, or answered. */
  exchangesAddresses = false
  #minPingMs: number | undefined

  constructor(
    connection: Connection,
    statuses: { readonly theirs: PeerStatus; readonly ours: PeerStatus },
    number: number,
    quotas: PeerQuotas,
    totals: TrafficTotals,
    clock: Clock,
  ) {
    this.id = connection.remotePeer.toString()
    this.number = number
    this.quotas = quotas
    this.startingHeight = statuses.theirs.tipHeight
    this.connectedAtMs = clock.now()
    this.#totals = totals
    this.#clock = clock
    this.connectionType = connection.direction === 'inbound' ? 'inbound' : 'outbound-full-relay'
    this.status = statuses.theirs
    this.sentStatus = statuses.ours
  }

  /** Settles when the last connection has closed. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  onSent(size: number, message: MessageName): void {
    this.sent.add(message, size)
    this.#totals.sent.add(message, size)
    this.#lastSendMs = this.#clock.now()
  }

  onReceived(size: number, message: MessageName): void {
    this.received.add(message, size)
    this.#totals.received.add(message, size)
    this.#lastReceiveMs = this.#clock.now()
  }

  /** It brought something new and valid. */
  onCredit(kind: InventoryKind): void {
    if (kind === 'block') this.#lastBlockMs = this.#clock.now()
    else this.#lastTransactionMs = this.#clock.now()
  }

  /** The newest connection that is open: of two, the older one is likelier to be dead. */
  get connection(): Connection | undefined {
    return this.connections.findLast((connection) => connection.status === 'open')
  }

  get isOutbound(): boolean {
    return this.outboundAddress !== undefined
  }

  /** The multiaddr that we dialled, if we did. */
  get outboundAddress(): string | undefined {
    const dialled = this.connections.find((connection) => connection.direction === 'outbound')
    return dialled?.remoteAddr.toString()
  }

  /** The round-trip time of the latest ping, in milliseconds. */
  get latestPingMs(): number | undefined {
    return this.connection?.rtt ?? this.pingMs
  }

  /** The shortest round trip so far. */
  get minPingMs(): number | undefined {
    this.notePing(this.latestPingMs)
    return this.#minPingMs
  }

  /** Keeps a round trip if it is the shortest: libp2p remembers the latest alone. */
  notePing(pingMs: number | undefined): void {
    if (pingMs !== undefined) this.#minPingMs = Math.min(pingMs, this.#minPingMs ?? pingMs)
  }

  /** A snapshot for the port. */
  toInfo(): PeerInfo {
    const first = this.connections[0]
    assertInvariant(first !== undefined, 'a peer in the table has a connection')
    return {
      id: this.id,
      number: this.number,
      address: first.remoteAddr.toString(),
      direction: first.direction,
      connectedAtMs: this.connectedAtMs,
      status: this.status,
      startingHeight: this.startingHeight,
      pingMs: this.latestPingMs,
      lastSendMs: this.#lastSendMs,
      lastReceiveMs: this.#lastReceiveMs,
      lastBlockMs: this.#lastBlockMs,
      lastTransactionMs: this.#lastTransactionMs,
      bytesSent: this.sent.total,
      bytesReceived: this.received.total,
    }
  }

  /** Called by the table alone. */
  markGone(): void {
    this.#gone.resolve()
  }
}

/** The peers. Two nodes that dial each other at once are one peer with two connections. */
export class PeerTable {
  /** Of all peers that there ever were. */
  readonly totals: TrafficTotals = { sent: new Traffic(), received: new Traffic() }
  readonly #clock: Clock
  readonly #peers = new Map<PeerId, Peer>()
  #nextNumber = 0
  readonly #quotas = new LruMap<PeerId, PeerQuotas>(MAX_REMEMBERED_QUOTAS)
  readonly #addressQuota: Quota

  /** @param pace - How much shorter than usual the pauses between two requests for addresses are: 1 for not at all. */
  constructor(clock: Clock, pace = 1) {
    this.#clock = clock
    this.#addressQuota = { ...ADDR_QUOTA, perSecond: ADDR_QUOTA.perSecond / pace }
  }

  /** Peers that are not on their way out. */
  get size(): number {
    return this.count(() => true)
  }

  get(id: PeerId): Peer | undefined {
    return this.#peers.get(id)
  }

  values(): readonly Peer[] {
    return [...this.#peers.values()]
  }

  /** Counts peers that are not on their way out. */
  count(isCounted: (peer: Peer) => boolean): number {
    return this.values().filter((peer) => !peer.isEvicted && isCounted(peer)).length
  }

  /** Adds a handshaken connection. `isNew` tells whether it made a peer. */
  add(
    connection: Connection,
    statuses: { readonly theirs: PeerStatus; readonly ours: PeerStatus },
  ): { readonly peer: Peer; readonly isNew: boolean } {
    const id = connection.remotePeer.toString()
    const known = this.#peers.get(id)
    const peer =
      known ??
      new Peer(
        connection,
        statuses,
        this.#nextNumber++,
        this.quotasOf(id),
        this.totals,
        this.#clock,
      )
    peer.connections.push(connection)
    peer.status = statuses.theirs
    peer.sentStatus = statuses.ours
    this.#peers.set(id, peer)
    return { peer, isNew: known === undefined }
  }

  /** Removes a closed connection. Returns the peer it belonged to and whether that is gone now. */
  remove(connection: Connection): { readonly peer: Peer; readonly isGone: boolean } | undefined {
    const peer = this.#peers.get(connection.remotePeer.toString())
    const index = peer?.connections.indexOf(connection) ?? -1
    if (peer === undefined || index < 0) return undefined
    if (peer.connections.length > 1) {
      peer.connections.splice(index, 1)
      return { peer, isGone: false }
    }
    this.#peers.delete(peer.id)
    peer.markGone()
    return { peer, isGone: true }
  }

  /** The quotas of a peer, or of a node that is not one yet. */
  quotasOf(id: PeerId): PeerQuotas {
    const known = this.#quotas.get(id)
    if (known !== undefined) return known
    const quotas = {
      requests: new TokenBucket(REQUEST_QUOTA, this.#clock),
      items: new TokenBucket(ITEM_QUOTA, this.#clock),
      bytes: new TokenBucket(BYTE_QUOTA, this.#clock),
      gossip: new TokenBucket(GOSSIP_QUOTA, this.#clock),
      gossipFlood: new TokenBucket(GOSSIP_FLOOD_QUOTA, this.#clock),
      gossipBytes: new TokenBucket(GOSSIP_BYTE_QUOTA, this.#clock),
      addresses: new TokenBucket(this.#addressQuota, this.#clock),
    }
    this.#quotas.set(id, quotas)
    return quotas
  }
}
