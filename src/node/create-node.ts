/** @module The composition root: every part of a node, built and started in an order that can be read. */

import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { Chain } from '../chain/index.ts'
import type { ConsensusParams } from '../consensus/index.ts'
import { Mempool } from '../mempool/index.ts'
import {
  MINER_EXTRA_NONCE,
  Miner,
  payAllTo,
  TemplateCache,
  TemplateFeed,
  TemplateKeeper,
} from '../mining/index.ts'
import type { Dispatcher, EventLog, RestApi } from '../rpc/index.ts'
import type { NodeStore } from '../store/index.ts'
import { type PeerNetwork, Synchronizer, type SynchronizerDeps } from '../sync/index.ts'
import { type CancelSignal, MockableClock } from '../util/index.ts'
import { createPruner } from './block-pruner.ts'
import { ClockWatch } from './clock-watch.ts'
import { createPool, type NodePool } from './create-pool.ts'
import { COINBASE_TAG, type CreateRpcInit, createRpc } from './create-rpc.ts'
import { createWallets, type NodeWallets, startWallets } from './create-wallets.ts'
import { EventRing } from './event-ring.ts'
import { MempoolKeeper } from './mempool-keeper.ts'
import { type NodeChain, openNodeChain } from './node-chain.ts'
import type { CreateNodeNetwork, NodeNetwork } from './node-network.ts'
import type { NodeOptions } from './node-options.ts'
import { openNodeStore } from './open-node-store.ts'
import { createPairHasher } from './pair-hasher.ts'
import { loadPayoutScript } from './payout.ts'
import type { Platform } from './platform.ts'
import {
  publishChainEvents,
  publishMempoolEvents,
  publishMinerEvents,
  publishPeerEvents,
  publishPoolEvents,
} from './publish-events.ts'
import { createChainSource, createTipSource, createTxSource } from './sources.ts'
import { createBlockSubmitter } from './submit-own-block.ts'
import { warnOfChainSpec } from './warn-of-chain-spec.ts'

/** What a node is made from. */
export interface CreateNodeInit {
  readonly params: ConsensusParams
  readonly platform: Platform
  /** Makes the network; called once, with this node's clock, stores and secrets. */
  readonly createNetwork: CreateNodeNetwork
  readonly options: NodeOptions
  /** Called once when something failed that no node can go on without, such as the disk. */
  readonly onFatal: (error: unknown) => void
  /** Called when RPC asks the node to stop. */
  readonly onStopRequested: () => void
  /** Told what the start is at, in words for people. */
  readonly onProgress?: (status: string) => void
  /** Ends a long start: blocks that are yet to be connected wait for the next one. */
  readonly signal?: CancelSignal
}

/** A running node. */
export interface QuarryNode {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly network: PeerNetwork
  readonly sync: Synchronizer
  readonly miner: Miner | undefined
  /** For miners of others; undefined unless the node was started for them. */
  readonly pool: NodePool | undefined
  /** JSON-RPC, object in and object out. */
  readonly rpc: Dispatcher
  /** What whoever has no password may read, if the runtime lets him. */
  readonly rest: RestApi
  /** What happens. */
  readonly events: EventLog
  /** Whether the node is level with its peers, for readiness checks. */
  readonly isReady: boolean
  /** Warnings for operators, as RPC gives them. */
  readonly warnings: readonly string[]
  /** Stops everything in reverse order and waits for it. Idempotent. */
  stop(): Promise<void>
}

/** How we call ourselves to peers and clients: clients look for Bitcoin Core's form. */
function createUserAgent(version: string): string {
  return `/Satoshi:30.0.0(quarry:${version})/`
}

function createMempool(
  { platform, options }: CreateNodeInit,
  { chain, scriptChecker, mempoolSignatures: signatures }: NodeChain,
): Mempool {
  const log = platform.log.child('mempool')
  const { clock } = platform
  const { policy } = options.mempool
  return new Mempool({ chain, signatures, scriptChecker, clock, log }, policy)
}

function createMempoolKeeper(
  { platform, options }: CreateNodeInit,
  mempool: Mempool,
  memory: NodeStore,
  sync: Synchronizer,
): MempoolKeeper | undefined {
  if (!options.mempool.isPersistent) return undefined
  const log = platform.log.child('mempool')
  const store = memory.namespace('mempool')
  return new MempoolKeeper({ mempool, store, own: sync.ownTransactions, log })
}

function createNetwork(
  { params, platform, options, createNetwork: create }: CreateNodeInit,
  memory: NodeStore,
  userAgent: string,
): Promise<NodeNetwork> {
  const { clock, random, log, secrets } = platform
  const stores = {
    bans: memory.namespace('ban'),
    addresses: memory.namespace('address'),
    anchors: memory.namespace('anchor'),
  }
  const { chainId } = params
  return create({ clock, random, log, secrets, stores }, { ...options, chainId, userAgent })
}

function toNodeExtraNonce({ selfId }: PeerNetwork): Uint8Array {
  return sha256(utf8ToBytes(selfId)).slice(0, MINER_EXTRA_NONCE.nodeSize)
}

async function createMiner(
  init: CreateNodeInit,
  templates: TemplateFeed,
  sync: Synchronizer,
  network: PeerNetwork,
  clockWatch: ClockWatch,
): Promise<Miner | undefined> {
  const { params, platform, options } = init
  const { isEnabled, payouts, threads, throttle, isVersionRolled } = options.mining
  if (!isEnabled) return undefined
  const log = platform.log.child('mining')
  const isReady = (): boolean => sync.isCaughtUp && clockWatch.isTimely
  const paid = payouts ?? payAllTo(await loadPayoutScript(platform.secrets, platform.random))
  const keeper = new TemplateKeeper({ templates, isReady, log }, params)
  return new Miner(
    {
      nextTemplate: () => keeper.next(),
      pacedUntil: () => keeper.pacedUntil,
      submit: createBlockSubmitter(sync, log),
      spawnHashWorker: platform.spawnHashWorker,
      clock: platform.clock,
      log,
    },
    {
      payouts: () => paid,
      threads,
      throttle,
      isVersionRolled,
      tag: COINBASE_TAG,
      nodeExtraNonce: toNodeExtraNonce(network),
    },
  )
}

/**
 * Builds and starts a node.
 *
 * Order: store and chain, mempool, network and synchronisation, miner; RPC answers from the moment this
 * resolves. Whatever fails on the way is undone before the rejection.
 *
 * @throws {@link StoreError} if the data directory cannot be used.
 * @throws {@link P2pError} if no address can be listened on.
 */
export async function createNode(given: CreateNodeInit): Promise<QuarryNode> {
  // For all parts, so that no two of them differ about the time.
  const clock = new MockableClock(given.platform.clock)
  const init = { ...given, platform: { ...given.platform, clock } }
  const opened = await openNodeChain(init)
  warnOfChainSpec(init, opened.chain)
  init.onProgress?.('Loading what is known of other nodes…')
  let memory: NodeStore | undefined
  try {
    memory = await openNodeStore(init.platform)
    return await startNode(init, opened, memory)
  } catch (error) {
    await memory?.close()
    await opened.close()
    throw error
  }
}

function createTemplates(init: CreateNodeInit, chain: Chain, mempool: Mempool): TemplateFeed {
  const { clock } = init.platform
  const log = init.platform.log.child('mining')
  const transactions = createTxSource(mempool)
  const templates = new TemplateCache(
    {
      chain: createChainSource(chain, clock),
      transactions,
      clock,
      log,
      hashPairs: createPairHasher(() => init.platform.loadHashEngine(), log),
    },
    init.params,
  )
  return new TemplateFeed({ templates, tip: createTipSource(chain), transactions, clock })
}

function createSync(
  { platform, options, onFatal }: CreateNodeInit,
  parts: Pick<SynchronizerDeps, 'chain' | 'mempool'> & { readonly network: NodeNetwork },
  userAgent: string,
  onCaughtUp: () => void,
): Synchronizer {
  const { clock, random } = platform
  return new Synchronizer(
    { ...parts, clock, random, log: platform.log.child('sync'), fatal: onFatal, onCaughtUp },
    {
      userAgent,
      get expectsPeers() {
        return options.peers.length > 0 || parts.network.remembersPeers
      },
    },
  )
}

async function startSync(
  init: CreateNodeInit,
  sync: Synchronizer,
  network: PeerNetwork,
  money: NodeWallets,
): Promise<void> {
  try {
    await sync.start()
    await startWallets(init, money)
    for (const address of init.options.peers) network.connect(address)
  } catch (error) {
    await money.wallets?.stop()
    await sync.stop()
    throw error
  }
}

/** Has the miner take up each new template. @returns How to stop that. */
function feedMiner(miner: Miner, templates: TemplateFeed): () => void {
  return templates.onChanged((_, { isClean }) => {
    if (isClean) miner.onNewTip()
    else miner.refresh()
  })
}

async function startNode(
  init: CreateRpcInit,
  opened: NodeChain,
  memory: NodeStore,
): Promise<QuarryNode> {
  const { platform, options } = init
  const { chain } = opened
  const { clock } = platform
  const log = platform.log.child('node')
  const userAgent = createUserAgent(options.version)
  const events = new EventRing(clock)
  publishChainEvents(events, chain)
  const mempool = createMempool(init, opened)
  publishMempoolEvents(events, mempool)
  init.onProgress?.('Starting network…')
  const network = await createNetwork(init, memory, userAgent)
  let miner: Miner | undefined
  const sync = createSync(init, { chain, mempool, network }, userAgent, () => miner?.refresh())
  const keeper = createMempoolKeeper(init, mempool, memory, sync)
  publishPeerEvents(events, sync, network.control.bans)
  const templates = createTemplates(init, chain, mempool)
  const clockWatch = new ClockWatch({ chain, clock, log })
  miner = await createMiner(init, templates, sync, network, clockWatch)
  if (miner !== undefined) publishMinerEvents(events, miner, clock)
  const nodeExtraNonce = toNodeExtraNonce(network)
  const pool = options.hasPool
    ? createPool(init, { sync, templates, clockWatch, nodeExtraNonce })
    : undefined
  if (pool !== undefined) publishPoolEvents(events, pool.pool)
  const money = await createWallets(init, { chain, mempool, memory, sync })
  const parts = { chain, mempool, network, sync, miner, pool, templates, keeper }
  const { dispatcher, rest, mining } = createRpc(init, {
    ...parts,
    ...money,
    clockWatch,
    userAgent,
  })
  chain.events.on('tipChanged', ({ tip }) => {
    log.debug('new tip', { height: tip.height, hash: tip.hashHex })
  })
  const offTemplates = miner === undefined ? undefined : feedMiner(miner, templates)
  await startSync(init, sync, network, money)
  clockWatch.start()
  miner?.start()
  keeper?.start()
  const pruner = createPruner(init, chain)
  pruner?.start()
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    mining.stop()
    pool?.stop()
    clockWatch.stop()
    offTemplates?.()
    await miner?.stop()
    await sync.stop()
    await money.wallets?.stop()
    await pruner?.stop()
    await keeper?.stop()
    await memory.close()
    await opened.close()
  }
  return {
    chain,
    mempool,
    network,
    sync,
    miner,
    pool,
    rpc: dispatcher,
    rest,
    events,
    get isReady() {
      return sync.isCaughtUp
    },
    get warnings() {
      return clockWatch.warnings
    },
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}
