/** @module RPC and REST of one node: what they may ask of its parts. */

import type { TemplateFeed } from '../mining/index.ts'
import type { Block } from '../primitives/index.ts'
import {
  BlockTexts,
  createDispatcher,
  createRestApi,
  type Dispatcher,
  type RestApi,
  RPC_METHODS,
  type RpcContext,
  TemplateTexts,
  TemplateWaits,
} from '../rpc/index.ts'
import type { SubmittedBlock } from '../sync/index.ts'
import type { MockableClock } from '../util/index.ts'
import type { ClockWatch } from './clock-watch.ts'
import type { CreateNodeInit, QuarryNode } from './create-node.ts'
import type { NodeWallets } from './create-wallets.ts'
import type { MempoolKeeper } from './mempool-keeper.ts'
import { NodeMiningControl } from './mining-control.ts'
import type { NodeNetwork } from './node-network.ts'
import type { Platform } from './platform.ts'
import { createChainSource } from './sources.ts'

/** Text in the coinbases of our blocks. */
export const COINBASE_TAG = '/quarry/'

/** What RPC works on. */
export interface RpcParts
  extends NodeWallets,
    Pick<QuarryNode, 'chain' | 'mempool' | 'sync' | 'miner' | 'pool'> {
  readonly network: NodeNetwork
  readonly templates: TemplateFeed
  /** Undefined if the mempool is not kept. */
  readonly keeper: MempoolKeeper | undefined
  readonly clockWatch: ClockWatch
  readonly userAgent: string
}

/** The node's answers to those who ask. */
export interface NodeRpc {
  readonly dispatcher: Dispatcher
  readonly rest: RestApi
  readonly mining: NodeMiningControl
}

/** What is made of the same things as the node, with a clock that RPC may set. */
export interface CreateRpcInit extends CreateNodeInit {
  readonly platform: Platform & { readonly clock: MockableClock }
}

/** Gives RPC what it may ask of a node's parts. */
export function createRpc(init: CreateRpcInit, parts: RpcParts): NodeRpc {
  const { params, platform, options } = init
  const { chain, mempool, network, sync, miner, pool, templates, keeper, userAgent } = parts
  const { clockWatch } = parts
  const { wallets, feeEstimator } = parts
  const { clock, random } = platform
  const log = platform.log.child('rpc')
  const submit = async (block: Block): Promise<SubmittedBlock['outcome']> => {
    const { outcome } = await sync.submitBlock(block)
    return outcome
  }
  const mining = new NodeMiningControl({
    chain: createChainSource(chain, clock),
    templates,
    clockWatch,
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
  const context: RpcContext = {
    params,
    chain,
    mempool,
    blockTexts: new BlockTexts({ chain, params, clock }),
    templateTexts: new TemplateTexts(clock),
    isMempoolLoaded: () => keeper?.isLoaded ?? true,
    feeEstimator,
    network,
    peers: network.control,
    faults: network.faults,
    mining,
    pool,
    templateWaits: new TemplateWaits(templates),
    hasCoinbaseFlags: options.hasCoinbaseFlags,
    clock,
    log,
    warnings: () => clockWatch.warnings,
    version: options.version,
    userAgent,
    startedMs: clock.monotonic(),
    mockTime: (timeMs) => init.platform.clock.mock(timeMs),
    measureBlocksSize: () => platform.measureDatabaseSize('blocks'),
    pruneBytes: options.pruneBytes,
    files: platform.files,
    wallets,
    measureStateSize: () => platform.measureDatabaseSize('state'),
    isCaughtUp: () => sync.isCaughtUp,
    isFarBehind: () => sync.isFarBehind,
    blocksInFlight: (id) => sync.blocksInFlight(id),
    blockPropagation: (id) => sync.propagationOf(id),
    unbroadcast: () => sync.unbroadcast,
    submitTransaction: async (tx) => {
      await sync.submitTransaction(tx)
    },
    submitBlock: submit,
    submitHeader: (header) => sync.submitHeader(header),
    fatal: init.onFatal,
    requestStop: init.onStopRequested,
  }
  const dispatcher = createDispatcher({
    methods: RPC_METHODS,
    version: options.version,
    context,
    clock,
    log,
  })
  return { dispatcher, rest: createRestApi({ context, dispatcher }), mining }
}
