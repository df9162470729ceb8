/** @module Peers by hand. */

import * as z from 'zod'
import { P2pError } from '../../p2p/index.ts'
import type { PeerNetwork } from '../../sync/index.ts'
import { toErrorMessage } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import { formatMethodHelp } from '../help.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { toMultiaddr } from './peer-address.ts'

/** Turns a bad address into what the caller is told; passes everything else on. */
function refuseBadAddress(error: unknown, address: string): never {
  if (!(error instanceof P2pError) || error.code !== 'invalid-address') throw error
  throw new RpcError(
    RPC_CODES.CLIENT_INVALID_IP_OR_SUBNET,
    `Error: Invalid node address '${address}': give a multiaddr or host:port`,
    { cause: error },
  )
}

function add(network: PeerNetwork, address: string): void {
  // There is no list to look at. Forgetting leaves the connection alone, so doing it is harmless.
  const wasKept = network.forget(address)
  try {
    network.connect(address)
  } catch (error) {
    refuseBadAddress(error, address)
  }
  if (wasKept) {
    throw new RpcError(RPC_CODES.CLIENT_NODE_ALREADY_ADDED, 'Error: Node already added')
  }
}

function remove(network: PeerNetwork, address: string): void {
  if (network.forget(address)) return
  throw new RpcError(
    RPC_CODES.CLIENT_NODE_NOT_ADDED,
    'Error: Node could not be removed. It has not been added previously.',
  )
}

/** Dials once. Like Bitcoin Core, tells of a failure in the log alone. */
async function tryOnce({ network, log }: RpcContext, address: string): Promise<void> {
  try {
    await network.dialOnce(address)
  } catch (error) {
    if (error instanceof P2pError && error.code === 'invalid-address') {
      refuseBadAddress(error, address)
    }
    log.info('addnode could not connect', { address, reason: toErrorMessage(error) })
  }
}

/** `addnode` */
export const addNode = defineMethod({
  name: 'addnode',
  category: 'network',
  summary: 'Keeps a peer connected, stops keeping it, or dials it once.',
  params: [
    {
      name: 'node',
      schema: z.string(),
      description: 'Its multiaddr, such as /ip4/127.0.0.1/tcp/18444, or host:port.',
    },
    {
      name: 'command',
      schema: z.string(),
      description: "'add' to keep it connected, 'remove' to stop that, 'onetry' to dial it once.",
    },
    {
      name: 'v2transport',
      schema: z.boolean().optional(),
      description: 'Not used: connections are always encrypted.',
    },
  ],
  result: { schema: z.null() },
  examples: [['/ip4/127.0.0.1/tcp/18444', 'add']],
  handler: async (context: RpcContext, { node, command }) => {
    const address = toMultiaddr(node)
    if (command === 'add') add(context.network, address)
    else if (command === 'remove') remove(context.network, address)
    else if (command === 'onetry') await tryOnce(context, address)
    else throw new RpcError(RPC_CODES.MISC_ERROR, formatMethodHelp(addNode))
    return null
  },
})
