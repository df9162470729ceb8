/** @module Waiting transactions over a restart. */

import { decodeTransaction, encodeTransaction, type TxidHex } from '../primitives/index.ts'
import {
  ByteReader,
  ByteWriter,
  type CancelSignal,
  DecodeError,
  decodeHex,
  encodeHex,
  type KeyValueChange,
  type KeyValueStore,
} from '../util/index.ts'
import { isRefusal } from './judge-package.ts'
import type { Mempool } from './mempool.ts'
import type { MempoolEntry } from './mempool-entry.ts'

/** What a key begins with. */
const RECORD_KINDS = { transaction: 0, feeDelta: 1, own: 2 } as const
/** Records that are written at a time. */
const RECORDS_PER_WRITE = 1_000

/** Which waiting transactions came from here. */
export interface OwnRecords {
  /** Txids, each with whether no peer has asked for it yet. */
  list(): Iterable<readonly [txid: TxidHex, isUnbroadcast: boolean]>
  /** Takes a waiting transaction for our own again. */
  restore(entry: MempoolEntry, isUnbroadcast: boolean): void
}

/** How loading went. */
export interface LoadedMempool {
  /** Transactions that wait again. */
  readonly taken: number
  /** Those that are not valid any more, or worth nothing. */
  readonly refused: number
}

function transactionKey(index: number): Uint8Array {
  const key = new Uint8Array(5)
  key[0] = RECORD_KINDS.transaction
  new DataView(key.buffer).setUint32(1, index)
  return key
}

function txidKey(kind: 'feeDelta' | 'own', txid: TxidHex): Uint8Array {
  return Uint8Array.of(RECORD_KINDS[kind], ...decodeHex(txid))
}

/** When it came, in milliseconds since the Unix epoch (8); the transaction. */
function encodeEntry({ addedMs, tx }: MempoolEntry): Uint8Array {
  return new ByteWriter()
    .writeUint64(BigInt(Math.trunc(addedMs)))
    .writeBytes(encodeTransaction(tx))
    .toBytes()
}

/** Satoshis (8). */
function encodeFeeDelta(sats: bigint): Uint8Array {
  return new ByteWriter().writeInt64(sats).toBytes()
}

/**
 * Keeps what waits, in place of what was kept before.
 *
 * @throws `StoreError` `io`.
 */
export async function saveMempool(
  mempool: Mempool,
  store: KeyValueStore,
  own: OwnRecords,
): Promise<void> {
  // In one step with the first new records: a kill on the way leaves fewer, never a mixture.
  let changes: KeyValueChange[] = []
  for await (const [key] of store.entries()) changes.push({ key, value: undefined })
  for (const [txid, sats] of mempool.feeDeltas()) {
    changes.push({ key: txidKey('feeDelta', txid), value: encodeFeeDelta(sats) })
  }
  for (const [txid, isUnbroadcast] of own.list()) {
    changes.push({ key: txidKey('own', txid), value: Uint8Array.of(isUnbroadcast ? 1 : 0) })
  }
  let index = 0
  let left = RECORDS_PER_WRITE
  for (const entry of [...mempool.entries()]) {
    changes.push({ key: transactionKey(index++), value: encodeEntry(entry) })
    if (--left > 0) continue
    await store.write(changes)
    changes = []
    left = RECORDS_PER_WRITE
  }
  await store.write(changes)
}

/**
 * Judges anew what was kept, and takes what is still valid, with the time at which it came.
 *
 * @param signal - Ends it early: the rest stays kept.
 * @throws `StoreError` `io`.
 */
export async function loadMempool(
  mempool: Mempool,
  store: KeyValueStore,
  own: OwnRecords,
  signal: CancelSignal,
): Promise<LoadedMempool> {
  let [taken, refused] = [0, 0]
  const transactions: Uint8Array[] = []
  const kept = new Map<TxidHex, boolean>()
  for await (const [key, value] of store.entries()) {
    if (key[0] === RECORD_KINDS.transaction) transactions.push(value)
    else if (key[0] === RECORD_KINDS.own) kept.set(encodeHex(key.subarray(1)), value[0] === 1)
    else restoreFeeDelta(mempool, key, value)
  }
  for (const value of transactions) {
    if (signal.aborted) break
    if (await restoreTransaction(mempool, value)) taken += 1
    else refused += 1
  }
  for (const [txid, isUnbroadcast] of kept) {
    const entry = mempool.get(txid)
    if (entry !== undefined) own.restore(entry, isUnbroadcast)
  }
  return { taken, refused }
}

function restoreFeeDelta(mempool: Mempool, key: Uint8Array, value: Uint8Array): void {
  try {
    mempool.prioritise(encodeHex(key.subarray(1)), new ByteReader(value).readInt64())
  } catch (error) {
    // Somebody has named as many already.
    if (!isRefusal(error)) throw error
  }
}

/** @returns False if it is not taken. */
async function restoreTransaction(mempool: Mempool, value: Uint8Array): Promise<boolean> {
  try {
    const addedMs = Number(new ByteReader(value).readUint64())
    await mempool.accept(decodeTransaction(value.slice(8)), addedMs)
    return true
  } catch (error) {
    if (isRefusal(error) || error instanceof DecodeError) return false
    throw error
  }
}
