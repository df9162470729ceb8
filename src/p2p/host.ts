/** @module Where a multiaddr leads: hosts, their neighbourhoods, and who can reach them. */

import {
  formatIpAddress,
  formatSubnet,
  IP_ADDRESS_BITS,
  type IpAddress,
  parseIpAddress,
  parseSubnet,
  toSubnet,
} from '../util/index.ts'

/** An IPv6 network of 64 bits is one host: whoever has one address of it has them all. */
const HOST_BITS = { 4: 32, 6: 64 } as const
/** Whoever has one address of such a network can easily have more. @see Bitcoin Core `NetGroupManager::GetGroup` */
const GROUP_BITS = { 4: 16, 6: 32 } as const

/** Who can reach an address: nobody but the machine, its own network, everybody. */
export type Reach = 'loopback' | 'private' | 'public'

/** The order of {@link Reach}, narrow to wide. */
const REACHES: readonly Reach[] = ['loopback', 'private', 'public']

const SPECIAL_NETWORKS: readonly (readonly [Reach, string])[] = [
  ['loopback', '127.0.0.0/8'],
  ['loopback', '::1'],
  ['private', '0.0.0.0/8'],
  ['private', '10.0.0.0/8'],
  ['private', '100.64.0.0/10'],
  ['private', '169.254.0.0/16'],
  ['private', '172.16.0.0/12'],
  ['private', '192.168.0.0/16'],
  // Multicast, and what is reserved above it.
  ['private', '224.0.0.0/3'],
  ['private', '::'],
  ['private', 'fc00::/7'],
  ['private', 'fe80::/10'],
  ['private', 'ff00::/8'],
]
/** The same, ready to be compared with: many addresses are looked at. */
const SPECIAL_PREFIXES = SPECIAL_NETWORKS.flatMap(([reach, text]) => {
  const subnet = parseSubnet(text)
  if (subnet === undefined) return []
  const { address, prefixBits } = subnet
  const shift = BigInt(IP_ADDRESS_BITS[address.version] - prefixBits)
  return [{ reach, version: address.version, shift, prefix: address.value >> shift }]
})

const IP_MULTIADDR = /^\/ip[46]\/([^/]+)(?:\/|$)/

/** The IP address that a multiaddr begins with, if it does. */
export function hostOf(multiaddr: string): IpAddress | undefined {
  const [, host = ''] = IP_MULTIADDR.exec(multiaddr) ?? []
  return parseIpAddress(host)
}

/** Who can reach an address. */
export function reachOf({ version, value }: IpAddress): Reach {
  const special = SPECIAL_PREFIXES.find(
    (candidate) => candidate.version === version && value >> candidate.shift === candidate.prefix,
  )
  return special?.reach ?? 'public'
}

/** Whether whoever is reached at `source` can know that `address` leads to the same place for us. */
export function isBelievable(address: Reach, source: Reach): boolean {
  return REACHES.indexOf(address) >= REACHES.indexOf(source)
}

/** Where a peer comes from. */
export interface Origin {
  /** IPv4 address, or IPv6 network of 64 bits. */
  readonly host: string
  /** Network of 16 bits (IPv4) or 32 (IPv6). */
  readonly group: string
  readonly isLoopback: boolean
}

/** The origin of a multiaddr; what names no IP address is an origin of its own. */
export function originOf(multiaddr: string): Origin {
  const address = hostOf(multiaddr)
  if (address === undefined) return { host: multiaddr, group: multiaddr, isLoopback: false }
  const { version } = address
  return {
    host:
      version === 4
        ? formatIpAddress(address)
        : formatSubnet(toSubnet(address, HOST_BITS[version])),
    group: formatSubnet(toSubnet(address, GROUP_BITS[version])),
    isLoopback: reachOf(address) === 'loopback',
  }
}
