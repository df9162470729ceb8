/** @module Where a node listens. */

import { isIP } from 'node:net'

/** A host and a port to listen on. */
export interface ListenAddress {
  /** An IP address. */
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
}

const MAX_PORT = 65_535
const LISTEN_ADDRESS = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):)?(\d{1,5})$/

/**
 * Reads `[host:]port`; without a host it is loopback. IPv6 addresses stand in brackets.
 *
 * @returns Nothing for any other text.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = LISTEN_ADDRESS.exec(text)
  if (match === null) return undefined
  const [, ipv6, name = '127.0.0.1', digits] = match
  const host = ipv6 ?? (name === 'localhost' ? '127.0.0.1' : name)
  const port = Number(digits)
  const isUsable = isIP(host) === (ipv6 === undefined ? 4 : 6) && port <= MAX_PORT
  return isUsable ? { host, port } : undefined
}

/** The form that {@link parseListenAddress} reads. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether every address is on this machine: then peers cannot be told apart by theirs. */
export function isLoopbackOnly(addresses: readonly string[]): boolean {
  return addresses.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address))
}
