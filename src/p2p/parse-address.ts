/** @module Multiaddrs that callers give. */

import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { P2pError, toP2pError } from './p2p-error.ts'

/** @throws {@link P2pError} `invalid-address` */
export function parseAddress(address: string): Multiaddr {
  let parsed: Multiaddr
  try {
    parsed = multiaddr(address)
  } catch (error) {
    throw toP2pError('invalid-address', `not a multiaddr: ${address}`, error)
  }
  if (parsed.getComponents().length > 0) return parsed
  throw new P2pError('invalid-address', 'an empty address')
}

/** The peer id that an address ends with, if it names one. */
export function peerIdOf(address: Multiaddr): string | undefined {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value
}
