/**
 * Other nodes over libp2p: the port `PeerNetwork` of `sync/` on gossipsub topics and streams.
 *
 * Provides connections, the STATUS handshake, gossip with validation, requests and their answers,
 * scores, bans, quotas and limits. Knows nothing of chains: what is valid, who is served what and
 * which peer is asked is for the handlers to say. Opens no socket itself: transports are passed in.
 *
 * `P2pError` is the network's fault or nobody's: ask somebody else or try again. `DecodeError` is the
 * sender's, who is cut off and refused for a while before the error is thrown.
 *
 * Purity: isomorphic.
 *
 * @example
 * const network = createLibp2pNetwork(
 *   { transports: [tcp()], privateKey: await generateIdentity(random), clock, random, log },
 *   { chainId, listen: ['/ip4/127.0.0.1/tcp/0'], maxPeers: 32, isDevnet: true, userAgent },
 * )
 * await network.start(handlers)
 * network.connect('/ip4/127.0.0.1/tcp/18444')
 *
 * @module
 */
export {
  ANY_PEER,
  type FaultControls,
  type FaultRule,
  type Faults,
  MAX_FAULT_CUTS_PER_SECOND,
  MAX_FAULT_LATENCY_MS,
  MAX_FAULT_RULES,
  MIN_FAULT_BYTES_PER_SECOND,
  NO_FAULTS,
} from './fault-controls.ts'
export { FaultLayer, type FaultLayerDeps } from './fault-layer.ts'
export { generateIdentity, isIdentity, peerIdFromIdentity } from './identity.ts'
export {
  createLibp2pNetwork,
  type Libp2pNetwork,
  type Libp2pNetworkDeps,
  type Libp2pNetworkOptions,
  type NetworkStores,
} from './libp2p-network.ts'
export type { PeerDiscoveryFactory, TransportFactory } from './libp2p-node.ts'
export { P2pError, type P2pErrorCode } from './p2p-error.ts'
export { CHAIN_ID_LENGTH, createProtocolNames, type ProtocolNames } from './protocol-names.ts'
