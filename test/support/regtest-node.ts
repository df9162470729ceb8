/** @module A node without a network: real chain, mempool, mining and methods, all in memory. */

import { isDeepStrictEqual } from 'node:util'
import { type Chain, type ChainOptions, createInlineScriptChecker } from '../../src/chain/index.ts'
import {
  ConsensusError,
  type ConsensusParams,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../src/consensus/index.ts'
import { FeeEstimator, Mempool, type MempoolPolicy } from '../../src/mempool/index.ts'
import {
  type Miner,
  ReferenceHashEngine,
  type ScanResult,
  TemplateCache,
  TemplateFeed,
} from '../../src/mining/index.ts'
import { ClockWatch } from '../../src/node/clock-watch.ts'
import { NodeMiningControl } from '../../src/node/mining-control.ts'
import { createChainSource, createTipSource, createTxSource } from '../../src/node/sources.ts'
import { AddressBook } from '../../src/p2p/address-book.ts'
import { BanList } from '../../src/p2p/ban-list.ts'
import { DialLoops } from '../../src/p2p/dial-loops.ts'
import { P2pError } from '../../src/p2p/index.ts'
import { NetworkControl } from '../../src/p2p/network-control.ts'
import { PeerTable } from '../../src/p2p/peer-table.ts'
import { type Block, computeTxid, toDisplayHex } from '../../src/primitives/index.ts'
import {
  BlockTexts,
  createDispatcher,
  type Dispatcher,
  RPC_METHODS,
  type RpcContext,
  RpcError,
  type RpcFiles,
  TemplateTexts,
  TemplateWaits,
} from '../../src/rpc/index.ts'
import { nobleSignatureEngine } from '../../src/script/index.ts'
import type { ChainDatabases } from '../../src/store/index.ts'
import type { GossipBlock, PeerInfo, PeerNetwork, PeerStatus } from '../../src/sync/index.ts'
import { type Clock, concatBytes } from '../../src/util/index.ts'
import type { WalletManager } from '../../src/wallet/index.ts'
import { createFixedClock, openMemoryChain, silentLog } from './memory-chain.ts'

/** A network in which nobody is, unless a test puts peers there. Remembers what it was asked for. */
export class LonelyNetwork implements PeerNetwork {
  readonly selfId = '12D3KooWLonely'
  readonly kept = new Set<string>()
  readonly dialled: string[] = []
  readonly gossiped: GossipBlock[] = []
  peerList: readonly PeerInfo[] = []

  addresses(): readonly string[] {
    return [`/ip4/127.0.0.1/tcp/18444/p2p/${this.selfId}`]
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  peers(): readonly PeerInfo[] {
    return this.peerList
  }

  connect(address: string): void {
    this.#checkAddress(address)
    this.kept.add(address)
  }

  forget(address: string): boolean {
    return this.kept.delete(address)
  }

  async dialOnce(address: string): Promise<void> {
    this.#checkAddress(address)
    this.dialled.push(address)
    throw new P2pError('dial-failed', 'nobody is there')
  }

  async disconnect(): Promise<void> {}

  async ban(): Promise<void> {}

  credit(): void {}

  async publishBlock(block: GossipBlock): Promise<void> {
    this.gossiped.push(block)
  }

  async publishAnnouncements(): Promise<void> {}

  async exchangeStatus(): Promise<PeerStatus> {
    throw new P2pError('unknown-peer', 'nobody is there')
  }

  async requestHeaders(): Promise<never> {
    throw new P2pError('unknown-peer', 'nobody is there')
  }

  // biome-ignore lint/correctness/useYield: it fails before there is anything to yield.
  async *requestData(): AsyncGenerator<never> {
    throw new P2pError('unknown-peer', 'nobody is there')
  }

  async requestTransactions(): Promise<never> {
    throw new P2pError('unknown-peer', 'nobody is there')
  }

  #checkAddress(address: string): void {
    if (!address.startsWith('/')) throw new P2pError('invalid-address', 'no multiaddr')
  }
}

/** The real control of a network that nobody is in. */
function createLonelyControl(clock: Clock): NetworkControl {
  const random = { float: () => 0, bytes: (size: number) => new Uint8Array(size) }
  const dial = () => Promise.reject(new P2pError('dial-failed', 'nobody is there'))
  return new NetworkControl({
    table: new PeerTable(clock),
    bans: new BanList({ clock, log: silentLog }),
    book: new AddressBook({ clock, random, log: silentLog }, '12D3KooWLonely'),
    loops: new DialLoops({ clock, random, log: silentLog, dial }),
    log: silentLog,
    disconnect: () => undefined,
    ping: () => undefined,
  })
}

/** Looks at few nonces at a time: at regtest's target every second one does. */
class ImpatientHashEngine extends ReferenceHashEngine {
  override scan(nonceStart: number, count: number): ScanResult {
    return super.scan(nonceStart, Math.min(count, 64))
  }
}

/** Throws unless a result has one of the forms that the method's help shows, to the last key. */
function checkIsDocumented(name: string, result: unknown): void {
  const method = RPC_METHODS.find((candidate) => candidate.name === name)
  const isDocumented = method?.results.some(({ schema }) => {
    const parsed = schema.safeParse(result)
    return parsed.success && isDeepStrictEqual(parsed.data, result)
  })
  if (isDocumented === false) {
    throw new Error(`${name}: its help does not tell of ${JSON.stringify(result)}`)
  }
}

/** What a test may choose about its node. */
export interface RegtestNodeWishes {
  /** Changes regtest's parameters. */
  readonly params?: Partial<ConsensusParams>
  /** Where the chain is kept. */
  readonly databases?: ChainDatabases
  readonly chain?: ChainOptions
  /** Changes what the mempool takes. */
  readonly policy?: Partial<MempoolPolicy>
  /** Changes what the methods see. */
  readonly context?: Partial<RpcContext>
  /** The node's wallets; it has none without. */
  readonly wallets?: () => WalletManager | undefined
  /** The local miner; off without one. */
  readonly miner?: () => Miner | undefined
}

/** Files without a disk. */
export interface MemoryFiles extends RpcFiles {
  readonly contents: Map<string, Uint8Array>
  /** How many are being read. */
  readonly openCount: number
}

/** Files that are gone with the test. */
export function createMemoryFiles(): MemoryFiles {
  const contents = new Map<string, Uint8Array>()
  let openCount = 0
  return {
    contents,
    get openCount() {
      return openCount
    },
    async write(path, bytes, getHead) {
      const pieces: Uint8Array[] = []
      for await (const piece of bytes) pieces.push(piece)
      const whole = concatBytes(...pieces)
      whole.set(getHead())
      contents.set(path, whole)
      return path
    },
    async *read(path) {
      const bytes = contents.get(path)
      if (bytes === undefined) throw new RpcError(-8, `Couldn't open file ${path}`)
      openCount += 1
      try {
        for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100)
      } finally {
        openCount -= 1
      }
    },
  }
}

/** A node whose methods are called directly. */
export interface RegtestNode {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly network: LonelyNetwork
  readonly clock: ReturnType<typeof createFixedClock>
  readonly rpc: Dispatcher
  /** What the methods see. */
  readonly context: RpcContext
  /** What the `stop` method asked for. */
  readonly stopRequests: () => number
  /** Calls a method; the result is what a client reads out of the answer's JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: results of RPC are looked at as JSON.
  call(method: string, ...params: readonly unknown[]): Promise<any>
  /** Calls a method that must fail; says how, as `code message`. */
  refusal(method: string, ...params: readonly unknown[]): Promise<string>
  /** Mines blocks to an output script. */
  mine(count: number, payoutScript: Uint8Array): Promise<readonly string[]>
}

/** Now, for these nodes: years after regtest's genesis. Unix seconds. */
export const REGTEST_NOW = 1_700_000_000

/** Makes a node at genesis. */
export async function createRegtestNode(wishes: RegtestNodeWishes = {}): Promise<RegtestNode> {
  const params = { ...createConsensusParams(REGTEST_SPEC), ...wishes.params }
  const clock = createFixedClock(REGTEST_NOW)
  const chain = await openMemoryChain(params, clock, wishes.databases, wishes.chain)
  const mempool = new Mempool(
    {
      chain,
      signatures: nobleSignatureEngine,
      scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
      clock,
      log: silentLog,
    },
    wishes.policy,
  )
  const network = new LonelyNetwork()
  let extraNonce = 0
  let stopRequests = 0
  const submitBlock = async (block: Block) => {
    const { outcome } = await chain.acceptBlock(block)
    if (outcome instanceof ConsensusError) throw outcome
    return outcome
  }
  const source = createChainSource(chain, clock)
  const transactions = createTxSource(mempool)
  const clockWatch = new ClockWatch({ chain, clock, log: silentLog })
  const cache = new TemplateCache({ chain: source, transactions, clock, log: silentLog }, params)
  const tip = createTipSource(chain)
  const templates = new TemplateFeed({ templates: cache, tip, transactions, clock })
  const mining = new NodeMiningControl({
    clockWatch,
    chain: source,
    templates,
    params,
    submit: submitBlock,
    loadHashEngine: async () => new ImpatientHashEngine(),
    miner: () => wishes.miner?.(),
    autoThreads: 1,
    maxThreads: 8,
    clock,
    random: {
      float: () => 0,
      bytes: (size) => new Uint8Array(size).fill(++extraNonce & 0xff),
    },
    tag: '/test/',
  })
  const context: RpcContext = {
    params,
    chain,
    mempool,
    blockTexts: new BlockTexts({ chain, params, clock }),
    templateTexts: new TemplateTexts(clock),
    isMempoolLoaded: () => true,
    feeEstimator: new FeeEstimator(mempool.events),
    network,
    peers: createLonelyControl(clock),
    faults: undefined,
    mining,
    pool: undefined,
    templateWaits: new TemplateWaits(templates),
    hasCoinbaseFlags: false,
    clock,
    log: silentLog,
    version: '0.1.0',
    warnings: () => clockWatch.warnings,
    userAgent: '/Satoshi:30.0.0(quarry:0.1.0)/',
    startedMs: clock.now(),
    measureBlocksSize: async () => 12_345,
    pruneBytes: undefined,
    files: createMemoryFiles(),
    get wallets() {
      return wishes.wallets?.()
    },
    measureStateSize: async () => 6_789,
    mockTime: (timeMs) => clock.set(timeMs === undefined ? REGTEST_NOW : timeMs / 1_000),
    isCaughtUp: () => true,
    isFarBehind: () => false,
    blocksInFlight: () => [],
    blockPropagation: () => ({ firstCount: 0, medianDelayMs: undefined }),
    unbroadcast: () => new Set(),
    submitTransaction: async (tx) => {
      const isWaiting = mempool.get(toDisplayHex(computeTxid(tx))) !== undefined
      if (!isWaiting) await mempool.accept(tx)
    },
    submitBlock,
    submitHeader: (header) => {
      chain.acceptHeader(header)
    },
    fatal: (error) => {
      throw error
    },
    requestStop: () => {
      stopRequests += 1
    },
    ...wishes.context,
  }
  const rpc = createDispatcher({ methods: RPC_METHODS, context, log: silentLog, clock })
  const call: RegtestNode['call'] = async (method, ...given) => {
    const request = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: given })
    const { result, error } = JSON.parse((await rpc.handleText(request)).text)
    if (error !== undefined) throw new RpcError(error.code, error.message)
    checkIsDocumented(method, result)
    return result
  }
  return {
    chain,
    mempool,
    network,
    clock,
    rpc,
    context,
    stopRequests: () => stopRequests,
    call,
    refusal: async (method, ...given) => {
      try {
        return `no refusal but ${JSON.stringify(await call(method, ...given))}`
      } catch (error) {
        if (!(error instanceof RpcError)) throw error
        return `${error.code} ${error.message}`
      }
    },
    mine: async (count, payoutScript) => {
      const hashes = await mining.generate({
        payoutScript,
        blockCount: count,
        maxTries: Number.MAX_SAFE_INTEGER,
        signal: undefined,
      })
      return hashes.map(toDisplayHex)
    },
  }
}
