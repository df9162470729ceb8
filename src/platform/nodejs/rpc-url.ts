/** @module The URL of a node's RPC, with the user and the wallet that it may name. */

import { ConfigError } from '../../util/index.ts'

/** Where a node listens that was not told otherwise. */
export const DEFAULT_RPC_URL = 'http://127.0.0.1:18443'
/** @see Bitcoin Core `WALLET_ENDPOINT_BASE` */
const WALLET_PATH = /^\/wallet\/(?<name>[^/]*)$/

/** The parts of a URL. */
export interface RpcUrl {
  /** Scheme, host and port alone: nothing secret, fit for messages. */
  readonly origin: string
  readonly user?: string
  readonly password?: string
  readonly wallet?: string
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * Reads `http://user:password@host:port/wallet/NAME`; all but scheme and host may be left out.
 *
 * @throws {@link ConfigError} `bad-settings` for anything else. The message never shows a password.
 */
export function parseRpcUrl(text: string): RpcUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ConfigError(
      'bad-settings',
      'The RPC URL is not usable. Use http://host:port, http://user:password@host:port or http://host:port/wallet/NAME.',
    )
  }
  const wallet = WALLET_PATH.exec(url.pathname)?.groups?.['name']
  if ((url.pathname !== '/' && wallet === undefined) || url.search !== '') {
    throw new ConfigError(
      'bad-settings',
      `The path ${url.pathname}${url.search} of the RPC URL is not known: a node has / and /wallet/NAME.`,
    )
  }
  return {
    origin: url.origin,
    ...(url.username === '' ? {} : { user: decodePart(url.username) }),
    ...(url.password === '' ? {} : { password: decodePart(url.password) }),
    ...(wallet === undefined ? {} : { wallet: decodePart(wallet) }),
  }
}
