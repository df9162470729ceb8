/** @module Who may use the HTTP server: by address, by `Host`, by `Origin`, by password. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { isPasswordOf, type RpcUser, type RpcWhitelists } from './rpc-auth.ts'

/** Longer `Authorization` headers are refused unread. */
const MAX_AUTHORIZATION_LENGTH = 1_024
const BASIC_SCHEME = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i

/** Writes an address as IPv4 where it is one inside IPv6, and without brackets. */
export function normalizeAddress(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)
  return mapped?.[1] ?? bare
}

/** Whether only programs on this machine can reach an address. */
export function isLoopback(address: string): boolean {
  const plain = normalizeAddress(address)
  return plain === '::1' || plain === 'localhost' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

/**
 * Creates the check of callers' addresses. Loopback always passes.
 *
 * @param allowed - IP addresses and CIDR ranges; already checked to be such.
 */
export function createAddressCheck(
  allowed: readonly string[],
): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const entry of allowed) {
    const [address = '', bits] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (address) => {
    if (address === undefined) return false
    const plain = normalizeAddress(address)
    return isLoopback(plain) || list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** The host in a `Host` header: lower case, without port and brackets. */
function hostNameOf(header: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{0,5})?$/.exec(header.trim()) ?? []
  return normalizeAddress(bracketed ?? plain ?? '')
}

/**
 * Creates the check of `Host` headers. A web page whose name was pointed at this machine (DNS
 * rebinding) carries that name; programs of this machine carry one of ours, and programs of others
 * the address that they connected to.
 *
 * @param names - Further names that are ours.
 */
export function createHostCheck(
  names: readonly string[],
): (header: string | undefined, localAddress: string | undefined) => boolean {
  const known = new Set(['localhost', '127.0.0.1', '::1', ...names.map(normalizeAddress)])
  return (header, localAddress) => {
    // Only HTTP/1.0 leaves it out, and no browser does.
    if (header === undefined) return true
    const name = hostNameOf(header)
    return (
      known.has(name) ||
      (isIP(name) !== 0 && localAddress !== undefined && name === normalizeAddress(localAddress))
    )
  }
}

/** What an `Authorization` header is worth. */
export type AuthResult =
  | { readonly verdict: 'missing' | 'wrong' }
  | { readonly verdict: 'right'; readonly user: string }

/** Who has the right password. */
export interface Accepted {
  /** `user:password` each. */
  readonly credentials: readonly string[]
  readonly users?: readonly RpcUser[] | undefined
}

/** Cuts at the first colon: a password may have more of them. */
function splitCredentials(text: string): readonly [user: string, password: string] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

/**
 * Creates the check of Basic credentials. Takes the same time for every wrong password: digests
 * under a key of this process are compared, so that lengths do not show either.
 */
export function createBasicAuth({
  credentials,
  users = [],
}: Accepted): (header: string | undefined) => AuthResult {
  const key = randomBytes(32)
  const digest = (text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const accepted = credentials.map(digest)
  const names = users.map(({ name }) => digest(name))
  return (header) => {
    if (header === undefined) return { verdict: 'missing' }
    if (header.length > MAX_AUTHORIZATION_LENGTH) return { verdict: 'wrong' }
    const encoded = BASIC_SCHEME.exec(header)?.[1] ?? ''
    const text = Buffer.from(encoded, 'base64').toString('utf8')
    const [user, password] = splitCredentials(text)
    const offered = digest(text)
    const offeredName = digest(user)
    let isRight = false
    // Every one is compared: leaving early would tell which matched.
    for (const digested of accepted) isRight = timingSafeEqual(digested, offered) || isRight
    users.forEach((known, index) => {
      const isUser = timingSafeEqual(names[index] ?? offered, offeredName)
      const isPassword = isPasswordOf(known, password)
      isRight = (isUser && isPassword) || isRight
    })
    return isRight ? { verdict: 'right', user } : { verdict: 'wrong' }
  }
}

/** Why users without a whitelist may call nothing. @see Bitcoin Core `-rpcwhitelistdefault` */
const OTHERS_REASON =
  'as soon as one user has an --rpc-whitelist, those without one, the cookie too, may call nothing; --no-rpc-whitelist-default lets them call everything'

/**
 * Creates the check of what users may call. Users without a whitelist may call nothing as soon as anybody has one,
 * unless `mayOthers` says otherwise; the cookie's user, `__cookie__`, is no exception.
 *
 * @returns For a user, what says why a method is forbidden; undefined if the user may call all of them.
 * @see Bitcoin Core `-rpcwhitelist`, `-rpcwhitelistdefault`
 */
export function createMethodCheck(
  whitelists: RpcWhitelists,
  mayOthers: boolean,
): (user: string) => ((method: string) => string | undefined) | undefined {
  return (user) => {
    const methods = whitelists.get(user)
    if (methods !== undefined) {
      return (method) => (methods.has(method) ? undefined : `This user may not call ${method}`)
    }
    return mayOthers ? undefined : (method) => `This user may not call ${method}: ${OTHERS_REASON}`
  }
}
