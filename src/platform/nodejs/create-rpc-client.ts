/** @module Typed calls over HTTP. */

import type { RpcCalls } from '../../rpc/index.ts'
import { readAccess } from './node-access.ts'
import { callRpc } from './rpc-client.ts'
import { DEFAULT_RPC_URL, parseRpcUrl } from './rpc-url.ts'

/** Where the node is, and how it knows us: by a password, or by the cookie in its directory. */
export interface RpcClientOptions {
  /**
   * `http://127.0.0.1:18443` by default, or what a node has written down in `directory`. May hold all of it:
   * `http://user:password@host:port/wallet/NAME`.
   */
  readonly url?: string
  /** `user:password`; overrides that of the URL. */
  readonly auth?: string
  /** Name of the wallet that is called; overrides that of the URL. */
  readonly wallet?: string
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
    const inUrl = options.url === undefined ? undefined : parseRpcUrl(options.url)
    const login = inUrl?.user === undefined ? undefined : `${inUrl.user}:${inUrl.password ?? ''}`
    const auth = options.auth ?? login
    const access =
      directory === undefined
        ? { url: inUrl?.origin ?? DEFAULT_RPC_URL, auth: auth ?? '' }
        : await readAccess({ directory, url: inUrl?.origin, auth })
    return callRpc({
      ...access,
      wallet: options.wallet ?? inUrl?.wallet,
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
