/** @module Where a running node is and how it knows us, for every command that talks to one. */

import type { ChainSpec } from '../../consensus/index.ts'
import { ConfigError } from '../../util/index.ts'
import { loadChainSpec } from './chain-choice.ts'
import { computeNodePaths, type NodePaths } from './data-directory.ts'
import { resolveDataDirectory } from './home-directory.ts'
import type { NodeAccess } from './node-access.ts'
import { readFirstLine } from './read-first-line.ts'
import { parseRpcUrl, type RpcUrl } from './rpc-url.ts'
import { CHAIN_NAMES, PASSWORD_VARIABLE, toEnvironmentName, USER_VARIABLE } from './settings.ts'

/** What the command line gave; what is undefined comes from the environment or a default. */
export interface NodePlaceOptions {
  readonly datadir?: string | undefined
  readonly chain?: string | undefined
  readonly rpcUrl?: string | undefined
  readonly rpcPort?: number | undefined
  readonly rpcUser?: string | undefined
  /** `-` for the first line of standard input. */
  readonly rpcPassword?: string | undefined
}

/** A node that a command line names. */
export interface NodePlace {
  readonly access: NodeAccess
  readonly spec: ChainSpec
  readonly paths: NodePaths
  /** The wallet that the URL names. */
  readonly wallet: string | undefined
}

async function chooseAuth(
  options: NodePlaceOptions,
  inUrl: Partial<RpcUrl>,
): Promise<string | undefined> {
  const user = options.rpcUser ?? inUrl.user ?? process.env[USER_VARIABLE]
  const given = options.rpcPassword ?? inUrl.password ?? process.env[PASSWORD_VARIABLE]
  const password = given === '-' ? await readFirstLine(process.stdin) : given
  if (user === undefined && password === undefined) return undefined
  if (user === undefined || password === undefined) {
    const missing =
      user === undefined ? 'a password without a user' : `the user "${user}" without a password`
    throw new ConfigError(
      'bad-settings',
      `There is ${missing}. Use --rpc-user, and ${PASSWORD_VARIABLE} or "--rpc-password -" for standard input; without both the cookie of the node is read.`,
    )
  }
  if (user === '' || user.includes(':')) {
    throw new ConfigError('bad-settings', `"${user}" is no name for a user: it has no colon.`)
  }
  return `${user}:${password}`
}

/**
 * Finds the place that the options, the environment and the defaults name.
 *
 * @throws {@link ConfigError} `bad-chain-spec` if the chain cannot be read, `bad-settings` if the URL or the user is wrong.
 */
export async function locateNode(options: NodePlaceOptions): Promise<NodePlace> {
  const { rpcPort } = options
  const chain = options.chain ?? process.env[toEnvironmentName('chain')] ?? CHAIN_NAMES[0]
  const spec = await loadChainSpec(chain)
  const paths = computeNodePaths(resolveDataDirectory(options.datadir), spec.rpcChain)
  const inUrl: Partial<RpcUrl> = options.rpcUrl === undefined ? {} : parseRpcUrl(options.rpcUrl)
  const url = inUrl.origin ?? (rpcPort === undefined ? undefined : `http://127.0.0.1:${rpcPort}`)
  const auth = await chooseAuth(options, inUrl)
  return { access: { directory: paths.root, url, auth }, spec, paths, wallet: inUrl.wallet }
}

/**
 * The same for a command that has nothing to do with wallets.
 *
 * @throws {@link ConfigError} `bad-settings` if the URL names a wallet, and what {@link locateNode} throws.
 */
export async function locateNodeWithoutWallet(options: NodePlaceOptions): Promise<NodePlace> {
  const place = await locateNode(options)
  if (place.wallet === undefined) return place
  throw new ConfigError(
    'bad-settings',
    'This command uses no wallet: leave /wallet/… out of --rpc-url.',
  )
}
