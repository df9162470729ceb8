/** @module What the mempool tells others. */

import type { TxidHex } from '../primitives/index.ts'
import type { MempoolEntry } from './mempool-entry.ts'

/**
 * Why a transaction waits no longer without being on the chain: another that spends the same is on the chain, or pays
 * more; it waited too long; or there was no room.
 *
 * @see Bitcoin Core `MemPoolRemovalReason`
 */
export type DropReason = 'conflict' | 'replaced' | 'expiry' | 'sizelimit'

/** Why a transaction waits no more. `reorg`: it was not taken again when a reorganisation had displaced it. */
export type MempoolRemovalReason = DropReason | 'block' | 'reorg'

/** A transaction that waits no more, and why. */
export interface MempoolRemoval {
  readonly txid: TxidHex
  readonly reason: MempoolRemovalReason
}

/** What the mempool tells. */
export interface MempoolEvents extends Record<string, unknown> {
  added: MempoolEntry
  /** As `added`, but not of what waited before a reorganisation too and was only judged anew. */
  entered: MempoolEntry
  /** Told once of each that had `entered`, for whatever reason it has left. */
  removed: MempoolRemoval
  /** A block is on the chain, of this height; what it confirms is told next. */
  blockPassed: number
  confirmed: MempoolEntry
  dropped: { readonly entry: MempoolEntry; readonly reason: DropReason }
}
