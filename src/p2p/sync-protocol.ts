/** @module The stream protocol `sync`: the STATUS handshake that makes a peer, and headers. */

import type { Connection, Stream } from '@libp2p/interface'
import type { BlockHash, BlockHeader } from '../primitives/index.ts'
import { MAX_HEADERS, type PeerId, type PeerStatus } from '../sync/index.ts'
import { assertInvariant, DecodeError, type RandomSource, toErrorMessage } from '../util/index.ts'
import { Deferred } from './deferred.ts'
import { chooseEvicted } from './eviction.ts'
import { FrameStream } from './frame-stream.ts'
import {
  HANDSHAKE_TIMEOUT_MS,
  MAX_CONNECTIONS_PER_PEER,
  MAX_SYNC_REQUEST_SIZE,
  MAX_SYNC_RESPONSE_SIZE,
  MISBEHAVIOUR_BAN_MS,
  REQUEST_READ_TIMEOUT_MS,
  SYNC_REQUEST_TIMEOUT_MS,
} from './limits.ts'
import {
  decodeHeadersResponse,
  decodeStatusResponse,
  decodeSyncRequest,
  encodeSyncRequest,
  encodeSyncResponse,
  type SyncRequest,
  type SyncResponse,
} from './message-codec.ts'
import {
  callHandler,
  closeConnection,
  connectionOf,
  inTime,
  type NetworkContext,
  payQuota,
  trafficOf,
} from './network-context.ts'
import { P2pError, toP2pError } from './p2p-error.ts'
import type { Peer } from './peer-table.ts'
import { PendingInbound } from './pending-inbound.ts'

/** What requests, and their answers, are called where traffic is counted. */
const REQUEST_NAMES = { status: 'status', getHeaders: 'getheaders' } as const
const RESPONSE_NAMES = { status: 'status', getHeaders: 'headers' } as const

/** How many peers there may be. */
export interface PeerLimits {
  readonly maxPeers: number
  /** Slots that inbound peers cannot take. */
  readonly outboundTarget: number
}

/**
 * Handshakes and headers.
 *
 * On a new connection the dialler sends STATUS and the other side answers with its own; each counts
 * the other as a peer once it holds a STATUS that it accepts. A connection on which that does not
 * happen in time is closed.
 */
export class SyncProtocol {
  readonly #context: NetworkContext
  readonly #limits: PeerLimits
  readonly #random: RandomSource
  /** Connections whose handshake has not ended. */
  readonly #handshakes = new Map<Connection, Deferred<Peer>>()
  readonly #pending = new PendingInbound<Connection>((connection) =>
    this.#refuse(connection, new P2pError('too-many-peers', 'too slow to shake hands')),
  )

  constructor(context: NetworkContext, limits: PeerLimits, random: RandomSource) {
    this.#context = context
    this.#limits = limits
    this.#random = random
  }

  /** Begins the handshake on a new connection. */
  onConnectionOpen(connection: Connection): void {
    const outcome = new Deferred<Peer>()
    this.#handshakes.set(connection, outcome)
    if (connection.direction === 'inbound') this.#pending.add(connection)
    const attempt = inTime(this.#context, HANDSHAKE_TIMEOUT_MS, async (signal) => {
      if (connection.direction === 'outbound') await this.#greet(connection, signal)
      await outcome.promise
    })
    attempt.catch((error: unknown) => this.#refuse(connection, error))
  }

  /** Ends what was under way on a connection. */
  onConnectionClose(connection: Connection): void {
    const outcome = this.#handshakes.get(connection)
    this.#endHandshake(connection)
    outcome?.reject(new P2pError('handshake-failed', 'the connection closed'))
  }

  /**
   * The peer at the other end, once the handshake has ended.
   *
   * @throws {@link P2pError} why it is not a peer
   */
  async whenPeer(connection: Connection): Promise<Peer> {
    const outcome = this.#handshakes.get(connection)
    if (outcome !== undefined) return outcome.promise
    const peer = this.#context.table.get(connection.remotePeer.toString())
    if (peer?.connections.includes(connection) === true) return peer
    throw new P2pError('handshake-failed', 'the connection closed')
  }

  /** The peer of an id, once any handshake with it has ended; undefined if there is none. */
  async whenPeerId(id: PeerId): Promise<Peer | undefined> {
    const peer = this.#context.table.get(id)
    if (peer !== undefined) return peer
    for (const [connection, outcome] of this.#handshakes) {
      if (connection.remotePeer.toString() !== id) continue
      await outcome.promise.catch(() => undefined)
    }
    return this.#context.table.get(id)
  }

  /** Answers one stream. Never rejects. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const id = connection.remotePeer.toString()
    const frames = new FrameStream(stream, MAX_SYNC_REQUEST_SIZE)
    try {
      const bytes = await inTime(this.#context, REQUEST_READ_TIMEOUT_MS, (signal) =>
        frames.read(signal),
      )
      if (bytes === undefined) throw new P2pError('stream-failed', 'no request')
      const request = decodeSyncRequest(bytes)
      const messages = { sent: RESPONSE_NAMES[request.type], received: REQUEST_NAMES[request.type] }
      frames.countInto(trafficOf(this.#context, id, messages))
      await payQuota(this.#context, this.#context.table.quotasOf(id).requests.take(1))
      if (request.type === 'status') await this.#serveStatus(frames, connection, request.status)
      else await this.#serveHeaders(frames, connection, request)
    } catch (error) {
      frames.abort(error)
      this.#onServeError(connection, error)
    }
  }

  /** Tells a peer our STATUS and takes its own. */
  async exchangeStatus(peer: Peer, signal?: AbortSignal): Promise<PeerStatus> {
    const ours = this.#context.handlers.status()
    const theirs = await this.#askInTurn(peer, { type: 'status', status: ours }, signal, (bytes) =>
      decodeStatusResponse(bytes),
    )
    peer.sentStatus = ours
    peer.status = theirs
    return theirs
  }

  /** Asks a peer for the headers after a locator's fork point. */
  requestHeaders(
    peer: Peer,
    locator: readonly BlockHash[],
    stop: BlockHash | undefined,
    signal?: AbortSignal,
  ): Promise<readonly BlockHeader[]> {
    const request: SyncRequest = { type: 'getHeaders', locator, stop }
    return this.#askInTurn(peer, request, signal, decodeHeadersResponse)
  }

  /** The dialler's part of the handshake. */
  async #greet(connection: Connection, signal: AbortSignal): Promise<void> {
    const ours = this.#context.handlers.status()
    const request: SyncRequest = { type: 'status', status: ours }
    const theirs = decodeStatusResponse(await this.#ask(connection, request, signal))
    this.#admit(connection, theirs, ours)
  }

  /** Makes a peer of a connection. @throws {@link P2pError} why not */
  #admit(connection: Connection, theirs: PeerStatus, ours: PeerStatus): void {
    const outcome = this.#handshakes.get(connection)
    if (outcome === undefined) throw new P2pError('handshake-failed', 'the connection closed')
    this.#checkAdmission(connection, theirs)
    const isFeeler = this.#context.feelers.has(connection.remotePeer.toString())
    if (isFeeler && connection.direction === 'outbound') {
      throw new P2pError('feeler', 'it is there, which is all that was asked')
    }
    const { peer, isNew } = this.#context.table.add(connection, { theirs, ours })
    this.#endHandshake(connection)
    outcome.resolve(peer)
    // Another connection may carry gossip now, so it has to show again that it flows.
    peer.hasGossip = false
    if (isNew) {
      this.#context.peerLog.write('Peer connected', {
        peer: peer.id,
        address: connection.remoteAddr.toString(),
        direction: connection.direction,
        tipHeight: theirs.tipHeight,
        userAgent: theirs.userAgent,
      })
    }
    this.#tell(peer, isNew)
  }

  #checkAdmission(connection: Connection, theirs: PeerStatus): void {
    const { bans, handlers, table } = this.#context
    const id = connection.remotePeer.toString()
    if (bans.isBanned(id)) throw new P2pError('banned', 'banned')
    if (!handlers.acceptsStatus(theirs)) throw new P2pError('wrong-chain', 'status refused')
    const known = table.get(id)
    if (known !== undefined) {
      if (known.connections.length < MAX_CONNECTIONS_PER_PEER && !known.isEvicted) return
      throw new P2pError('too-many-peers', 'too many connections of one peer')
    }
    // Whom we dial is our choice, so only others' dials are limited here.
    if (connection.direction === 'inbound') this.#makeRoom()
  }

  /** Sees to it that there is a slot for one more inbound peer. */
  #makeRoom(): void {
    const { table, hostileLog, clock } = this.#context
    const { maxPeers, outboundTarget } = this.#limits
    const inbound = table.values().filter((peer) => !(peer.isOutbound || peer.isEvicted))
    const inboundMax = Math.max(1, maxPeers - outboundTarget)
    if (table.size < maxPeers && inbound.length < inboundMax) return
    const candidates = inbound.map((peer) => ({ ...peer.toInfo(), peer }))
    const evicted = chooseEvicted(candidates, this.#random)?.peer
    if (evicted === undefined) throw new P2pError('too-many-peers', 'no slot is free')
    hostileLog.write('Peer evicted for another', { peer: evicted.id })
    evicted.isEvicted = true
    for (const connection of evicted.connections) void closeConnection(clock, connection)
  }

  async #serveStatus(
    frames: FrameStream,
    connection: Connection,
    theirs: PeerStatus,
  ): Promise<void> {
    const ours = this.#context.handlers.status()
    const isGreeting = connection.direction === 'inbound' && this.#handshakes.has(connection)
    // Answered even if refused, so that the other side can tell why.
    const answer = (): Promise<void> => this.#answer(frames, { type: 'status', status: ours })
    if (isGreeting) {
      await answer()
      try {
        this.#admit(connection, theirs, ours)
      } catch (error) {
        this.#refuse(connection, error)
      }
      return
    }
    const peer = await this.whenPeer(connection)
    await answer()
    if (!this.#context.handlers.acceptsStatus(theirs)) {
      throw new P2pError('wrong-chain', 'status refused')
    }
    peer.status = theirs
    peer.sentStatus = ours
    this.#tell(peer, false)
  }

  async #serveHeaders(
    frames: FrameStream,
    connection: Connection,
    request: SyncRequest & { readonly type: 'getHeaders' },
  ): Promise<void> {
    const peer = await this.whenPeer(connection)
    const endTurn = await peer.servingSyncTurn.take(this.#context.stopping)
    try {
      const headers = await inTime(this.#context, SYNC_REQUEST_TIMEOUT_MS, async () =>
        this.#context.handlers.serveHeaders(request.locator, request.stop),
      )
      assertInvariant(headers.length <= MAX_HEADERS, 'serveHeaders keeps to its limit')
      await this.#answer(frames, { type: 'headers', headers })
      const size = encodedHeadersSize(headers)
      await payQuota(this.#context, peer.quotas.bytes.take(size))
    } finally {
      endTurn()
    }
  }

  async #answer(frames: FrameStream, response: SyncResponse): Promise<void> {
    await inTime(this.#context, SYNC_REQUEST_TIMEOUT_MS, async (signal) => {
      await frames.write([encodeSyncResponse(response)], signal)
      await frames.end(signal)
    })
  }

  async #askInTurn<Answer>(
    peer: Peer,
    request: SyncRequest,
    signal: AbortSignal | undefined,
    decode: (bytes: Uint8Array) => Answer,
  ): Promise<Answer> {
    const endTurn = await peer.syncTurn.take(signal)
    try {
      const ask = (deadline: AbortSignal): Promise<Uint8Array> =>
        this.#ask(connectionOf(peer), request, deadline)
      return decode(await inTime(this.#context, SYNC_REQUEST_TIMEOUT_MS, ask, signal))
    } catch (error) {
      if (error instanceof DecodeError) this.#punish(peer.id, error)
      throw error
    } finally {
      endTurn()
    }
  }

  /** One request on a stream of its own. */
  async #ask(
    connection: Connection,
    request: SyncRequest,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const stream = await openStream(connection, this.#context.names.syncProtocol, signal)
    const traffic = trafficOf(this.#context, connection.remotePeer.toString(), {
      sent: REQUEST_NAMES[request.type],
      received: RESPONSE_NAMES[request.type],
    })
    const frames = new FrameStream(stream, MAX_SYNC_RESPONSE_SIZE, traffic)
    try {
      await frames.write([encodeSyncRequest(request)], signal)
      await frames.end(signal)
      const answer = await frames.read(signal)
      if (answer === undefined) throw new P2pError('stream-failed', 'no answer')
      frames.settle(this.#context.clock, this.#context.stopping)
      return answer
    } catch (error) {
      frames.abort(error)
      throw error
    }
  }

  #endHandshake(connection: Connection): void {
    this.#handshakes.delete(connection)
    this.#pending.remove(connection)
  }

  /** Closes a connection that did not become a peer. */
  #refuse(connection: Connection, error: unknown): void {
    const outcome = this.#handshakes.get(connection)
    if (outcome === undefined) return
    this.#endHandshake(connection)
    outcome.reject(toP2pError('handshake-failed', 'no handshake', error))
    if (this.#context.stopping.aborted) return
    this.#context.hostileLog.write('Connection refused', {
      peer: connection.remotePeer.toString(),
      address: connection.remoteAddr.toString(),
      direction: connection.direction,
      reason: toErrorMessage(error),
    })
    if (error instanceof DecodeError) this.#punish(connection.remotePeer.toString(), error)
    void closeConnection(this.#context.clock, connection)
  }

  #onServeError(connection: Connection, error: unknown): void {
    if (this.#context.stopping.aborted) return
    const id = connection.remotePeer.toString()
    this.#context.hostileLog.write('Sync stream cut', { peer: id, reason: toErrorMessage(error) })
    if (error instanceof DecodeError) this.#punish(id, error)
    if (error instanceof P2pError && error.code === 'wrong-chain') {
      void closeConnection(this.#context.clock, connection)
    }
  }

  #punish(id: PeerId, error: Error): void {
    this.#context.punish(id, MISBEHAVIOUR_BAN_MS, error.message)
  }

  #tell(peer: Peer, isNew: boolean): void {
    callHandler(this.#context, () => this.#context.handlers.onPeerStatus(peer.toInfo(), isNew))
  }
}

/**
 * Opens a stream of one of our protocols.
 *
 * @throws {@link P2pError} `wrong-chain` if the other side does not speak it, else `stream-failed`
 */
export async function openStream(
  connection: Connection,
  protocol: string,
  signal: AbortSignal,
): Promise<Stream> {
  try {
    return await connection.newStream([protocol], { signal })
  } catch (error) {
    const isUnknown = error instanceof Error && error.name === 'UnsupportedProtocolError'
    throw isUnknown
      ? new P2pError('wrong-chain', 'is a node of another chain, or no Quarry node', {
          cause: error,
        })
      : toP2pError('stream-failed', 'could not open a stream', error)
  }
}

function encodedHeadersSize(headers: readonly Uint8Array[]): number {
  return headers.reduce((size, header) => size + header.length, 0)
}
