/** @module The composition root: every part of a node, built and started in an order that can be read. */

import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { Chain, ScriptCheckPool, StoreError } from '../chain/index.ts'
import type { ConsensusParams } from '../consensus/index.ts'
import { Mempool } from '../mempool/index.ts'
import {
  Miner,
  NODE_EXTRA_NONCE_SIZE,
  type Payout,
  payAllTo,
  TemplateCache,
  TemplateKeeper,
} from '../mining/index.ts'
import { createLibp2pNetwork, generateIdentity, isIdentity } from '../p2p/index.ts'
import type { Block } from '../primitives/index.ts'
import { createDispatcher, type Dispatcher, RPC_METHODS, TemplateWaits } from '../rpc/index.ts'
import { SignatureCache, type SignatureEngine } from '../script/index.ts'
import { type ByteDatabase, LevelChainStore } from '../store/index.ts'
import { type PeerNetwork, Synchronizer } from '../sync/index.ts'
import { type CancelSignal, ConfigError } from '../util/index.ts'
import { BlockPruner } from './block-pruner.ts'
import { NodeMiningControl } from './mining-control.ts'
import { loadPayoutScript } from './payout.ts'
import type { ChainPlatform, Platform } from './platform.ts'
import { createChainSource, createTxSource } from './sources.ts'

/** How a node behaves: plain data. */
export interface NodeOptions {
  /** Multiaddrs to listen on for peers. */
  readonly listen: readonly string[]
  /** Multiaddrs to tell others instead. */
  readonly announce: readonly string[]
  /** Multiaddrs of peers to stay connected to. */
  readonly peers: readonly string[]
  /** The most peers at a time. */
  readonly maxPeers: number
  /** Many nodes behind one address: limits and penalties by address are lifted. */
  readonly isDevnet: boolean
  readonly mining: {
    readonly isEnabled: boolean
    /** Who gets mined coins; undefined for the node's own key. */
    readonly payouts: readonly Payout[] | undefined
    readonly threads: number
    /** Share of a core for each thread, above 0 and up to 1. */
    readonly throttle: number
    /** How many threads "auto" stands for, when RPC asks for that. */
    readonly autoThreads: number
    /** How many threads RPC may ask for. */
    readonly maxThreads: number
    /** Whether to try several versions beside each nonce. @see BIP-0320 */
    readonly isVersionRolled: boolean
  }
  /** Memory for coins, in bytes. */
  readonly coinCacheBytes: number
  /** Whether to rebuild the state from the stored blocks, without those that are damaged. */
  readonly reindex: boolean
  /** A block up to which scripts are not verified; display hex. */
  readonly assumedValid: string | undefined
  /** What stored blocks may take; undefined if all are kept, 0 if they are deleted over RPC alone. */
  readonly pruneBytes: number | undefined
  /** Whether to keep an index of all transactions. */
  readonly hasTxIndex: boolean
  /** Threads that verify the scripts of large blocks; 0 for none but the node's own. */
  readonly verifyThreads: number
  /** Whether templates have the empty `coinbaseaux.flags` that old pool software insists on. */
  readonly hasCoinbaseFlags: boolean
  /** Of the program, such as `0.1.0`. */
  readonly version: string
}

/** What a node is made from. */
export interface CreateNodeInit {
  readonly params: ConsensusParams
  readonly platform: Platform
  readonly options: NodeOptions
  /** Called once when something failed that no node can go on without, such as the disk. */
  readonly onFatal: (error: unknown) => void
  /** Called when RPC asks the node to stop. */
  readonly onStopRequested: () => void
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
  /** JSON-RPC, object in and object out. */
  readonly rpc: Dispatcher
  /** Whether the node is level with its peers, for readiness checks. */
  readonly isReady: boolean
  /** Stops everything in reverse order and waits for it. Idempotent. */
  stop(): Promise<void>
}

/** What a node's chain is made from, with or without a network round it. */
export interface NodeChainInit {
  readonly params: ConsensusParams
  readonly platform: ChainPlatform
  readonly options: Pick<
    NodeOptions,
    'verifyThreads' | 'coinCacheBytes' | 'hasTxIndex' | 'reindex' | 'assumedValid'
  >
  /** Ends a long start. */
  readonly signal?: CancelSignal
}

/** A node's chain, opened on its own. */
export interface NodeChain {
  readonly chain: Chain
  /** Stores what is left to store and closes the databases. Idempotent only once it has resolved. */
  close(): Promise<void>
}

/** Text in the coinbases of our blocks. */
const COINBASE_TAG = '/quarry/'

/** How we call ourselves to peers and clients: clients look for Bitcoin Core's form. */
function createUserAgent(version: string): string {
  return `/Satoshi:30.0.0(quarry:${version})/`
}

/** What verifies scripts: for blocks, and for the mempool, whose signatures blocks then need not verify again. */
interface Verification {
  readonly scriptChecker: ScriptCheckPool
  readonly mempoolSignatures: SignatureEngine
}

async function createVerification(init: NodeChainInit): Promise<Verification> {
  const { platform, options } = init
  const signatures = await platform.loadSignatureEngine()
  const cache = new SignatureCache()
  const { spawnVerifyWorker, clock } = platform
  return {
    scriptChecker: new ScriptCheckPool(
      {
        spawnVerifyWorker,
        signatures: cache.createEngine(signatures, false),
        cache,
        clock,
        log: platform.log.child('chain'),
      },
      { maxWorkers: options.verifyThreads },
    ),
    mempoolSignatures: cache.createEngine(signatures, true),
  }
}

/** Whether an error says that the state database is of no use any more: all of it follows from the blocks. */
function isStateLost(error: unknown): error is StoreError {
  return (
    error instanceof StoreError &&
    error.part === 'state' &&
    (error.code === 'corrupt' || error.code === 'old-schema')
  )
}

async function openChainOn(
  { params, platform, options, signal }: NodeChainInit,
  blocks: ByteDatabase,
  scriptChecker: ScriptCheckPool,
): Promise<Chain> {
  const state = await platform.openDatabase('state')
  try {
    const store = await LevelChainStore.open({ blocks, state }, params.chainId)
    const { clock, log } = platform
    const { coinCacheBytes, assumedValid, hasTxIndex, reindex: keepsWhatItCan } = options
    const deps = { store, scriptChecker, clock, log: log.child('chain') }
    const chainOptions = { coinCacheBytes, keepsWhatItCan, assumedValid, hasTxIndex }
    const chain = new Chain(deps, params, chainOptions)
    await chain.open(signal)
    return chain
  } catch (error) {
    await state.close()
    throw error
  }
}

/** Opens the chain; a state that is damaged, or of an older program, is thrown away and rebuilt from the blocks. */
async function openChain(init: NodeChainInit, scriptChecker: ScriptCheckPool): Promise<Chain> {
  const { platform, options } = init
  if (options.reindex) await platform.removeDatabase('state')
  const blocks = await platform.openDatabase('blocks')
  try {
    try {
      return await openChainOn(init, blocks, scriptChecker)
    } catch (error) {
      if (!isStateLost(error)) throw error
      const reason = error.message
      platform.log.child('chain').warn('the chain state is of no use and is rebuilt', { reason })
      await platform.removeDatabase('state')
      return await openChainOn(init, blocks, scriptChecker)
    }
  } catch (error) {
    await blocks.close()
    await scriptChecker.stop()
    throw error
  }
}

/** @throws {@link ConfigError} `datadir-unusable` if it is no key. */
function requireIdentity(privateKey: Uint8Array): Uint8Array {
  if (isIdentity(privateKey)) return privateKey
  throw new ConfigError(
    'datadir-unusable',
    'identity.key in the data directory is damaged: restore it from a backup, or delete it to get a new peer id.',
  )
}

async function createNetwork(init: CreateNodeInit, userAgent: string): Promise<PeerNetwork> {
  const { params, platform, options } = init
  let privateKey = await platform.secrets.read('identity')
  if (privateKey === undefined) {
    privateKey = await generateIdentity()
    await platform.secrets.write('identity', privateKey)
  }
  const { transports, discovery: peerDiscovery, clock, random } = platform
  const log = platform.log.child('p2p')
  return createLibp2pNetwork(
    { transports, peerDiscovery, privateKey: requireIdentity(privateKey), clock, random, log },
    {
      chainId: params.chainId,
      listen: options.listen,
      announce: options.announce,
      maxPeers: options.maxPeers,
      isDevnet: options.isDevnet,
      userAgent,
    },
  )
}

async function createMiner(
  init: CreateNodeInit,
  templates: TemplateCache,
  sync: Synchronizer,
  network: PeerNetwork,
): Promise<Miner | undefined> {
  const { params, platform, options } = init
  const { isEnabled, payouts, threads, throttle, isVersionRolled } = options.mining
  if (!isEnabled) return undefined
  const keeper = new TemplateKeeper({ templates, isReady: () => sync.isCaughtUp }, params)
  return new Miner(
    {
      nextTemplate: () => keeper.next(),
      submit: async (block) => {
        await sync.submitBlock(block)
      },
      spawnHashWorker: platform.spawnHashWorker,
      clock: platform.clock,
      log: platform.log.child('mining'),
    },
    {
      payouts: payouts ?? payAllTo(await loadPayoutScript(platform.secrets)),
      threads,
      throttle,
      isVersionRolled,
      tag: COINBASE_TAG,
      nodeExtraNonce: sha256(utf8ToBytes(network.selfId)).slice(0, NODE_EXTRA_NONCE_SIZE),
    },
  )
}

function createPruner(
  { platform, options, onFatal }: CreateNodeInit,
  chain: Chain,
): BlockPruner | undefined {
  if (options.pruneBytes === undefined || options.pruneBytes === 0) return undefined
  const measureBlocksSize = () => platform.measureDatabaseSize('blocks')
  return new BlockPruner(
    { chain, clock: platform.clock, measureBlocksSize, fatal: onFatal },
    options.pruneBytes,
  )
}

/** What RPC works on. */
interface RpcParts extends Pick<QuarryNode, 'chain' | 'mempool' | 'network' | 'sync' | 'miner'> {
  readonly templates: TemplateCache
  readonly userAgent: string
}

interface Rpc {
  readonly dispatcher: Dispatcher
  readonly mining: NodeMiningControl
}

function createRpc(init: CreateNodeInit, parts: RpcParts): Rpc {
  const { params, platform, options } = init
  const { chain, mempool, network, sync, miner, templates, userAgent } = parts
  const { clock, random } = platform
  const log = platform.log.child('rpc')
  const submit = async (block: Block): Promise<void> => {
    await sync.submitBlock(block)
  }
  const mining = new NodeMiningControl({
    chain: createChainSource(chain, clock),
    templates,
    params,
    submit,
    loadHashEngine: () => platform.loadHashEngine(),
    miner: () => miner,
    autoThreads: options.mining.autoThreads,
    maxThreads: options.mining.maxThreads,
    clock,
    random,
    tag: COINBASE_TAG,
  })
  const dispatcher = createDispatcher({
    methods: RPC_METHODS,
    clock,
    log,
    context: {
      params,
      chain,
      mempool,
      network,
      mining,
      templateWaits: new TemplateWaits({ chain, mempool, clock }),
      hasCoinbaseFlags: options.hasCoinbaseFlags,
      clock,
      log,
      version: options.version,
      userAgent,
      startedMs: clock.now(),
      measureBlocksSize: () => platform.measureDatabaseSize('blocks'),
      pruneBytes: options.pruneBytes,
      files: platform.files,
      measureStateSize: () => platform.measureDatabaseSize('state'),
      isCaughtUp: () => sync.isCaughtUp,
      isFarBehind: () => sync.isFarBehind,
      submitBlock: submit,
      submitHeader: (header) => sync.submitHeader(header),
      requestStop: init.onStopRequested,
    },
  })
  return { dispatcher, mining }
}

/**
 * Opens the chain of a data directory, without a network or a mempool: to import blocks, or to export them.
 *
 * @throws {@link StoreError} if the data directory cannot be used.
 */
export async function openNodeChain(init: NodeChainInit): Promise<NodeChain> {
  const { scriptChecker } = await createVerification(init)
  const chain = await openChain(init, scriptChecker)
  return {
    chain,
    close: async () => {
      await chain.close()
      await scriptChecker.stop()
    },
  }
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
export async function createNode(init: CreateNodeInit): Promise<QuarryNode> {
  const verification = await createVerification(init)
  const { scriptChecker } = verification
  const chain = await openChain(init, scriptChecker)
  const close = async (): Promise<void> => {
    await chain.close()
    await scriptChecker.stop()
  }
  try {
    return await startNode(init, chain, verification, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function startNode(
  init: CreateNodeInit,
  chain: Chain,
  { scriptChecker, mempoolSignatures: signatures }: Verification,
  close: () => Promise<void>,
): Promise<QuarryNode> {
  const { platform, options } = init
  const { clock } = platform
  const log = platform.log.child('node')
  const userAgent = createUserAgent(options.version)
  const mempool = new Mempool({
    chain,
    signatures,
    scriptChecker,
    clock,
    log: platform.log.child('mempool'),
  })
  const network = await createNetwork(init, userAgent)
  let miner: Miner | undefined
  const sync = new Synchronizer(
    {
      chain,
      mempool,
      network,
      clock,
      log: platform.log.child('sync'),
      fatal: init.onFatal,
      onCaughtUp: () => miner?.refresh(),
    },
    { userAgent, expectsPeers: options.peers.length > 0 },
  )
  const templates = new TemplateCache(
    { chain: createChainSource(chain, clock), transactions: createTxSource(mempool), clock },
    init.params,
  )
  miner = await createMiner(init, templates, sync, network)
  const { dispatcher, mining } = createRpc(init, {
    chain,
    mempool,
    network,
    sync,
    miner,
    templates,
    userAgent,
  })
  chain.events.on('tipChanged', ({ tip }) => {
    log.debug('new tip', { height: tip.height, hash: tip.hashHex })
    miner?.onNewTip()
  })
  try {
    await sync.start()
    for (const address of options.peers) network.connect(address)
  } catch (error) {
    await sync.stop()
    throw error
  }
  miner?.start()
  const pruner = createPruner(init, chain)
  pruner?.start()
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    mining.stop()
    await miner?.stop()
    await sync.stop()
    await pruner?.stop()
    await close()
  }
  return {
    chain,
    mempool,
    network,
    sync,
    miner,
    rpc: dispatcher,
    get isReady() {
      return sync.isCaughtUp
    },
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}
