/** @module `quarry rpcauth`: a further user for a node's RPC. */

import { ConfigError } from '../../util/index.ts'
import { readFirstLine } from './read-first-line.ts'
import { createRpcAuth, parseRpcAuth } from './rpc-auth.ts'

/** What the command line gave. */
export interface RpcAuthCommandOptions {
  readonly user: string
  /** `-` for the first line of standard input; a random one if there is none. */
  readonly password?: string | undefined
  readonly isJson: boolean
}

const MAX_PASSWORD_LENGTH = 512

/**
 * Makes a user and says what goes where.
 *
 * @returns The text to print.
 * @throws {@link ConfigError} `bad-settings` for a name or a password that cannot be used.
 */
export async function runRpcAuthCommand({
  user,
  password,
  isJson,
}: RpcAuthCommandOptions): Promise<string> {
  const chosen = password === '-' ? await readFirstLine(process.stdin) : password
  if (chosen !== undefined && (chosen === '' || chosen.length > MAX_PASSWORD_LENGTH)) {
    throw new ConfigError(
      'bad-settings',
      `A password has 1 to ${MAX_PASSWORD_LENGTH} characters; leave it out for a random one.`,
    )
  }
  const made = createRpcAuth(user, chosen)
  if (parseRpcAuth(made.rpcAuth) === undefined) {
    throw new ConfigError(
      'bad-settings',
      `"${user}" is no name for a user: it has 1 to 64 characters, and no colon, dollar sign or white space.`,
    )
  }
  if (isJson) return JSON.stringify({ user, password: made.password, rpcauth: made.rpcAuth })
  return [
    'The node is told, as a flag or in its settings file:',
    `  --rpc-auth '${made.rpcAuth}'`,
    `  rpc-auth = ["${made.rpcAuth}"]`,
    'The password, which is written nowhere:',
    `  ${made.password}`,
  ].join('\n')
}
