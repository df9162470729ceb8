/** @module The port through which the chain sees its store. */

import type { Coin, CoinChange } from '../consensus/index.ts'
import type { BlockHash, BlockHeader, OutPoint, Txid } from '../primitives/index.ts'
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

/** The stored tip. */
export interface StoredTip {
  readonly hash: BlockHash
  /** Of all coins: what `MuHash.toState` gave. */
  readonly utxoHash: Uint8Array
}

/** Where a transaction is. */
export interface TransactionPlace {
  readonly txid: Txid
  /** Of the active chain's block; undefined if it is in none. */
  readonly blockHash: BlockHash | undefined
}

/** Everything that moving the stored tip changes, by one block or by many. */
export interface TipChange extends StoredTip {
  readonly coins: Iterable<CoinChange>
  readonly entries: readonly StoredEntry[]
  /** Moves the index of transactions along. Without it the index stays where it is. */
  readonly transactions?: Iterable<TransactionPlace> | undefined
}

/** A coin and where it is. */
export interface StoredCoin {
  readonly outPoint: OutPoint
  readonly coin: Coin
}

/** A stored block, or what is left of it. */
export interface StoredBody {
  readonly hash: BlockHash
  /** Undefined if the record is damaged. */
  readonly bytes: Uint8Array | undefined
}

/**
 * Keeps headers, bodies, undo data, coins and the tip.
 *
 * Every method's writes are atomic by themselves. `writeTip` covers whole blocks: after a kill at any moment
 * the coins are exactly those of the stored tip. Bodies and undo data are written before the tip that needs
 * them. Writes come one at a time from `Chain`; reads may overlap.
 *
 * Errors are `StoreError`s: the disk failed or the data are damaged. They are never the peer's fault.
 */
export interface ChainStore {
  /** Whether it was closed after its last use, or is new: else bodies may have been stored that no entry tells of. */
  readonly wasClosed: boolean
  /** Every stored entry, parents before children; many at a time, as there may be a hundred thousand. */
  readEntries(): AsyncIterable<readonly StoredEntry[]>
  /** The stored tip, or undefined in a new store. */
  readTip(): Promise<StoredTip | undefined>
  writeEntries(entries: readonly StoredEntry[]): Promise<void>
  /**
   * Keeps entries up to a height so that they are read faster, if many have come since they last were. No entry may be
   * written meanwhile.
   */
  packEntries(height: number): Promise<void>
  /** @param bytes - The encoded block. */
  writeBody(hash: BlockHash, bytes: Uint8Array): Promise<void>
  readBody(hash: BlockHash): Promise<Uint8Array | undefined>
  /** Deletes bodies and undo data, and gives their room back. */
  deleteBlocks(hashes: readonly BlockHash[]): Promise<void>
  /** Every stored body, in no particular order. */
  readBodies(): AsyncIterable<StoredBody>
  /** The hashes of all stored bodies, in no order. */
  readBodyHashes(): AsyncIterable<BlockHash>
  /** @param bytes - The encoded undo data. */
  writeUndo(hash: BlockHash, bytes: Uint8Array): Promise<void>
  readUndo(hash: BlockHash): Promise<Uint8Array | undefined>
  /** Coins in the order asked; undefined where there is none. */
  readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]>
  /** All coins as they are at the call, by outpoint; later writes do not show where the engine has snapshots. */
  readAllCoins(): AsyncIterable<StoredCoin>
  /** Has everything but blocks and undo data rebuilt at the next start. */
  condemnState(): Promise<void>
  /**
   * Replaces all coins. A kill on the way leaves a condemned state.
   *
   * @param change - What follows when all of them are written: the tip that they belong to.
   */
  replaceCoins(
    coins: AsyncIterable<StoredCoin>,
    change: () => Omit<TipChange, 'coins'>,
  ): Promise<void>
  /** The block that the index of transactions reaches, or undefined if there is none. */
  readIndexTip(): Promise<BlockHash | undefined>
  /** The block that a transaction is in, as the index has it. */
  readTransaction(txid: Txid): Promise<BlockHash | undefined>
  /** Moves the index of transactions by itself. @param tip - The block that it reaches now. */
  writeIndex(tip: BlockHash, transactions: Iterable<TransactionPlace>): Promise<void>
  /** Forces to the disk what was written before, too. */
  writeTip(change: TipChange): Promise<void>
  close(): Promise<void>
}

/** Why a store failed. */
export type StoreErrorCode =
  | 'corrupt'
  | 'locked'
  | 'io'
  | 'old-schema'
  | 'unknown-schema'
  | 'wrong-chain'

/**
 * What is kept apart: `blocks` come from the network, `state` follows from them, and `node` is what a node remembers
 * beside its chain.
 */
export type StorePart = 'blocks' | 'state' | 'node'

/** What to do about damage. */
export const DAMAGE_CURES: Readonly<Record<StorePart, string>> = {
  blocks: 'start with --reindex to keep what is whole and fetch the rest from peers',
  state: 'start again, and it is rebuilt from the stored blocks',
  node: 'start again, and it is learnt anew',
}

/** The disk failed, or what is on it is damaged. The message names the file or record and the cure. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  /** What is damaged, if `code` is `corrupt` or `unknown-schema` and it is known. */
  readonly part: StorePart | undefined

  constructor(
    code: StoreErrorCode,
    message: string,
    options?: ErrorOptions & { readonly part?: StorePart },
  ) {
    super(message, options)
    this.code = code
    this.part = options?.part
  }
}
