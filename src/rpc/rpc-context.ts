/** @module What RPC methods may ask of the node. */

import type { Chain } from '../chain/index.ts'
import type { ConsensusParams } from '../consensus/index.ts'
import type { FeeEstimator, Mempool } from '../mempool/index.ts'
import type { BlockTemplate, Miner } from '../mining/index.ts'
import type { FaultControls } from '../p2p/index.ts'
import type { SoloPool } from '../pool/index.ts'
import type { Block, BlockHash, BlockHeader, Transaction, TxidHex } from '../primitives/index.ts'
import type { StratumServer } from '../stratum/index.ts'
import type {
  PeerControl,
  PeerId,
  PeerNetwork,
  PropagationStats,
  SubmittedBlock,
} from '../sync/index.ts'
import type { CancelSignal, Clock, Logger } from '../util/index.ts'
import type { WalletManager } from '../wallet/index.ts'
import type { BlockTexts } from './block-texts.ts'
import type { TemplateTexts } from './template-texts.ts'
import type { TemplateWaits } from './template-waits.ts'

/** What is asked of mining on request. */
export interface GenerateRequest {
  /** Gets subsidy and fees. */
  readonly payoutScript: Uint8Array
  readonly blockCount: number
  /** Hashes in all after which to give up. */
  readonly maxTries: number
  /** Aborted when nobody waits for the blocks any more. */
  readonly signal: CancelSignal | undefined
}

/** The local miner as RPC sees it. */
export type LocalMiner = Pick<Miner, 'stats' | 'currentWork' | 'pacedUntil' | 'configure'>

/** Mining as RPC sees it. */
export interface MiningControl {
  /**
   * The template for the block after the tip, with a fresh time.
   *
   * @throws {@link ConsensusError} `time-too-new` if the clock is so far behind that no block can be accepted.
   */
  getTemplate(): BlockTemplate
  /** The template that was given out last, if any. */
  readonly lastTemplate: BlockTemplate | undefined
  /**
   * Mines blocks at once, whatever the pace of the chain.
   *
   * @returns The hashes of the blocks found: fewer than asked if the tries ran out or nobody waits any more.
   * @throws {@link ConsensusError} if a block is refused, or would be.
   */
  generate(request: GenerateRequest): Promise<readonly BlockHash[]>
  /**
   * Makes a block after the tip of just these transactions, without proof of work. Their fees are claimed by
   * nobody.
   */
  createCandidate(payoutScript: Uint8Array, transactions: readonly Transaction[]): Block
  /** Finds a block's proof of work; undefined if it is not found in `maxTries` or nobody waits any more. */
  solve(
    block: Block,
    maxTries: number,
    signal: CancelSignal | undefined,
  ): Promise<Block | undefined>
  /** The local miner; undefined if it is off. */
  miner(): LocalMiner | undefined
  /** Threads that the local miner has where nobody says how many. */
  readonly autoThreads: number
  /** How many threads the local miner may be told to have: more would keep the node itself from its work. */
  readonly maxThreads: number
}

/** Files that methods read and write. */
export interface RpcFiles {
  /**
   * Writes a new file; there is none until all of it is there.
   *
   * @param path - Absolute, or within the data directory.
   * @param bytes - In pieces. Not begun if the file cannot be written.
   * @param getHead - Gives, at the end, what to write over the first bytes.
   * @returns The absolute path.
   * @throws {@link RpcError} if there is such a file, or it cannot be written.
   */
  write(path: string, bytes: AsyncIterable<Uint8Array>, getHead: () => Uint8Array): Promise<string>
  /** Reads a file in pieces. @throws {@link RpcError} if it cannot be read. */
  read(path: string): AsyncIterable<Uint8Array>
}

/** The pool as RPC sees it. */
export interface PoolControl {
  readonly pool: Pick<SoloPool, 'workers' | 'blocks'>
  readonly server: Pick<StratumServer, 'sessions'>
}

/** The node behind the methods. */
export interface RpcContext {
  readonly params: ConsensusParams
  readonly chain: Chain
  /** Blocks that were asked for, in words. */
  readonly blockTexts: BlockTexts
  /** Templates that were asked for, in words. */
  readonly templateTexts: TemplateTexts
  readonly mempool: Mempool
  /** Whether what waited at the last stop has been looked at. */
  readonly isMempoolLoaded: () => boolean
  readonly feeEstimator: FeeEstimator
  readonly network: PeerNetwork
  /** The network under an operator's hands. */
  readonly peers: PeerControl
  /** Faults on purpose; undefined unless the node was started for them. */
  readonly faults: FaultControls | undefined
  readonly mining: MiningControl
  /** Miners of others; undefined unless the node serves them. */
  readonly pool: PoolControl | undefined
  /** Miners that wait for a new template. */
  readonly templateWaits: TemplateWaits
  /** Whether templates have the empty `coinbaseaux.flags` that old pool software insists on. */
  readonly hasCoinbaseFlags: boolean
  readonly clock: Clock
  readonly log: Logger
  /** Warnings for operators that concern the whole node; none while all is well. */
  warnings(): readonly string[]
  /** Of the program, such as `0.1.0`. */
  readonly version: string
  /** `/Satoshi:30.0.0(quarry:0.1.0)/` */
  readonly userAgent: string
  /** Milliseconds of the clock's monotonic time. */
  readonly startedMs: number
  /** Stops the node's wall time at a moment, milliseconds since the Unix epoch; undefined has it go on. */
  mockTime(timeMs: number | undefined): void
  /** Bytes that blocks and undo data take on the disk. */
  measureBlocksSize(): Promise<number>
  /** What stored blocks may take; undefined if all are kept, 0 if they are deleted over RPC alone. */
  readonly pruneBytes: number | undefined
  readonly files: RpcFiles
  /** The node's wallets; undefined if it was started without. */
  readonly wallets: WalletManager | undefined
  /** Bytes that headers and coins take on the disk. */
  measureStateSize(): Promise<number>
  /** Whether the chain has once been level with its peers. */
  isCaughtUp(): boolean
  /** Whether the node is far behind its peers and fetching what they have, now. */
  isFarBehind(): boolean
  /** Heights of the blocks that a peer was asked for and that have not come. */
  blocksInFlight(id: PeerId): readonly number[]
  /** How early a peer tells of blocks. */
  blockPropagation(id: PeerId): PropagationStats
  /** Txids of transactions that came from here and that no peer has asked for yet. */
  unbroadcast(): ReadonlySet<TxidHex>
  /**
   * Takes a transaction of our own, and announces it until it is mined. One that waits already is announced again.
   *
   * @throws {@link ConsensusError}, {@link MempoolError} if it is refused.
   */
  submitTransaction(tx: Transaction): Promise<void>
  /**
   * Takes a block as if the local miner had found it, and relays it.
   *
   * @returns Whether it was connected.
   * @throws {@link ConsensusError} if it is invalid.
   */
  submitBlock(block: Block): Promise<SubmittedBlock['outcome']>
  /**
   * Takes a header as if a peer had sent it.
   *
   * @throws {@link ConsensusError} if it is invalid.
   */
  submitHeader(header: BlockHeader): void
  /** Says that the node cannot go on, and why. */
  fatal(error: unknown): void
  /** Asks the process to stop once the answer is on its way. */
  requestStop(): void
}
