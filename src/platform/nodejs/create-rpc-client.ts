/** @module Typed calls over HTTP. */

import { join } from 'node:path'
import type { RpcCalls } from '../../rpc/index.ts'
import { COOKIE_FILE, readCookie, readRpcEndpoint } from './cookie.ts'
import { callRpc, DEFAULT_RPC_URL } from './rpc-client.ts'

/** Where the node is, and how it knows us: by a password, or by the cookie in its directory. */
export interface RpcClientOptions {
  /** `http://127.0.0.1:18443` by default, or what a node has written down in `directory`. */
  readonly url?: string
  /** `user:password`. */
  readonly auth?: string
  /** Where a node of one chain keeps its files: `<datadir>/<chain>`. Its cookie is read anew for each call. */
  readonly directory?: string
  /** Of each call, in milliseconds. */
  readonly timeoutMs?: number
  /** Gives up all calls. */
  readonly signal?: AbortSignal
}

/** A function for each method; amounts are numbers, as in every other client. */
export type RpcClient = RpcCalls & {
  /** Calls any method, with positional or named arguments. */
  call(
    method: string,
    params?: readonly unknown[] | Readonly<Record<string, unknown>>,
  ): Promise<unknown>
}

/** Names that a client is asked for by the language itself: it must not look like a promise. */
const FOREIGN_NAMES: ReadonlySet<string> = new Set(['then', 'toJSON'])

/**
 * Makes a client. Nothing is sent before the first call.
 *
 * @example
 * const client = createRpcClient({ directory: '/home/ada/.quarry/devnet' })
 * await client.getblockcount()
 */
export function createRpcClient(options: RpcClientOptions): RpcClient {
  const call: RpcClient['call'] = async (method, params = []) => {
    const { directory, timeoutMs, signal } = options
    const written = directory === undefined ? undefined : await readRpcEndpoint(directory)
    const cookie = directory === undefined ? '' : join(directory, COOKIE_FILE)
    return callRpc({
      url: options.url ?? written?.url ?? DEFAULT_RPC_URL,
      auth: options.auth ?? (cookie === '' ? '' : await readCookie(cookie)),
      method,
      params: params as never,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      signal,
    })
  }
  // The methods are known to the types alone, so that a client is small and works with newer nodes too.
  return new Proxy({ call } as RpcClient, {
    get(target, name) {
      if (name === 'call') return target.call
      if (typeof name === 'symbol' || FOREIGN_NAMES.has(name)) return undefined
      return (...args: readonly unknown[]) => call(name, args)
    },
  })
}
