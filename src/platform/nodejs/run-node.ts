/** @module `quarry start`: one node in this process, with its files, its HTTP server and its end. */

import { availableParallelism } from 'node:os'
import { type ConsensusParams, createConsensusParams } from '../../consensus/index.ts'
import { createNode, type QuarryNode } from '../../node/index.ts'
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
import { readPayouts } from './payee-list.ts'
import { reportReady } from './ready-report.ts'
import type { Shutdown } from './signals.ts'

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

interface RunningServer {
  readonly server: HttpServer
  readonly cookie: CookieFile
  readonly endpoint: PublishedFile
}

async function startServer(
  node: QuarryNode,
  directory: OpenDataDirectory,
  settings: NodeSettings,
  log: LoggerSource,
): Promise<RunningServer> {
  const cookie = await writeCookie(directory.root)
  const server = await startHttpServer(
    {
      dispatcher: node.rpc,
      readiness: () =>
        node.isReady
          ? { isReady: true, reasons: [] }
          : { isReady: false, reasons: ['not level with peers yet'] },
      log: log.child('rpc'),
      clock: systemClock,
    },
    {
      host: settings.rpcBind,
      port: settings.rpcPort,
      credentials: [cookie.credentials],
      allowIps: settings.rpcAllowIp,
    },
  )
  const endpoint = await writeRpcEndpoint(directory.root, { url: server.url, pid: process.pid })
  return { server, cookie, endpoint }
}

function tellReady(
  node: QuarryNode,
  params: ConsensusParams,
  { server, cookie }: RunningServer,
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
  reportReady({
    rpcUrl: server.url,
    cookiePath: cookie.path,
    multiaddr,
    pid: process.pid,
    chain: params.name,
  })
}

/**
 * Runs a node until `shutdown` says otherwise. Resolves when it is up; what fails before that is undone.
 *
 * @throws {@link ConfigError} for settings that cannot be used, {@link StoreError} for a data directory
 * that cannot, and what the network throws if no address can be listened on.
 */
export async function runNode(deps: RunNodeDeps): Promise<void> {
  const { settings, log, shutdown, version } = deps
  checkCompatibility(settings)
  const params = createConsensusParams(await loadStartableChainSpec(settings.chain))
  const payouts = readPayouts(settings.addresses, params)
  const cleanup = new Cleanup()
  try {
    await checkFreeDisk(settings.dataDir)
    const directory = await openDataDirectory(settings.dataDir, params.rpcChain)
    cleanup.add(() => directory.release())
    // Before the chain is opened: that may take long, and write much.
    const unwatch = watchFreeDisk(directory.root, (message) => {
      log.child('node').error('the disk is nearly full', { message })
      shutdown.request('the disk is nearly full', EXIT_CODES.diskFull)
    })
    cleanup.add(async () => unwatch())
    const node = await createNode({
      params,
      platform: await createDiskPlatform(directory, settings, log),
      options: {
        listen: settings.listen,
        announce: settings.announce,
        peers: settings.peers,
        isDiscovering: settings.discovery,
        maxPeers: MAX_PEERS,
        isDevnet: isLoopbackOnly(settings.listen),
        hasDevFaults: settings.devFaults,
        mining: {
          isEnabled: settings.mine,
          payouts,
          threads: settings.threads,
          throttle: settings.throttle,
          autoThreads: computeAutoThreads(availableParallelism()),
          maxThreads: computeMaxThreads(availableParallelism()),
          isVersionRolled: settings.versionRolling,
        },
        hasCoinbaseFlags: settings.coinbaseFlags,
        mempool: {
          policy: {
            // Bitcoin Core's megabytes are a million bytes here.
            maxBytes: settings.maxMempool * 1_000_000,
            expiryMs: settings.mempoolExpiry * MS_PER_HOUR,
            requiresStandard: !settings.acceptNonstdTxn,
          },
          isPersistent: settings.persistMempool,
        },
        coinCacheBytes: settings.dbCache * BYTES_PER_MB,
        reindex: settings.reindex,
        assumedValid: settings.assumevalid,
        pruneBytes: resolvePruneBytes(settings.prune),
        hasTxIndex: settings.txindex,
        verifyThreads: Math.min(availableParallelism(), MAX_VERIFY_THREADS),
        version,
      },
      onFatal: (error) => {
        log.child('node').error('cannot go on', { error })
        shutdown.request('a part of the node failed', 1)
      },
      onStopRequested: () => shutdown.request('stopped over RPC'),
      signal: shutdown.signal,
    })
    cleanup.add(() => node.stop())
    const running = await startServer(node, directory, settings, log)
    cleanup.add(() => running.cookie.remove())
    cleanup.add(() => running.endpoint.remove())
    cleanup.add(() => running.server.close())
    tellReady(node, params, running, log)
  } catch (error) {
    await cleanup.run()
    throw error
  }
  shutdown.attach(async () => {
    await cleanup.run()
    log.child('node').info('stopped')
  })
}
