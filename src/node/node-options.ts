/** @module How a node behaves, and the defaults of it. */

import type { MempoolPolicy } from '../mempool/index.ts'
import type { Payout } from '../mining/index.ts'
import type { NodeChainOptions } from './node-chain.ts'

/** The most peers at a time. @see Bitcoin Core `DEFAULT_MAX_PEER_CONNECTIONS` */
const DEFAULT_MAX_PEERS = 125
const DEFAULT_COIN_CACHE_BYTES = 64 * 1_048_576

/** Mining on the node itself, and what RPC may change of it. */
export interface NodeMiningOptions {
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

/** How the mempool behaves. */
export interface NodeMempoolOptions {
  readonly policy: Partial<MempoolPolicy>
  /** Whether it is kept over a restart. */
  readonly isPersistent: boolean
}

/** How a node behaves: plain data. */
export interface NodeOptions extends NodeChainOptions {
  /** Multiaddrs to listen on for peers. */
  readonly listen: readonly string[]
  /** Multiaddrs to tell others instead. */
  readonly announce: readonly string[]
  /** Multiaddrs of peers to stay connected to. */
  readonly peers: readonly string[]
  /** Whether to look for peers beyond those. */
  readonly isDiscovering: boolean
  /** The most peers at a time. */
  readonly maxPeers: number
  /** Many nodes behind one address: limits and penalties by address are lifted. */
  readonly isDevnet: boolean
  /** Whether RPC may slow down, cut and block connections. Without it nothing of that is in their way. */
  readonly hasDevFaults: boolean
  readonly mining: NodeMiningOptions
  readonly mempool: NodeMempoolOptions
  /** What stored blocks may take; undefined if all are kept, 0 if they are deleted over RPC alone. */
  readonly pruneBytes: number | undefined
  /** Whether templates have the empty `coinbaseaux.flags` that old pool software insists on. */
  readonly hasCoinbaseFlags: boolean
  /** Whether miners of others get work here: a Stratum server with a pool behind it. */
  readonly hasPool: boolean
  /** Whether there are wallets. */
  readonly hasWallet: boolean
  /** Whether one of them is the one that everybody knows. */
  readonly hasDevWallet: boolean
  /** Of the program, such as `0.1.0`. */
  readonly version: string
}

/** Options that differ from the defaults. */
export type NodeOptionsInit = Partial<Omit<NodeOptions, 'mining' | 'mempool' | 'version'>> &
  Pick<NodeOptions, 'version'> & {
    readonly mining?: Partial<NodeMiningOptions>
    readonly mempool?: Partial<NodeMempoolOptions>
  }

/** Fills options with the defaults: a node alone, which keeps all blocks, listens nowhere and does not mine. */
export function createNodeOptions(given: NodeOptionsInit): NodeOptions {
  return {
    listen: [],
    announce: [],
    peers: [],
    isDiscovering: false,
    maxPeers: DEFAULT_MAX_PEERS,
    isDevnet: false,
    hasDevFaults: false,
    pruneBytes: undefined,
    hasCoinbaseFlags: false,
    hasPool: false,
    hasWallet: false,
    hasDevWallet: false,
    coinCacheBytes: DEFAULT_COIN_CACHE_BYTES,
    reindex: false,
    assumedValid: undefined,
    hasTxIndex: false,
    verifyThreads: 0,
    ...given,
    mining: {
      isEnabled: false,
      payouts: undefined,
      threads: 1,
      throttle: 1,
      autoThreads: 1,
      maxThreads: 1,
      isVersionRolled: false,
      ...given.mining,
    },
    mempool: { policy: {}, isPersistent: false, ...given.mempool },
  }
}
