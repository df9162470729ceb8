/** @module The network of a node: a parameter, so that a node runs over libp2p, in memory or in a simulation alike. */

import type { FaultControls } from '../p2p/index.ts'
import type { PeerControl, PeerNetwork } from '../sync/index.ts'
import type { Clock, KeyValueStore, LoggerSource, RandomSource } from '../util/index.ts'
import type { SecretStore } from './platform.ts'

/** Other nodes, and what an operator may do about them. */
export interface NodeNetwork extends PeerNetwork {
  readonly control: PeerControl
  /** Whether the node looks for peers and knows some from earlier. Settled once it has started. */
  readonly remembersPeers: boolean
  /** Faults on purpose; undefined if this network makes none. */
  readonly faults: FaultControls | undefined
}

/** What a network may use of the node. */
export interface NodeNetworkDeps {
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: LoggerSource
  /** Where the key pair is kept that makes the node itself. */
  readonly secrets: SecretStore
  /** Where a network keeps what it knows of others. */
  readonly stores: {
    readonly bans: KeyValueStore
    readonly addresses: KeyValueStore
    readonly anchors: KeyValueStore
  }
}

/** How a network behaves; see `NodeOptions`. */
export interface NodeNetworkOptions {
  /** The first 8 hex digits of the chain spec's hash. */
  readonly chainId: string
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly maxPeers: number
  readonly isDevnet: boolean
  readonly isDiscovering: boolean
  /** Whether `faults` are offered. */
  readonly hasDevFaults: boolean
  readonly userAgent: string
}

/**
 * Makes a network that is not started yet.
 *
 * @throws {@link ConfigError} `datadir-unusable` if the stored key pair is not one.
 */
export type CreateNodeNetwork = (
  deps: NodeNetworkDeps,
  options: NodeNetworkOptions,
) => Promise<NodeNetwork>
