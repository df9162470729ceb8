/** @module What carries connections between nodes: TCP, and WebSockets once an address asks for them. */

import {
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  type Transport,
  transportSymbol,
} from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { TransportFactory } from '../../p2p/index.ts'
import { InvariantError } from '../../util/index.ts'

const WEB_SOCKET = /\/wss?(?:\/|$)/
const SECURE = /\/(?:wss|tls)(?:\/|$)/

/**
 * @param listen - Multiaddrs that will be listened on.
 * @param allowOrigins - Web origins whose pages may connect over WebSockets.
 */
export async function createTransports(
  listen: readonly string[],
  allowOrigins: readonly string[],
): Promise<readonly TransportFactory[]> {
  const isNeeded = listen.some((address) => WEB_SOCKET.test(address))
  const create = isNeeded ? await loadWebSockets(allowOrigins) : undefined
  return [tcp(), (components) => new LazyWebSockets(components, create)]
}

/** Few nodes need it, so it is no part of a start. */
async function loadWebSockets(allowOrigins: readonly string[] = []): Promise<TransportFactory> {
  const { createGuardedWebSockets } = await import('./guarded-web-sockets.ts')
  return (components) => createGuardedWebSockets(components, allowOrigins)
}

/** WebSockets that are loaded with the first dial, unless they are to be listened on. */
class LazyWebSockets implements Transport {
  readonly [transportSymbol] = true
  /** By this libp2p tells transports apart. */
  readonly [Symbol.toStringTag] = '@libp2p/websockets'
  readonly #components: Parameters<TransportFactory>[0]
  #inner: Transport | undefined

  constructor(components: Parameters<TransportFactory>[0], create: TransportFactory | undefined) {
    this.#components = components
    this.#inner = create?.(components)
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    this.#inner ??= (await loadWebSockets())(this.#components)
    return this.#inner.dial(address, options)
  }

  createListener(options: CreateListenerOptions): Listener {
    if (this.#inner === undefined) {
      throw new InvariantError('WebSockets are loaded for every address that is listened on')
    }
    return this.#inner.createListener(options)
  }

  /** Without a certificate there is nothing to secure them with. */
  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.dialFilter(addresses).filter((address) => !SECURE.test(address.toString()))
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter((address) => WEB_SOCKET.test(address.toString()))
  }
}
