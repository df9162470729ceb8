/** @module The network as a whole: pinged, turned on and off. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'

/** `ping` */
export const ping = defineMethod({
  name: 'ping',
  category: 'network',
  summary: 'Pings every peer. How long that took shows in getpeerinfo.',
  params: [],
  result: { schema: z.null() },
  examples: [[]],
  handler: ({ peers }: RpcContext) => {
    peers.pingAll()
    return null
  },
})

/** `setnetworkactive` */
export const setNetworkActive = defineMethod({
  name: 'setnetworkactive',
  category: 'network',
  summary: 'Turns the network on or off. Off, all peers are disconnected and nobody is let in.',
  params: [{ name: 'state', schema: z.boolean(), description: 'Whether it is to be on.' }],
  result: { schema: z.boolean(), description: 'Whether it is on now.' },
  examples: [[true]],
  handler: ({ peers }: RpcContext, { state }) => {
    peers.setActive(state)
    return peers.isActive
  },
})
