/** @module Ports that nobody listens on. */

import { createServer } from 'node:net'
import { ConfigError } from '../../util/index.ts'

/** RPC of the first node of a machine. */
export const FIRST_RPC_PORT = 18_443
/** Peers of the first node of a machine. */
export const FIRST_P2P_PORT = 18_444
/** Each further node is this much higher. */
export const PORT_STEP = 10
/** How many steps are tried before giving up. */
const MAX_STEPS = 500

/** The two ports of one node. */
export interface NodePorts {
  readonly rpc: number
  readonly p2p: number
  /** How many steps above the first node's ports they are. */
  readonly step: number
}

/** Whether a port of the loopback interface can be listened on at this moment. */
function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}

/**
 * Finds a node's two ports: the usual ones of its place on the machine, or the next pair of which both
 * are free. Somebody else may take them before they are used: try again with the next step then.
 *
 * @param firstStep - Steps above the first node's ports at which to begin.
 * @throws {@link ConfigError} `port-in-use` if all are taken.
 */
export async function findNodePorts(firstStep: number): Promise<NodePorts> {
  for (let step = firstStep; step < firstStep + MAX_STEPS; step++) {
    const ports = {
      rpc: FIRST_RPC_PORT + PORT_STEP * step,
      p2p: FIRST_P2P_PORT + PORT_STEP * step,
      step,
    }
    if ((await isPortFree(ports.rpc)) && (await isPortFree(ports.p2p))) return ports
  }
  throw new ConfigError(
    'port-in-use',
    `No free pair of ports was found from ${FIRST_RPC_PORT + PORT_STEP * firstStep} upwards. Stop other devnets first.`,
  )
}
