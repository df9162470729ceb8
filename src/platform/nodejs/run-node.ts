/** @module `quarry start`: one node in this process, with its files, its HTTP server and its end. */

import { availableParallelism } from 'node:os'
import { type ConsensusParams, createConsensusParams } from '../../consensus/index.ts'
import {
  createNode,
  DEVNET_WALLET_ADDRESS,
  type NodeOptions,
  type QuarryNode,
} from '../../node/index.ts'
import { ConfigError, type LoggerSource } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import { loadStartableChainSpec } from './chain-choice.ts'
import { Cleanup } from './cleanup.ts'
import { computeAutoThreads, computeMaxThreads, type NodeSettings } from './config.ts'
import { type CookieFile, type PublishedFile, writeCookie, writeRpcEndpoint } from './cookie.ts'
import { type OpenDataDirectory, openDataDirectory } from './data-directory.ts'
import { createDiskPlatform } from './disk-platform.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { checkFreeDisk, watchFreeDisk } from './free-disk.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'
import { isLoopbackOnly, MAX_PEERS } from './listening.ts'
import { NodeFront } from './node-front.ts'
import { notifyOfBlocks, notifyOfEnd, notifyOfStart } from './notify-commands.ts'
import { readPayouts } from './payee-list.ts'
import { reportReady } from './ready-report.ts'
import { parseRpcAuth, parseRpcWhitelists } from './rpc-auth.ts'
import type { Shutdown } from './signals.ts'
import { listenForMiners, type StratumListener } from './stratum-listener.ts'

/** The most threads that verify scripts. @see Bitcoin Core `MAX_SCRIPTCHECK_THREADS` */
const MAX_VERIFY_THREADS = 15

const BYTES_PER_MB = 1_048_576
const MS_PER_HOUR = 3_600_000

/** What running a node needs of the command line. */
export interface RunNodeDeps {
  readonly settings: NodeSettings
  readonly log: LoggerSource
  readonly shutdown: Shutdown
  /** Of the program. */
  readonly version: string
}

/** @throws {@link ConfigError} `bad-settings` for what cannot be had together. */
function checkCompatibility({ prune, txindex }: NodeSettings): void {
  if (prune === 0 || !txindex) return
  throw new ConfigError(
    'bad-settings',
    'prune, txindex: Prune mode is incompatible with -txindex. The index needs all blocks: leave one of the two out.',
  )
}

/** @param megabytes - As in `--prune`: 0 keeps all blocks, 1 deletes them over RPC alone. */
function resolvePruneBytes(megabytes: number): number | undefined {
  if (megabytes === 0) return undefined
  return megabytes === 1 ? 0 : megabytes * BYTES_PER_MB
}

/** Where mined coins go: the wallet that everybody knows gets them unless somebody else is named. */
function choosePayees({ addresses, devWallet }: NodeSettings): readonly string[] {
  return addresses.length === 0 && devWallet ? [DEVNET_WALLET_ADDRESS] : addresses
}

interface RunningServer {
  readonly server: HttpServer
  readonly cookie: CookieFile
}

/** Serves from now on; each step is undone by the clean-up. */
async function startServer(
  front: NodeFront,
  directory: OpenDataDirectory,
  settings: NodeSettings,
  cleanup: Cleanup,
  isReady: () => boolean,
): Promise<RunningServer> {
  const withdraw = (file: PublishedFile) => (isReady() ? file.remove() : file.putBack())
  const cookie = await writeCookie(directory.root)
  cleanup.add(() => withdraw(cookie))
  const server = await startHttpServer(front.toServerDeps(settings.rest), {
    host: settings.rpcBind,
    port: settings.rpcPort,
    credentials: [cookie.credentials],
    users: settings.rpcAuth.map(parseRpcAuth).filter((user) => user !== undefined),
    whitelists: parseRpcWhitelists(settings.rpcWhitelist) ?? new Map(),
    mayOthersCall: !settings.rpcWhitelistDefault,
    allowIps: settings.rpcAllowIp,
  })
  cleanup.add(() => server.close())
  const endpoint = await writeRpcEndpoint(directory.root, { url: server.url, pid: process.pid })
  cleanup.add(() => withdraw(endpoint))
  return { server, cookie }
}

}

/** Once the node is up: a miner that came earlier would get no work. */
async function startStratum(
  { pool }: QuarryNode,
  { stratum }: NodeSettings,
): Promise<StratumListener | undefined> {
  if (pool === undefined || stratum === undefined) return undefined
  return await listenForMiners(stratum, (connection) => pool.server.accept(connection))
