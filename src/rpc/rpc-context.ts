/** @module What RPC methods may ask of the node. */

import type { Chain } from '../chain/index.ts'
import type { ConsensusParams } from '../consensus/index.ts'
import type { Mempool } from '../mempool/index.ts'
import type { BlockTemplate, Miner } from '../mining/index.ts'
import type { Block, BlockHash } from '../primitives/index.ts'
import type { PeerNetwork } from '../sync/index.ts'
import type { Clock, Logger } from '../util/index.ts'

/** The local miner as RPC sees it. */
export type LocalMiner = Pick<Miner, 'stats' | 'currentWork' | 'configure'>

/** Mining as RPC sees it. */
export interface MiningControl {
  /** A template for the block after the tip, made anew if tip, mempool or clock have moved. */
  getTemplate(): BlockTemplate
  /**
   * Mines blocks at once, whatever the pace of the chain.
   *
   * @param maxTries - Hashes in all after which to give up.
   * @returns The hashes of the blocks found: fewer than asked if the tries ran out.
   */
  generate(
    payoutScript: Uint8Array,
    blockCount: number,
    maxTries: number,
  ): Promise<readonly BlockHash[]>
  /** The local miner; undefined if it is off. */
  miner(): LocalMiner | undefined
  /** Threads that the local miner has where nobody says how many. */
  readonly autoThreads: number
}

/** The node behind the methods. */
export interface RpcContext {
  readonly params: ConsensusParams
  readonly chain: Chain
  readonly mempool: Mempool
  readonly network: PeerNetwork
  readonly mining: MiningControl
  readonly clock: Clock
  readonly log: Logger
  /** Of the program, such as `0.1.0`. */
  readonly version: string
  /** `/Satoshi:30.0.0(quarry:0.1.0)/` */
  readonly userAgent: string
  /** Milliseconds since the Unix epoch. */
  readonly startedMs: number
  /** Bytes that blocks and undo data take on the disk. */
  measureBlocksSize(): Promise<number>
  /** Whether the chain has once been level with its peers. */
  isCaughtUp(): boolean
  /**
   * Takes a block as if the local miner had found it, and relays it.
   *
   * @throws {@link ConsensusError} if it is invalid.
   */
  submitBlock(block: Block): Promise<void>
  /** Asks the process to stop once the answer is on its way. */
  requestStop(): void
}
