/** @module The libp2p node underneath: its modules, limits and time-outs. */

import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { type Identify, identify } from '@libp2p/identify'
import type { ConnectionGater, PrivateKey } from '@libp2p/interface'
import { type Ping, ping } from '@libp2p/ping'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { createGossipOptions } from './gossip-options.ts'
import {
  DIAL_TIMEOUT_MS,
  MAX_CONNECTIONS_PER_PEER,
  MAX_PENDING_INBOUND,
  MAX_STREAM_WINDOW_SIZE,
  MAX_STREAMS_PER_CONNECTION,
  NEGOTIATION_TIMEOUT_MS,
} from './limits.ts'
import { LIBP2P_PROTOCOL_PREFIX, type ProtocolNames } from './protocol-names.ts'

/** The libp2p services that we use. */
export type NodeServices = {
  readonly identify: Identify
  readonly ping: Ping
  readonly pubsub: GossipSub
}

/** A libp2p node with those services. */
export type Node = Libp2p<NodeServices>

/** Makes a transport, as `tcp()` of `@libp2p/tcp` does. */
export type TransportFactory = NonNullable<Libp2pOptions['transports']>[number]
/** Makes a discovery module, as `mdns()` of `@libp2p/mdns` does. */
export type PeerDiscoveryFactory = NonNullable<Libp2pOptions['peerDiscovery']>[number]

/** What the node is made of. */
export interface NodeParts {
  readonly privateKey: PrivateKey
  readonly transports: readonly TransportFactory[]
  readonly peerDiscovery: readonly PeerDiscoveryFactory[]
  readonly connectionGater: ConnectionGater
  readonly names: ProtocolNames
}

/** How the node behaves. */
export interface NodeOptions {
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[]
  /** Multiaddrs to tell others instead of those, where they are not reachable. */
  readonly announce?: readonly string[]
  readonly maxPeers: number
  /** Many nodes behind one address: its per-address limits and penalties are lifted. */
  readonly isDevnet: boolean
  readonly userAgent: string
}

/** Connections that are not peers, or not yet, beside those of the peers. */
const SPARE_CONNECTIONS = MAX_PENDING_INBOUND + 16

/** Makes a node that is not started yet. */
export function createNode(parts: NodeParts, options: NodeOptions): Promise<Node> {
  return createLibp2p<NodeServices>({
    start: false,
    privateKey: parts.privateKey,
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [...parts.transports],
    peerDiscovery: [...parts.peerDiscovery],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: MAX_STREAMS_PER_CONNECTION,
        maxOutboundStreams: MAX_STREAMS_PER_CONNECTION,
        streamOptions: { maxStreamWindowSize: MAX_STREAM_WINDOW_SIZE },
      }),
    ],
    connectionGater: parts.connectionGater,
    nodeInfo: { name: LIBP2P_PROTOCOL_PREFIX, userAgent: options.userAgent },
    connectionManager: {
      // More than all peers may have, who are limited at the handshake: libp2p, which would refuse newcomers, never has
      // a say.
      maxConnections: MAX_CONNECTIONS_PER_PEER * options.maxPeers + SPARE_CONNECTIONS,
      maxParallelDials: 16,
      dialTimeout: DIAL_TIMEOUT_MS,
      // Counted for each remote address, which the nodes of a devnet share.
      inboundConnectionThreshold: options.isDevnet ? 1_000 : 5,
      // The gater makes room among them, which libp2p would not.
      maxIncomingPendingConnections: 8 * MAX_PENDING_INBOUND,
      inboundStreamProtocolNegotiationTimeout: NEGOTIATION_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: NEGOTIATION_TIMEOUT_MS,
      // Our dial loops do it.
      reconnectRetries: 0,
    },
    connectionMonitor: {
      protocolPrefix: LIBP2P_PROTOCOL_PREFIX,
      pingInterval: 15_000,
      // Short stalls are normal on a loaded machine and no reason to lose a peer.
      pingTimeout: { minTimeout: 10_000 },
    },
    services: {
      identify: identify({ protocolPrefix: LIBP2P_PROTOCOL_PREFIX }),
      ping: ping({ protocolPrefix: LIBP2P_PROTOCOL_PREFIX }),
      pubsub: gossipsub(createGossipOptions(parts.names, options.isDevnet)),
    },
  })
}
