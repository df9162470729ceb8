/** @module Nodes that are kept, and nodes that are known. */

import * as z from 'zod'
import { toUnixSeconds } from '../../chain/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { SERVICES_HEX } from './node-identity.ts'
import {
  isPeerAt,
  nameNetwork,
  toHostAndPort,
  toHostPortText,
  toMultiaddr,
} from './peer-address.ts'

const NETWORK_NAMES = ['ipv4', 'ipv6', 'onion', 'i2p', 'cjdns'] as const

/** `getaddednodeinfo` */
export const getAddedNodeInfo = defineMethod({
  name: 'getaddednodeinfo',
  category: 'network',
  summary: 'Tells of the nodes that are kept connected, by --peer or by addnode.',
  params: [
    { name: 'node', schema: z.string().optional(), description: 'Only this one; all without it.' },
  ],
  result: {
    schema: z.array(
      z.object({
        addednode: z.string().describe('Its multiaddr, as it was given.'),
        connected: z.boolean().describe('Whether it is a peer.'),
        addresses: z
          .array(
            z.object({
              address: z.string().describe('Where it is connected, host:port.'),
              connected: z.string().describe('inbound or outbound.'),
            }),
          )
          .describe('Empty if it is not connected.'),
      }),
    ),
  },
  examples: [[], ['/ip4/127.0.0.1/tcp/18444']],
  handler: ({ network, peers }: RpcContext, { node }) => {
    const kept = peers.keptAddresses()
    const meant =
      node === undefined ? kept : kept.filter((address) => address === toMultiaddr(node))
    if (node !== undefined && meant.length === 0) {
      throw new RpcError(RPC_CODES.CLIENT_NODE_NOT_ADDED, 'Error: Node has not been added.')
    }
    return meant.map((address) => {
      const peer = network.peers().find((candidate) => isPeerAt(candidate, address))
      return {
        addednode: address,
        connected: peer !== undefined,
        addresses:
          peer === undefined
            ? []
            : [{ address: toHostPortText(peer.address), connected: peer.direction }],
      }
    })
  },
})

/** `getnodeaddresses` */
export const getNodeAddresses = defineMethod({
  name: 'getnodeaddresses',
  category: 'network',
  summary: 'Tells of nodes that could be dialled, in random order.',
  params: [
    {
      name: 'count',
      schema: z.int().optional(),
      description: 'The most to tell of; 0 for all. 1 without it.',
    },
    {
      name: 'network',
      schema: z.string().optional(),
      description: 'Only of this network: ipv4 or ipv6.',
    },
  ],
  result: {
    schema: z.array(
      z.object({
        time: z.number().describe('When its record was made, Unix seconds.'),
        services: z.number().describe('What such nodes serve, as bits.'),
        address: z.string().describe('Its host.'),
        port: z.number().describe('Its port.'),
        network: z.string().describe('ipv4, ipv6 or not_publicly_routable.'),
        quarry_peer_id: z.string().describe('Its libp2p peer id.'),
      }),
    ),
  },
  examples: [[8], [4, 'ipv6']],
  handler: ({ peers }: RpcContext, { count = 1, network }) => {
    if (count < 0) throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Address count out of range')
    if (network !== undefined && !NETWORK_NAMES.some((name) => name === network)) {
      throw new RpcError(RPC_CODES.INVALID_PARAMETER, `Network not recognized: ${network}`)
    }
    const known = peers.knownAddresses().flatMap(({ id, address, recordedAtMs }) => {
      const place = toHostAndPort(address)
      const name = nameNetwork(address)
      if (place === undefined || (network !== undefined && network !== name)) return []
      return [
        {
          time: toUnixSeconds(recordedAtMs),
          services: Number.parseInt(SERVICES_HEX, 16),
          address: place.host,
          port: place.port,
          network: name,
          quarry_peer_id: id,
        },
      ]
    })
    return count === 0 ? known : known.slice(0, count)
  },
})

/** `getaddrmaninfo` */
export const getAddrmanInfo = defineMethod({
  name: 'getaddrmaninfo',
  category: 'network',
  summary: 'Counts the nodes that could be dialled, by network.',
  params: [],
  result: {
    schema: z.record(
      z.string(),
      z.object({
        new: z.number().describe('Those that others have told of.'),
        tried: z.number().describe('Those that we have been connected to.'),
        total: z.number().describe('Both.'),
      }),
    ),
  },
  examples: [[]],
  handler: ({ peers }: RpcContext) => {
    const known = peers.knownAddresses()
    const counted = ['all_networks', ...NETWORK_NAMES].map((name) => {
      const isCounted =
        name === 'all_networks'
          ? known
          : known.filter(({ address }) => nameNetwork(address) === name)
      const tried = isCounted.filter(({ isTried }) => isTried).length
      const total = isCounted.length
      return [name, { new: total - tried, tried, total }] as const
    })
    return Object.fromEntries(counted)
  },
})
