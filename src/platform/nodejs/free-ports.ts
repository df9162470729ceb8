/** @module Ports that nobody listens on. */

import { createServer } from 'node:net'
import { ConfigError } from '../../util/index.ts'

/** RPC of the first node of a machine. */
export const FIRST_RPC_PORT = 18_443
/** Peers of the first node of a machine. */
export const FIRST_P2P_PORT = 18_444
/** Miners of the first node of a machine. */
export const FIRST_STRATUM_PORT = 3_333
/** Each further node is this much higher. */
export const PORT_STEP = 10
/** How many steps are tried before giving up. */
const MAX_STEPS = 500

/** The ports of one node. */
export interface NodePorts {
  readonly rpc: number
  readonly p2p: number
  /** Undefined where miners cannot connect. */
  readonly stratum: number | undefined
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

async function areFree(ports: readonly (number | undefined)[]): Promise<boolean> {
  for (const port of ports) {
    if (port !== undefined && !(await isPortFree(port))) return false
  }
  return true
}

/**
 * Finds a node's ports: the usual ones of its place on the machine, or the next ones of which all
 * are free. Somebody else may take them before they are used: try again with the next step then.
 *
 * @param firstStep - Steps above the first node's ports at which to begin.
 * @param hasStratum - Whether miners need one, too.
 * @throws {@link ConfigError} `port-in-use` if all are taken.
 */
export async function findNodePorts(firstStep: number, hasStratum = false): Promise<NodePorts> {
  for (let step = firstStep; step < firstStep + MAX_STEPS; step++) {
    const ports = {
      rpc: FIRST_RPC_PORT + PORT_STEP * step,
      p2p: FIRST_P2P_PORT + PORT_STEP * step,
      stratum: hasStratum ? FIRST_STRATUM_PORT + PORT_STEP * step : undefined,
      step,
    }
    if (await areFree([ports.rpc, ports.p2p, ports.stratum])) return ports
  }
  throw new ConfigError(
    'port-in-use',
    `No free ports were found from ${FIRST_RPC_PORT + PORT_STEP * firstStep} upwards. Stop other devnets first.`,
  )
}
