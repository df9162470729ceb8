/** @module The port through which the chain sees its store. */

import type { Coin, CoinChange } from '../consensus/index.ts'
import type { BlockHash, BlockHeader, OutPoint } from '../primitives/index.ts'
import type { EntryValidity } from './block-entry.ts'

/** What the store keeps of an entry of the block tree. */
export interface StoredEntry {
  readonly hash: BlockHash
  readonly header: BlockHeader
  readonly height: number
  readonly validity: EntryValidity
  readonly wasConnected: boolean
  readonly hasBody: boolean
  readonly transactionCount: number
  readonly sequence: number
  readonly firstSeenMs: number
}

/** Everything that moving the tip by one block changes. */
export interface TipChange {
  /** The new tip. */
  readonly tip: BlockHash
  readonly tipHeight: number
  readonly coins: Iterable<CoinChange>
  readonly entries: readonly StoredEntry[]
}

/**
 * Keeps headers, bodies, undo data, coins and the tip.
 *
 * Every method's writes are atomic by themselves. `writeTip` covers one whole block: after a kill at any
 * moment the coins are exactly those of the stored tip. Bodies and undo data are written before the tip
 * that needs them. Calls come one at a time from `Chain`; reads may overlap.
 *
 * Errors are `StoreError`s: the disk failed or the data are damaged. They are never the peer's fault.
 */
export interface ChainStore {
  /** Every stored entry, parents before children. */
  readEntries(): AsyncIterable<StoredEntry>
  /** The stored tip, or undefined in a new store. */
  readTip(): Promise<BlockHash | undefined>
  writeEntries(entries: readonly StoredEntry[]): Promise<void>
  /** @param bytes - The encoded block. */
  writeBody(hash: BlockHash, bytes: Uint8Array): Promise<void>
  readBody(hash: BlockHash): Promise<Uint8Array | undefined>
  /** @param bytes - The encoded undo data. */
  writeUndo(hash: BlockHash, bytes: Uint8Array): Promise<void>
  readUndo(hash: BlockHash): Promise<Uint8Array | undefined>
  /** Coins in the order asked; undefined where there is none. */
  readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]>
  writeTip(change: TipChange): Promise<void>
  close(): Promise<void>
}

/** Why a store failed. */
export type StoreErrorCode = 'corrupt' | 'locked' | 'io' | 'unknown-schema' | 'wrong-chain'

/** The disk failed, or what is on it is damaged. The message names the file or record and the cure. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
