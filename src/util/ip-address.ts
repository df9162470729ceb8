/** @module IP addresses and networks of them, as numbers: for whom to refuse, and who is a neighbour of whom. */

/** An address. IPv4 mapped into IPv6 is IPv4. */
export interface IpAddress {
  readonly version: 4 | 6
  /** Big-endian, of 32 or 128 bits. */
  readonly value: bigint
}

/** A network: the addresses that share the first `prefixBits` bits with `address`, whose others are zero. */
export interface Subnet {
  readonly address: IpAddress
  readonly prefixBits: number
}

/** The bits of an address. */
export const IP_ADDRESS_BITS = { 4: 32, 6: 128 } as const

const IPV4_PARTS = 4
const IPV6_PARTS = 8
const DECIMAL_BYTE = /^(?:0|[1-9]\d{0,2})$/
const HEX_PART = /^[0-9a-fA-F]{1,4}$/
const MAPPED_IPV4_PREFIX = 0xffffn

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== IPV4_PARTS) return undefined
  let value = 0n
  for (const part of parts) {
    if (!DECIMAL_BYTE.test(part) || Number(part) > 0xff) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

/** Writes the IPv4 address that may end an IPv6 one as two parts. */
function withoutIpv4End(text: string): string | undefined {
  const start = text.lastIndexOf(':') + 1
  if (!text.includes('.', start)) return text
  const value = parseIpv4(text.slice(start))
  if (value === undefined) return undefined
  return `${text.slice(0, start)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
}

function parseIpv6(text: string): bigint | undefined {
  const halves = withoutIpv4End(text)?.split('::')
  if (halves === undefined || halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = IPV6_PARTS - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  let value = 0n
  for (const part of [...head, ...Array.from({ length: missing }, () => '0'), ...tail]) {
    if (!HEX_PART.test(part)) return undefined
    value = (value << 16n) | BigInt(`0x${part}`)
  }
  return value
}

/** The address that a text spells; undefined if it spells none. Zones (`%eth0`) are not understood. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const value = parseIpv4(text)
    return value === undefined ? undefined : { version: 4, value }
  }
  const value = parseIpv6(text)
  if (value === undefined) return undefined
  if (value >> 32n !== MAPPED_IPV4_PREFIX) return { version: 6, value }
  return { version: 4, value: value & 0xffff_ffffn }
}

/** The longest run of zeros, of two at least; the first of equally long ones. */
function findZeroRun(parts: readonly number[]): { readonly start: number; readonly end: number } {
  let best = { start: 0, end: 1 }
  for (let start = 0; start < parts.length; start++) {
    let end = start
    while (parts[end] === 0) end++
    if (end - start > Math.max(1, best.end - best.start)) best = { start, end }
  }
  return best
}

/** An address as text. @see RFC 5952 for IPv6 */
export function formatIpAddress({ version, value }: IpAddress): string {
  if (version === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')
  }
  const parts = Array.from({ length: IPV6_PARTS }, (_, index) =>
    Number((value >> BigInt(16 * (IPV6_PARTS - 1 - index))) & 0xffffn),
  )
  const toText = (from: number, to: number): string =>
    parts
      .slice(from, to)
      .map((part) => part.toString(16))
      .join(':')
  const { start, end } = findZeroRun(parts)
  if (end - start < 2) return toText(0, IPV6_PARTS)
  return `${toText(0, start)}::${toText(end, IPV6_PARTS)}`
}

/** The network of `prefixBits` bits that an address lies in. */
export function toSubnet(address: IpAddress, prefixBits: number): Subnet {
  const rest = BigInt(IP_ADDRESS_BITS[address.version] - prefixBits)
  return { address: { ...address, value: (address.value >> rest) << rest }, prefixBits }
}

/** The prefix that a netmask stands for; undefined if its ones do not all come first. */
function parseNetmask(text: string, version: 4 | 6): number | undefined {
  const mask = parseIpAddress(text)
  if (mask?.version !== version) return undefined
  const bits = mask.value.toString(2).padStart(IP_ADDRESS_BITS[version], '0')
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined
}

/**
 * The network that a text spells: an address, an address and a prefix, or an address and a netmask
 * (`10.1.2.3`, `10.1.2.3/8`, `10.1.2.3/255.0.0.0`). Undefined if it spells none.
 *
 * @see Bitcoin Core `LookupSubNet`
 */
export function parseSubnet(text: string): Subnet | undefined {
  const [host = '', prefix, ...rest] = text.split('/')
  const address = parseIpAddress(host)
  if (address === undefined || rest.length > 0) return undefined
  const maxBits = IP_ADDRESS_BITS[address.version]
  if (prefix === undefined) return toSubnet(address, maxBits)
  const prefixBits = /^\d{1,3}$/.test(prefix)
    ? Number(prefix)
    : parseNetmask(prefix, address.version)
  if (prefixBits === undefined || prefixBits > maxBits) return undefined
  return toSubnet(address, prefixBits)
}

/** A network as text, with its prefix: `10.0.0.0/8`. */
export function formatSubnet({ address, prefixBits }: Subnet): string {
  return `${formatIpAddress(address)}/${prefixBits}`
}
