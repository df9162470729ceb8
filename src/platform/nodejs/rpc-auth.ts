/** @module Users of RPC: passwords that only their hash is kept of, and the methods that each may call. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const SALT_BYTES = 16
const PASSWORD_BYTES = 32
const RPC_AUTH = /^([^\s:$]{1,64}):([\da-fA-F]{1,128})\$([\da-fA-F]{64})$/

/** A user whose password is known by its hash. */
export interface RpcUser {
  readonly name: string
  /** Hexadecimal, and used as that text. */
  readonly salt: string
  /** HMAC-SHA256 of the password under the salt. */
  readonly hash: Buffer
}

/** Who may call what: the methods of each user that is named. */
export type RpcWhitelists = ReadonlyMap<string, ReadonlySet<string>>

function hashPassword(salt: string, password: string): Buffer {
  return createHmac('sha256', salt).update(password).digest()
}

/** Reads `user:salt$hash`; undefined if it is nothing of that form. @see Bitcoin Core `-rpcauth` */
export function parseRpcAuth(text: string): RpcUser | undefined {
  const [, name, salt, hash] = RPC_AUTH.exec(text) ?? []
  if (name === undefined || salt === undefined || hash === undefined) return undefined
  return { name, salt, hash: Buffer.from(hash, 'hex') }
}

/** Whether a password is the user's. Takes as long for a wrong one as for the right one. */
export function isPasswordOf({ salt, hash }: RpcUser, password: string): boolean {
  return timingSafeEqual(hashPassword(salt, password), hash)
}

/** A new user as `user:salt$hash`, and his password, a random one unless it is given. */
export function createRpcAuth(
  name: string,
  password = randomBytes(PASSWORD_BYTES).toString('base64url'),
): { readonly rpcAuth: string; readonly password: string } {
  const salt = randomBytes(SALT_BYTES).toString('hex')
  const hash = hashPassword(salt, password).toString('hex')
  return { rpcAuth: `${name}:${salt}$${hash}`, password }
}

/**
 * Reads whitelists: `user:method,method`. A part without a user goes on with the one before, since lists may have been
 * cut at their commas. Of a user who is named twice only methods that both lists have are left.
 *
 * @returns Undefined if the first part has no user.
 * @see Bitcoin Core `-rpcwhitelist`
 */
export function parseRpcWhitelists(parts: readonly string[]): RpcWhitelists | undefined {
  const lists: { readonly user: string; readonly methods: string[] }[] = []
  for (const part of parts.flatMap((text) => text.split(','))) {
    const [, user, method = part] = /^([^:]*):(.*)$/.exec(part.trim()) ?? []
    if (user !== undefined) lists.push({ user, methods: [] })
    const last = lists.at(-1)
    if (last === undefined || last.user === '') return undefined
    if (method.trim() !== '') last.methods.push(method.trim())
  }
  const whitelists = new Map<string, ReadonlySet<string>>()
  for (const { user, methods } of lists) {
    const known = whitelists.get(user)
    whitelists.set(user, new Set(methods.filter((method) => known?.has(method) ?? true)))
  }
  return whitelists
}
