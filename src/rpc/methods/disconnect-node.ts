/** @module Disconnecting a peer. */

import * as z from 'zod'
import type { PeerInfo } from '../../sync/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { isPeerAt } from './peer-address.ts'

/** Which peers are meant. Like Bitcoin Core, takes an id only where no address is given, or an empty one. */
function createFilter(
  address: string | undefined,
  nodeId: number | undefined,
): (peer: PeerInfo) => boolean {
  if (address !== undefined && nodeId === undefined) return (peer) => isPeerAt(peer, address)
  if (nodeId !== undefined && (address ?? '') === '') return ({ number }) => number === nodeId
  throw new RpcError(RPC_CODES.INVALID_PARAMS, 'Only one of address and nodeid should be provided.')
}

/** `disconnectnode` */
export const disconnectNode = defineMethod({
  name: 'disconnectnode',
  category: 'network',
  summary: 'Disconnects a peer at once. Whoever is kept by addnode is dialled again.',
  params: [
    {
      name: 'address',
      schema: z.string().optional(),
      description: 'Its host:port as in getpeerinfo, its multiaddr, or its libp2p peer id.',
    },
    {
      name: 'nodeid',
      schema: z.int().optional(),
      description: 'Its id as in getpeerinfo; address has to be empty then.',
    },
  ],
  result: { schema: z.null() },
  examples: [['192.168.0.6:18444'], ['', 1]],
  handler: async ({ network }: RpcContext, { address, nodeid }) => {
    const isMeant = createFilter(address, nodeid)
    const meant = network.peers().filter(isMeant)
    if (meant.length === 0) {
      throw new RpcError(RPC_CODES.CLIENT_NODE_NOT_CONNECTED, 'Node not found in connected nodes')
    }
    await Promise.all(meant.map(({ id }) => network.disconnect(id, 'by an operator')))
    return null
  },
})
