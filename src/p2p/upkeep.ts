/** @module What is looked after every second: mute and graylisted peers, discovery, libp2p's memory. */

import type { PeerInfo as DiscoveredPeer } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../sync/index.ts'
import { equalBytes, LruMap, type Timer, toErrorMessage } from '../util/index.ts'
import { GRAYLIST_SCORE } from './gossip-options.ts'
import type { GossipRelay } from './gossip-relay.ts'
import type { Node } from './libp2p-node.ts'
import {
  CLOSE_TIMEOUT_MS,
  DEPARTED_PEER_RETENTION_MS,
  DIAL_TIMEOUT_MS,
  GRAYLIST_BAN_MS,
  MAX_CANDIDATES,
  MAX_DEPARTED_PEERS,
  MUTE_PEER_TIMEOUT_MS,
  UPKEEP_INTERVAL_MS,
} from './limits.ts'
import { callHandler, inTime, type NetworkContext } from './network-context.ts'
import type { Peer } from './peer-table.ts'
import { type PingDeps, pingConnection } from './ping.ts'
import type { PeerLimits, SyncProtocol } from './sync-protocol.ts'

/** What the upkeep works on. */
export interface UpkeepDeps extends PingDeps {
  readonly context: NetworkContext
  readonly node: Node
  readonly relay: GossipRelay
  readonly sync: SyncProtocol
  readonly limits: PeerLimits
  disconnect(id: PeerId, reason: string): Promise<void>
  dial(target: readonly Multiaddr[], signal: AbortSignal): Promise<Peer>
}

interface Candidate {
  readonly id: PeerId
  readonly addresses: readonly Multiaddr[]
}

/** The upkeep of one running network. */
export class Upkeep {
  readonly #deps: UpkeepDeps
  readonly #context: NetworkContext
  readonly #candidates = new LruMap<PeerId, Candidate>(MAX_CANDIDATES)
  /** When each departed peer left, in monotonic milliseconds; oldest first. */
  readonly #departedAt = new Map<PeerId, number>()
  #timer: Timer | undefined
  #isDialling = false

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
    this.#context = deps.context
  }

  start(): void {
    this.#timer = this.#context.clock.schedule(UPKEEP_INTERVAL_MS, () => {
      this.#tick()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** A discovery module has found somebody. Nobody else would dial. */
  onDiscovered(found: DiscoveredPeer): void {
    const id = found.id.toString()
    if (found.multiaddrs.length === 0 || this.#context.table.get(id) !== undefined) return
    this.#candidates.set(id, { id, addresses: found.multiaddrs })
    this.#dialCandidate()
  }

  /** A node has no connection left, whether it was a peer or not. */
  onDeparted(id: PeerId): void {
    this.#departedAt.delete(id)
    this.#departedAt.set(id, this.#context.clock.monotonic())
  }

  /** Looks whether a peer's gossip flows, now that it may. */
  checkGossip(peer: Peer): void {
    const now = this.#context.clock.monotonic()
    if (this.#deps.relay.isFlowing(peer.id)) {
      peer.mutedSinceMs = undefined
      if (!peer.hasGossip) this.#onGossipFlows(peer)
      return
    }
    peer.mutedSinceMs ??= now
    if (this.#deps.relay.dropClosedStream(peer.id)) this.restoreGossip(peer)
    if (now - peer.mutedSinceMs < MUTE_PEER_TIMEOUT_MS) return
    peer.mutedSinceMs = undefined
    this.#inBackground(this.#deps.disconnect(peer.id, 'gossip does not flow'))
  }

  /** Has gossipsub open its stream to a peer again, on a connection that is left. */
  restoreGossip(peer: Peer): void {
    const { connection } = peer
    if (connection === undefined) return
    peer.hasGossip = false
    // Gossipsub opens its stream when a peer has been identified, and at no other time.
    const identify = (signal: AbortSignal): Promise<unknown> =>
      this.#deps.node.services.identify.identify(connection, { signal })
    this.#inBackground(inTime(this.#context, CLOSE_TIMEOUT_MS, identify))
  }

  #tick(): void {
    for (const peer of this.#context.table.values()) {
      if (this.#deps.relay.score(peer.id) <= GRAYLIST_SCORE) {
        // Gossipsub would only stop reading what the peer gossips, and forget the score on reconnect.
        this.#context.punish(peer.id, GRAYLIST_BAN_MS, 'gossip score')
        continue
      }
      this.checkGossip(peer)
      peer.notePing(peer.latestPingMs)
      this.#pingOnce(peer)
    }
    this.#dialCandidate()
    this.#forgetDeparted()
  }

  /**
   * What we published before gossip flowed has missed this peer. If our tip has moved since the
   * handshake, the peer is told again.
   */
  #onGossipFlows(peer: Peer): void {
    peer.hasGossip = true
    const ours = this.#context.handlers.status()
    if (equalBytes(ours.tipHash, peer.sentStatus.tipHash)) return
    const exchange = async (): Promise<void> => {
      await this.#deps.sync.exchangeStatus(peer, this.#context.stopping)
      if (this.#context.table.get(peer.id) !== peer) return
      callHandler(this.#context, () => this.#context.handlers.onPeerStatus(peer.toInfo(), false))
    }
    this.#inBackground(exchange())
  }

  /** libp2p pings each connection, too, but first after its whole interval. */
  #pingOnce(peer: Peer): void {
    if (!peer.isPinged) this.ping(peer)
  }

  /** Measures a peer's round trip. */
  ping(peer: Peer): void {
    const { connection } = peer
    if (connection === undefined) return
    peer.isPinged = true
    const ping = async (signal: AbortSignal): Promise<void> => {
      peer.pingMs = await pingConnection(connection, this.#deps, signal)
      peer.notePing(peer.pingMs)
    }
    this.#inBackground(inTime(this.#context, DIAL_TIMEOUT_MS, ping))
  }

  #dialCandidate(): void {
    const { limits } = this.#deps
    const { table, bans } = this.#context
    if (this.#isDialling || table.size >= limits.maxPeers) return
    if (table.count((peer) => peer.isOutbound) >= limits.outboundTarget) return
    const next = this.#candidates.values().next()
    if (next.done === true) return
    const { id, addresses } = next.value
    this.#candidates.delete(id)
    if (table.get(id) !== undefined || bans.isBanned(id)) return
    this.#isDialling = true
    const dialling = this.#deps.dial(addresses, this.#context.stopping).finally(() => {
      this.#isDialling = false
    })
    this.#inBackground(dialling)
  }

  /** libp2p keeps a record of every node that ever connected; strangers could fill the memory. */
  #forgetDeparted(): void {
    const { node } = this.#deps
    const oldest = this.#context.clock.monotonic() - DEPARTED_PEER_RETENTION_MS
    for (const [id, departedAt] of this.#departedAt) {
      if (departedAt > oldest && this.#departedAt.size <= MAX_DEPARTED_PEERS) return
      this.#departedAt.delete(id)
      const peerId = peerIdFromString(id)
      if (node.getConnections(peerId).length > 0) continue
      this.#inBackground(node.peerStore.delete(peerId))
    }
  }

  /** Lets something run that nobody waits for. */
  #inBackground(task: Promise<unknown>): void {
    task.catch((error: unknown) => {
      if (this.#context.stopping.aborted) return
      this.#context.hostileLog.write('Upkeep failed', { reason: toErrorMessage(error) })
    })
  }
}
