/** @module A node in this process, for programs and for tests. */

import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { type ChainSpec, createConsensusParams } from '../../consensus/index.ts'
import { createNode, type Platform, type QuarryNode } from '../../node/index.ts'
import { encodeJson, type RpcParams } from '../../rpc/index.ts'
import type { LogFields, Logger, LoggerSource } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import { loadStartableChainSpec, parseStartableChainSpec } from './chain-choice.ts'
import { Cleanup } from './cleanup.ts'
import { fillNodeSettings, type NodeSettings } from './config.ts'
import { writeCookie } from './cookie.ts'
import { openDataDirectory } from './data-directory.ts'
import { createDiskPlatform } from './disk-platform.ts'
import { checkFreeDisk } from './free-disk.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'
import { createMemoryPlatform } from './memory-platform.ts'
import { NodeFront } from './node-front.ts'
import { loadNodeNetwork } from './node-network.ts'
import { readPackageVersion } from './package-root.ts'
import { readPayouts } from './payee-list.ts'
import { checkStartNodeOptions } from './start-node-options.ts'
import { toNodeOptions } from './to-node-options.ts'

const COIN_CACHE_MB = 16
const DEFAULT_LISTEN = ['/ip4/127.0.0.1/tcp/0']
const RPC_USER = '__cookie__'
const RPC_SECRET_BYTES = 32

/** A line of a node's log. */
export interface LogLine {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  /** The part of the node that it comes from. */
  readonly subsystem: string
  readonly message: string
  readonly fields: LogFields
}

/** How a node is to be. All of it has a default. */
export interface StartNodeOptions {
  /** `regtest`, which is the default, `devnet`, the path of a chain spec, or a chain spec itself, in which defaults may be left out. */
  readonly chain?: string | ChainSpec | Readonly<Record<string, unknown>>
  /** Where to keep everything; in memory if there is none. */
  readonly datadir?: string
  /** Multiaddrs of peers to stay connected to. */
  readonly peers?: readonly string[]
  /** Multiaddrs to listen on; a free port of loopback by default. */
  readonly listen?: readonly string[]
  /** The port of JSON-RPC on loopback; any free one by default. */
  readonly rpcPort?: number
  /** Whether to mine all the time, on threads of their own. `generatetoaddress` mines without it. */
  readonly mine?: boolean
  /** Who gets the coins of `mine`; the node's own key by default. */
  readonly address?: string
  /** Whether to keep an index of all transactions. */
  readonly txindex?: boolean
  /** Whether the node has wallets: `createwallet` and what follows from it. */
  readonly wallet?: boolean
  /** Whether transactions of forms are taken that other nodes do not relay. */
  readonly acceptNonStandard?: boolean
  /** Whether to answer REST on the port of JSON-RPC, without a password. */
  readonly rest?: boolean
  /** Told of every line of the log. */
  readonly onLog?: (line: LogLine) => void
  /** Told what failed when the node cannot go on, such as a full disk; by then it is stopping. */
  readonly onFatal?: (error: unknown) => void
}

/** A node that runs in this process. */
export interface RunningNode {
  /** Of JSON-RPC, without a slash at the end. */
  readonly rpcUrl: string
  readonly rpcUser: string
  readonly rpcPassword: string
  /** Multiaddrs by which others can be peers. */
  readonly addresses: readonly string[]
  /**
   * Calls an RPC method, without HTTP. Amounts are numbers, as a client of HTTP would get them.
   *
   * @param params - Positional arguments.
   * @throws {@link RpcError} as a remote caller would get it.
   */
  call(method: string, ...params: readonly unknown[]): Promise<unknown>
  /** Stops the node and waits until all of it is gone. Idempotent. */
  stop(): Promise<void>
}

function createLog(onLog: ((line: LogLine) => void) | undefined): LoggerSource {
  return {
    child: (subsystem): Logger => {
      const write =
        (level: LogLine['level']) =>
        (message: string, fields: LogFields = {}): void =>
          onLog?.({ level, subsystem, message, fields })
      return {
        trace: write('trace'),
        debug: write('debug'),
        info: write('info'),
        warn: write('warn'),
        error: write('error'),
      }
    },
  }
}

/** The same settings as the program's, with the same checks; other defaults where a program has other needs. */
function toSettings(options: StartNodeOptions): NodeSettings {
  const { datadir, address } = options
  return fillNodeSettings(
    {
      chain: typeof options.chain === 'string' ? options.chain : 'regtest',
      // In memory there is no data directory, and this one is not touched.
      dataDir: resolve(datadir ?? '.'),
      persistMempool: datadir !== undefined,
      peers: options.peers ?? [],
      listen: options.listen ?? DEFAULT_LISTEN,
      // The nodes of a program know whom it names.
      discovery: false,
      rpcPort: options.rpcPort ?? 0,
      mine: options.mine ?? false,
      threads: 1,
      addresses: address === undefined ? [] : [address],
      txindex: options.txindex ?? false,
      wallet: options.wallet ?? false,
      acceptNonstdTxn: options.acceptNonStandard ?? false,
      rest: options.rest ?? false,
      dbCache: COIN_CACHE_MB,
    },
    'startNode',
  )
}

/** Where a node keeps what it has, and the password of its RPC. */
interface Home {
  readonly platform: Platform
  /** `user:password` */
  readonly credentials: string
}

async function openHome(
  datadir: string | undefined,
  settings: NodeSettings,
  rpcChain: string,
  log: LoggerSource,
  cleanup: Cleanup,
  isStarted: () => boolean,
): Promise<Home> {
  if (datadir === undefined) {
    const password = randomBytes(RPC_SECRET_BYTES).toString('hex')
    const platform = await createMemoryPlatform(log)
    return { platform, credentials: `${RPC_USER}:${password}` }
  }
  await checkFreeDisk(datadir)
  const directory = await openDataDirectory(datadir, rpcChain)
  cleanup.add(() => directory.release())
  cleanup.add(async () => (isStarted() ? undefined : directory.discard()))
  const cookie = await writeCookie(directory.root)
  cleanup.add(() => cookie.remove())
  const platform = await createDiskPlatform(directory, settings, log)
  return { platform, credentials: cookie.credentials }
}

async function serve(
  node: QuarryNode,
  credentials: string,
  { rpcPort, rest }: NodeSettings,
  log: LoggerSource,
): Promise<HttpServer> {
  const front = new NodeFront({ log: log.child('rpc'), clock: systemClock })
  front.open(node)
  return startHttpServer(front.toServerDeps(rest), { port: rpcPort, credentials: [credentials] })
}

/**
 * Starts a node: a chain, peers over libp2p, JSON-RPC on loopback. In memory unless it is given a folder. Any number
 * of nodes may run in one process; none disturbs the others.
 *
 * @throws {@link ConfigError} for options that cannot be used, {@link StoreError} for a folder that cannot.
 *
 * @example
 * const node = await startNode()
 * await node.call('generatetoaddress', 101, 'bcrt1q…')
 * await node.stop()
 */
export async function startNode(options: StartNodeOptions = {}): Promise<RunningNode> {
  checkStartNodeOptions(options)
  const { chain, onFatal } = options
  const settings = toSettings(options)
  const spec =
    typeof chain === 'object'
      ? parseStartableChainSpec(chain)
      : await loadStartableChainSpec(settings.chain)
  const params = createConsensusParams(spec)
  const payouts = readPayouts(settings.addresses, params)
  const log = createLog(options.onLog)
  const cleanup = new Cleanup()
  let isStarted = false
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= cleanup.run()
    return stopped
  }
  try {
    const { platform, credentials } = await openHome(
      options.datadir,
      settings,
      params.rpcChain,
      log,
      cleanup,
      () => isStarted,
    )
    const node = await createNode({
      params,
      platform,
      createNetwork: await loadNodeNetwork(settings),
      options: toNodeOptions(settings, {
        payouts,
        // No threads that nobody asked for.
        verifyThreads: 0,
        version: readPackageVersion(),
      }),
      onFatal: (error) => {
        onFatal?.(error)
        stop().catch(() => undefined)
      },
      onStopRequested: () => {
        stop().catch(() => undefined)
      },
    })
    cleanup.add(() => node.stop())
    const server = await serve(node, credentials, settings, log)
    cleanup.add(() => server.close())
    isStarted = true
    const [rpcUser = '', rpcPassword = ''] = credentials.split(':')
    return {
      rpcUrl: server.url,
      rpcUser,
      rpcPassword,
      addresses: node.network.addresses(),
      call: async (method, ...given) =>
        JSON.parse(encodeJson(await node.rpc.execute(method, given as RpcParams))),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
