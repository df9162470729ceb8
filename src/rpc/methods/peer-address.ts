/** @module Multiaddrs, and the `host:port` that Bitcoin's clients know. */

import type { PeerInfo } from '../../sync/index.ts'

/** The parts of a multiaddr that lead to a TCP port. */
const TCP_MULTIADDR = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)(?:\/|$)/
/** `host:port`, an IPv6 host in brackets. */
const HOST_AND_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
/** Addresses that only the machine itself or its own network can reach. */
const LOCAL_IPV4 = /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./
const LOCAL_IPV6 = /^(?:::1?$|f[cd]|fe[89ab])/i

/** Where a peer is. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** Host and port of a multiaddr; undefined if it goes over anything but TCP. */
export function toHostAndPort(multiaddr: string): HostAndPort | undefined {
  const [, , host, port] = TCP_MULTIADDR.exec(multiaddr) ?? []
  return host === undefined ? undefined : { host, port: Number(port) }
}

/** A multiaddr as `host:port`, IPv6 in brackets; unchanged if it has no such form. */
export function toHostPortText(multiaddr: string): string {
  const place = toHostAndPort(multiaddr)
  if (place === undefined) return multiaddr
  const host = place.host.includes(':') ? `[${place.host}]` : place.host
  return `${host}:${place.port}`
}

/** The multiaddr for what a caller wrote: a multiaddr as it is, `host:port` as TCP. */
export function toMultiaddr(text: string): string {
  const [, ipv6, host, port] = HOST_AND_PORT.exec(text) ?? []
  if (ipv6 !== undefined) return `/ip6/${ipv6}/tcp/${port}`
  if (host === undefined) return text
  return `/${IPV4.test(host) ? 'ip4' : 'dns'}/${host}/tcp/${port}`
}

const PEER_ID_SUFFIX = /\/p2p\/(\w+)$/

/** Whether a peer is where a caller says: at a `host:port`, at a multiaddr, or anywhere by its peer id. */
export function isPeerAt({ id, address }: PeerInfo, text: string): boolean {
  if (text === id) return true
  const [suffix = '', wantedId = id] = PEER_ID_SUFFIX.exec(text) ?? []
  if (wantedId !== id) return false
  // A peer that dialled us comes from another port than it listens on, so its id alone will do.
  if (suffix !== '') return true
  return text !== '' && toHostPortText(toMultiaddr(text)) === toHostPortText(address)
}

/** The network that an address belongs to, as Bitcoin Core names it. @see Bitcoin Core `GetNetworkName` */
export function nameNetwork(multiaddr: string): string {
  const host = toHostAndPort(multiaddr)?.host ?? ''
  if (IPV4.test(host)) return LOCAL_IPV4.test(host) ? 'not_publicly_routable' : 'ipv4'
  if (host.includes(':')) return LOCAL_IPV6.test(host) ? 'not_publicly_routable' : 'ipv6'
  return 'not_publicly_routable'
}
