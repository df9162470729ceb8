/** @module What the chain tells, and how it describes the ends of its branches. */

import type { ConsensusError } from '../consensus/index.ts'
import type { Block } from '../primitives/index.ts'
import type { BlockEntry } from './block-entry.ts'
import type { ChainTipStatus } from './block-tree.ts'

/** A block that has joined or left the active chain. */
export interface BlockEvent {
  readonly entry: BlockEntry
  readonly block: Block
}

/**
 * The tip has moved, and everything between has been told. `tip` equals `previous` when blocks were
 * disconnected for a branch that then proved invalid, and connected again.
 */
export interface TipEvent {
  readonly tip: BlockEntry
  readonly previous: BlockEntry
  readonly forkPoint: BlockEntry
  /** How many blocks left the active chain; above 0 it is a reorg, or a step back. */
  readonly depth: number
}

/** What the chain tells. Listeners run synchronously and must not throw. */
export interface ChainEvents extends Record<string, unknown> {
  /** A new header is in the tree. */
  headerAccepted: BlockEntry
  blockConnected: BlockEvent
  blockDisconnected: BlockEvent
  /** A block broke a rule when it was connected. */
  blockFailed: { readonly entry: BlockEntry; readonly error: ConsensusError }
  tipChanged: TipEvent
}

/** The end of one branch, as `getchaintips` shows it. */
export interface ChainTip {
  readonly entry: BlockEntry
  /** Blocks since the branch left the active chain; 0 for the active tip. */
  readonly branchLength: number
  readonly status: ChainTipStatus
}
