/**
 * A node that speaks our protocols and keeps none of the rules: plain libp2p, driven by hand.
 *
 * @module
 */

import '../../src/platform/nodejs/polyfills.ts'
import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { type Identify, identify } from '@libp2p/identify'
import type { Connection, Stream } from '@libp2p/interface'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import {
  createProtocolNames,
  type ProtocolNames,
  type TransportFactory,
} from '../../src/p2p/index.ts'
import { SyncRequest } from '../../src/p2p/messages.ts'
import type { PeerStatus } from '../../src/sync/index.ts'
import { concatBytes } from '../../src/util/index.ts'

/** Long enough for anything on loopback, short enough to fail a test. */
const STEP_TIMEOUT_MS = 5_000
const MAX_STREAMS = 1_000

/** A hostile node and its tools. */
export interface HostilePeer {
  readonly id: string
  /** Multihash bytes of its peer id, as an honest INV would carry them. */
  readonly idBytes: Uint8Array
  readonly names: ProtocolNames
  /** Connects, and shakes hands unless told to stay silent. */
  dial(address: string, options?: { silent?: boolean }): Promise<Connection>
  /** Publishes to whoever subscribes, once somebody does. Returns how many were sent to. */
  publish(topic: string, bytes: Uint8Array): Promise<number>
  /** Opens a stream to write whatever to. */
  open(connection: Connection, protocol: string): Promise<Stream>
  /** Sends bytes as gossipsub frames them. @param rpc - Encoded by hand. */
  sendGossip(to: string, rpc: Uint8Array): Promise<void>
  /** Takes streams of a protocol that others open. */
  handle(protocol: string, handler: (stream: Stream) => void): Promise<void>
  /** Every protocol that a node it is connected to says it speaks. */
  protocolsOf(connection: Connection): Promise<readonly string[]>
  /** Multiaddrs at which it can be dialled. */
  addresses(): readonly string[]
  /** How many messages of a topic have reached it. */
  heard(topic: string): number
  stop(): Promise<void>
}

/** What gossipsub's type hides. */
interface GossipStreams {
  readonly streamsOutbound: ReadonlyMap<
    string,
    { readonly rawStream: { send(bytes: Uint8Array): unknown } }
  >
}

/** Bytes behind their length, seven bits to a byte, the lowest first. */
function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  const prefix: number[] = []
  let rest = bytes.length
  for (; rest >= 0x80; rest >>>= 7) prefix.push((rest & 0x7f) | 0x80)
  return concatBytes(Uint8Array.of(...prefix, rest), bytes)
}

/** A field of protobuf that holds bytes, or another message. */
export function encodeField(number: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of((number << 3) | 2), lengthPrefixed(bytes))
}

/** One message as gossipsub writes it. @param extra - Further fields of it. */
export function encodeGossipMessage(
  topic: string,
  data: Uint8Array,
  extra: readonly Uint8Array[] = [],
): Uint8Array {
  const fields = [encodeField(2, data), encodeField(4, new TextEncoder().encode(topic)), ...extra]
  return encodeField(2, concatBytes(...fields))
}

/** Starts a hostile node of a chain. `status` is what it tells in the handshake. */
export async function startHostilePeer(
  chainId: string,
  status: PeerStatus,
  transport: TransportFactory = tcp(),
  listen: readonly string[] = [],
): Promise<HostilePeer> {
  const names = createProtocolNames(chainId)
  const node: Libp2p<{ identify: Identify; ping: Ping; pubsub: GossipSub }> = await createLibp2p({
    transports: [transport],
    addresses: { listen: [...listen] },
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: {
      identify: identify({ protocolPrefix: 'quarry' }),
      ping: ping({ protocolPrefix: 'quarry' }),
      pubsub: gossipsub({
        globalSignaturePolicy: 'StrictNoSign',
        allowPublishToZeroTopicPeers: true,
        fallbackToFloodsub: false,
      }),
    },
  })
  const { pubsub } = node.services
  pubsub.subscribe(names.invTopic)
  pubsub.subscribe(names.blockTopic)

  const heard = new Map<string, number>()
  pubsub.addEventListener('gossipsub:message', ({ detail: { msg } }) => {
    heard.set(msg.topic, (heard.get(msg.topic) ?? 0) + 1)
  })

  const open = (connection: Connection, protocol: string): Promise<Stream> =>
    connection.newStream([protocol], {
      signal: AbortSignal.timeout(STEP_TIMEOUT_MS),
      maxOutboundStreams: MAX_STREAMS,
    })

  return {
    id: node.peerId.toString(),
    idBytes: node.peerId.toMultihash().bytes,
    names,
    open,
    async dial(address, { silent = false } = {}) {
      const connection = await node.dial(multiaddr(address))
      if (silent) return connection
      const frames = lpStream(await open(connection, names.syncProtocol))
      const signal = AbortSignal.timeout(STEP_TIMEOUT_MS)
      await frames.write(encodeStatus(status), { signal })
      await frames.read({ signal })
      return connection
    },
    async publish(topic, bytes) {
      const end = performance.now() + STEP_TIMEOUT_MS
      while (pubsub.getSubscribers(topic).length === 0 && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      const { recipients } = await pubsub.publish(topic, bytes)
      return recipients.length
    },
    async sendGossip(to, rpc) {
      const streams = (pubsub as unknown as GossipStreams).streamsOutbound
      const end = performance.now() + STEP_TIMEOUT_MS
      while (streams.get(to) === undefined && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      streams.get(to)?.rawStream.send(lengthPrefixed(rpc))
    },
    handle: async (protocol, handler) => {
      await node.handle(protocol, handler, { maxInboundStreams: MAX_STREAMS })
    },
    async protocolsOf(connection) {
      const { protocols } = await node.services.identify.identify(connection)
      return protocols
    },
    addresses: () => node.getMultiaddrs().map((address) => address.toString()),
    heard: (topic) => heard.get(topic) ?? 0,
    stop: async () => node.stop(),
  }
}

function encodeStatus(status: PeerStatus): Uint8Array {
  return SyncRequest.encode({
    status: {
      genesisHash: Uint8Array.from(status.genesisHash),
      tipHash: Uint8Array.from(status.tipHash),
      tipHeight: status.tipHeight,
      chainWork: Uint8Array.from(
        Buffer.from(status.chainWork.toString(16).padStart(64, '0'), 'hex'),
      ),
      userAgent: status.userAgent,
    },
  })
}
