/** @module The network of a node of this runtime. */

import type { CreateNodeNetwork } from '../../node/index.ts'
import { createLibp2pNodeNetwork } from '../libp2p-node-network.ts'
import type { NodeSettings } from './config.ts'
import { createTransports } from './transports.ts'

/** Loads the transports that these settings need. */
export async function loadNodeNetwork({
  listen,
  mdns,
  rpcAllowOrigin,
}: Pick<NodeSettings, 'listen' | 'mdns' | 'rpcAllowOrigin'>): Promise<CreateNodeNetwork> {
  // Multicast is rarely wanted, so its library is loaded only when it is.
  const peerDiscovery = mdns ? [(await import('@libp2p/mdns')).mdns()] : []
  const transports = await createTransports(listen, rpcAllowOrigin)
  return createLibp2pNodeNetwork({ transports, peerDiscovery })
}
