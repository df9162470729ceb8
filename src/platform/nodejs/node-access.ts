/** @module How a client gets at a node: by what it is told, else by the files that the node has written. */

import { join } from 'node:path'
import { COOKIE_FILE, readCookie, readRpcEndpoint } from './cookie.ts'
import { DEFAULT_RPC_URL } from './rpc-url.ts'

/** A node, before anybody has asked whether it runs. */
export interface NodeAccess {
  /** `<datadir>/<rpcChain>` of the node: its cookie, and its address unless `url` is given. */
  readonly directory: string
  /** Overrides the address that the node has written down. */
  readonly url?: string | undefined
  /** `user:password`; overrides the cookie that the node has written. */
  readonly auth?: string | undefined
}

/**
 * Reads address and password. A node that was started again has another cookie, and perhaps another port: to be read
 * anew for each call.
 *
 * @throws {@link ConfigError} `no-cookie` if no password is given and there is no cookie.
 */
export async function readAccess({
  directory,
  url,
  auth,
}: NodeAccess): Promise<{ readonly url: string; readonly auth: string }> {
  return {
    url: url ?? (await readRpcEndpoint(directory))?.url ?? DEFAULT_RPC_URL,
    auth: auth ?? (await readCookie(join(directory, COOKIE_FILE))),
  }
}
