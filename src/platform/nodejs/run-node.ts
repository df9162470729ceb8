/** @module `quarry start`: one node in this process, with its files, its HTTP server and its end. */

import { availableParallelism } from 'node:os'
import { type ConsensusParams, createConsensusParams } from '../../consensus/index.ts'
import { createNode, DEVNET_WALLET_ADDRESS, type QuarryNode } from '../../node/index.ts'
import type { LoggerSource } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import { loadStartableChainSpec } from './chain-choice.ts'
import { Cleanup } from './cleanup.ts'
import type { NodeSettings } from './config.ts'
import { type CookieFile, type PublishedFile, writeCookie, writeRpcEndpoint } from './cookie.ts'
import { type OpenDataDirectory, openDataDirectory } from './data-directory.ts'
import { createDiskPlatform } from './disk-platform.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { checkFreeDisk, watchFreeDisk } from './free-disk.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'
import { NodeFront } from './node-front.ts'
import { loadNodeNetwork } from './node-network.ts'
import { notifyOfBlocks, notifyOfEnd, notifyOfStart } from './notify-commands.ts'
import { readPayouts } from './payee-list.ts'
import { reportReady } from './ready-report.ts'
import { parseRpcAuth, parseRpcWhitelists } from './rpc-auth.ts'
import type { Shutdown } from './signals.ts'
import { listenForMiners, type StratumListener } from './stratum-listener.ts'
import { toNodeOptions } from './to-node-options.ts'

/** The most threads that verify scripts. @see Bitcoin Core `MAX_SCRIPTCHECK_THREADS` */
const MAX_VERIFY_THREADS = 15

/** What running a node needs of the command line. */
export interface RunNodeDeps {
  readonly settings: NodeSettings
  readonly log: LoggerSource
  readonly shutdown: Shutdown
  /** Of the program. */
  readonly version: string
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
    allowHosts: settings.rpcAllowHost,
    allowOrigins: settings.rpcAllowOrigin,
  })
  cleanup.add(() => server.close())
  const endpoint = await writeRpcEndpoint(directory.root, { url: server.url, pid: process.pid })
  cleanup.add(() => withdraw(endpoint))
  return { server, cookie }
}

function warnOfReaders({ isPrivate, root }: OpenDataDirectory, log: LoggerSource): void {
  if (isPrivate) return
  log
    .child('platform')
    .warn(
      'other users of this machine may read keys and the RPC cookie: the file system keeps no permissions',
      { directory: root },
    )
}

/** Once the node is up: a miner that came earlier would get no work. */
async function startStratum(
  { pool }: QuarryNode,
  { stratum }: NodeSettings,
): Promise<StratumListener | undefined> {
  if (pool === undefined || stratum === undefined) return undefined
  return await listenForMiners(stratum, (connection) => pool.server.accept(connection))
}

function tellReady(
  node: QuarryNode,
  params: ConsensusParams,
  { server, cookie }: RunningServer,
  stratum: StratumListener | undefined,
  log: LoggerSource,
): void {
  const [multiaddr = ''] = node.network.addresses()
  log.child('node').info('node is ready', {
    chain: params.name,
    height: node.chain.tip.height,
    rpc: server.url,
    cookiePath: cookie.path,
    addresses: node.network.addresses(),
    mining: node.miner !== undefined,
  })
  if (stratum !== undefined) {
    const reach = stratum.isPublic ? 'every machine that reaches this one' : 'this machine alone'
    log.child('stratum').info('miners can connect', { url: stratum.url, from: reach })
  }
  reportReady({
    rpcUrl: server.url,
    stratumUrl: stratum?.url,
    cookiePath: cookie.path,
    multiaddr,
    pid: process.pid,
    chain: params.name,
  })
}

/**
 * Runs a node until `shutdown` says otherwise. Resolves when it is up; what fails before that is undone. RPC answers
 * from early on, with what the start is at.
 *
 * @throws {@link ConfigError} for settings that cannot be used, {@link StoreError} for a data directory
 * that cannot, and what the network throws if no address can be listened on.
 */
export async function runNode(deps: RunNodeDeps): Promise<void> {
  const { settings, log, shutdown, version } = deps
  const params = createConsensusParams(await loadStartableChainSpec(settings.chain))
  const payouts = readPayouts(choosePayees(settings), params)
  const rpcDeps = { log: log.child('rpc'), clock: systemClock }
  const notifyDeps = { log: log.child('platform'), clock: systemClock }
  const cleanup = new Cleanup()
  try {
    await checkFreeDisk(settings.dataDir)
    const directory = await openDataDirectory(settings.dataDir, params.rpcChain)
    cleanup.add(() => directory.release())
    let isReady = false
    // A start that fails leaves nothing behind that was not there before.
    cleanup.add(async () => (isReady ? undefined : directory.discard()))
    warnOfReaders(directory, log)
    // Before the chain is opened: that may take long, and write much.
    const unwatch = watchFreeDisk(directory.root, (message) => {
      log.child('node').error('the disk is nearly full', { message })
      shutdown.request('the disk is nearly full', EXIT_CODES.diskFull)
    })
    cleanup.add(async () => unwatch())
    const front = new NodeFront(rpcDeps)
    const running = await startServer(front, directory, settings, cleanup, () => isReady)
    const node = await createNode({
      params,
      platform: await createDiskPlatform(directory, settings, log),
      createNetwork: await loadNodeNetwork(settings),
      options: toNodeOptions(settings, {
        payouts,
        verifyThreads: Math.min(availableParallelism(), MAX_VERIFY_THREADS),
        version,
      }),
      onFatal: (error) => {
        log.child('node').error('cannot go on', { error })
        shutdown.request('a part of the node failed', 1)
      },
      onStopRequested: () => shutdown.request('stopped over RPC'),
      onProgress: (status) => front.setStatus(status),
      signal: shutdown.signal,
    })
    cleanup.add(() => node.stop())
    const stratum = await startStratum(node, settings)
    if (stratum !== undefined) cleanup.add(() => stratum.close())
    // Before the node stops, and not only after it, as what was begun before it.
    cleanup.add(() => running.server.close())
    cleanup.add(() => notifyOfEnd(settings, notifyDeps))
    isReady = true
    front.open(node)
    tellReady(node, params, running, stratum, log)
    notifyOfBlocks(node, settings, notifyDeps)
    notifyOfStart(settings, notifyDeps)
  } catch (error) {
    await cleanup.run()
    throw error
  }
  shutdown.attach(async () => {
    await cleanup.run()
    log.child('node').info('stopped')
  })
}
