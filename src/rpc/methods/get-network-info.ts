/** @module The node among others, at a glance. */

import * as z from 'zod'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import {
  CORE_VERSION,
  PROTOCOL_VERSION,
  PRUNED_SERVICE_NAMES,
  PRUNED_SERVICES_HEX,
  SERVICE_NAMES,
  SERVICES_HEX,
} from './node-identity.ts'
import { toHostAndPort } from './peer-address.ts'
import { WARNINGS_FIELD } from './warnings.ts'

/** The networks that Bitcoin Core lists, and whether we speak over them. */
const NETWORKS = [
  { name: 'ipv4', isReachable: true },
  { name: 'ipv6', isReachable: true },
  { name: 'onion', isReachable: false },
  { name: 'i2p', isReachable: false },
  { name: 'cjdns', isReachable: false },
] as const

const NETWORK_SCHEMA = z.object({
  name: z.string().describe('Its name.'),
  limited: z.boolean().describe('Whether connections over it are off.'),
  reachable: z.boolean().describe('Whether it can be used.'),
  proxy: z.string().describe('The proxy used for it, host:port; empty if none.'),
  proxy_randomize_credentials: z.boolean().describe('Whether the proxy gets random credentials.'),
})

const LOCAL_ADDRESS_SCHEMA = z.object({
  address: z.string().describe('The host.'),
  port: z.number().describe('The port.'),
  score: z.number().describe('How much others have confirmed it.'),
})

/** `getnetworkinfo` */
export const getNetworkInfo = defineMethod({
  name: 'getnetworkinfo',
  category: 'network',
  summary: 'Tells how the node presents itself and how it is connected.',
  params: [],
  result: {
    schema: z.object({
      version: z.number().describe('The version of Bitcoin Core whose methods are followed.'),
      subversion: z.string().describe('How the node calls itself.'),
      protocolversion: z.number().describe("The version of Bitcoin's protocol that goes with it."),
      localservices: z.string().describe('What is served, as bits in hexadecimal.'),
      localservicesnames: z.array(z.string()).describe('What is served, by name.'),
      localrelay: z.boolean().describe('Whether transactions are relayed.'),
      timeoffset: z.number().describe('Seconds that the clock is corrected by.'),
      connections: z.number().describe('The number of peers.'),
      connections_in: z.number().describe('Those that dialled us.'),
      connections_out: z.number().describe('Those that we dialled.'),
      networkactive: z.boolean().describe('Whether the network is on.'),
      networks: z.array(NETWORK_SCHEMA).describe('What connections can go over.'),
      relayfee: z.number().describe('The least fee in coins per 1,000 virtual bytes.'),
      incrementalfee: z.number().describe('The step of that fee, in the same unit.'),
      localaddresses: z.array(LOCAL_ADDRESS_SCHEMA).describe('Where others can dial us.'),
      ...WARNINGS_FIELD,
      quarry_version: z.string().describe('The version of Quarry.'),
      quarry_peer_id: z.string().describe('Our own libp2p peer id.'),
      quarry_addresses: z.array(z.string()).describe('Multiaddrs that others can dial.'),
    }),
  },
  examples: [[]],
  handler: (context: RpcContext) => {
    const {
      chain,
      mempool,
      network,
      peers: control,
      userAgent,
      version,
      pruneBytes,
      warnings,
    } = context
    const isPruned = pruneBytes !== undefined || chain.prunedHeight > 0
    const peers = network.peers()
    const inboundCount = peers.filter(({ direction }) => direction === 'inbound').length
    const addresses = network.addresses()
    return {
      version: CORE_VERSION,
      subversion: userAgent,
      protocolversion: PROTOCOL_VERSION,
      localservices: isPruned ? PRUNED_SERVICES_HEX : SERVICES_HEX,
      localservicesnames: isPruned ? PRUNED_SERVICE_NAMES : SERVICE_NAMES,
      localrelay: true,
      timeoffset: 0,
      connections: peers.length,
      connections_in: inboundCount,
      connections_out: peers.length - inboundCount,
      networkactive: control.isActive,
      networks: NETWORKS.map(({ name, isReachable }) => ({
        name,
        limited: !isReachable,
        reachable: isReachable,
        proxy: '',
        proxy_randomize_credentials: false,
      })),
      relayfee: btcAmount(mempool.policy.minRelayFeeRate),
      incrementalfee: btcAmount(mempool.policy.incrementalFeeRate),
      localaddresses: addresses.flatMap((address) => {
        const place = toHostAndPort(address)
        return place === undefined ? [] : [{ address: place.host, port: place.port, score: 1 }]
      }),
      warnings: [...warnings()],
      quarry_version: version,
      quarry_peer_id: network.selfId,
      quarry_addresses: addresses,
    }
  },
})
