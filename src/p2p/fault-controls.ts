/** @module Faults on purpose: what may be done to connections, for tests and for those who study forks. */

import type { PeerId } from '../sync/index.ts'

/** Stands for every peer that no other rule names. */
export const ANY_PEER = '*'
/** Rules of one node: more than a devnet has nodes. */
export const MAX_FAULT_RULES = 256
/** The longest latency, and the most jitter, in milliseconds: libp2p gives up on slower peers. */
export const MAX_FAULT_LATENCY_MS = 60_000
/** The lowest cap of a connection's bandwidth, in bytes per second. */
export const MIN_FAULT_BYTES_PER_SECOND = 100
/** The most cuts of a connection per second. */
export const MAX_FAULT_CUTS_PER_SECOND = 10

/** What is done to the connections of a peer. Only what this node sends is held up: each end has faults of its own. */
export interface Faults {
  /** No connection, and none is made: the other side of a partition. */
  readonly isBlocked: boolean
  /** How much later everything is sent, in milliseconds. */
  readonly latencyMs: number
  /** Up to so many milliseconds more, drawn for each piece. Order is kept. */
  readonly jitterMs: number
  /** What each connection may send; undefined without a cap. */
  readonly bytesPerSecond: number | undefined
  /** How often each connection is cut at random, on average. */
  readonly cutsPerSecond: number
}

/** A peer and its faults. */
export interface FaultRule extends Faults {
  /** A peer id, or {@link ANY_PEER}. */
  readonly peer: PeerId
}

/** Connections as they are. */
export const NO_FAULTS: Faults = {
  isBlocked: false,
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: undefined,
  cutsPerSecond: 0,
}

/** The faults of one node, for whoever sets them. Nothing of this is kept over a restart. */
export interface FaultControls {
  rules(): readonly FaultRule[]
  /**
   * Replaces all rules, at once, for open connections, too: those of blocked peers are cut. An empty list heals.
   * Within the bounds above; of several rules for one peer the last counts.
   */
  setRules(rules: readonly FaultRule[]): void
}
