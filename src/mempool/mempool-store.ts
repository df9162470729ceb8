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
const RECORD_KINDS = { transaction: 0, feeDelta: 1 } as const
/** Records that are written at a time. */
const RECORDS_PER_WRITE = 1_000

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

function feeDeltaKey(txid: TxidHex): Uint8Array {
  return Uint8Array.of(RECORD_KINDS.feeDelta, ...decodeHex(txid))
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
export async function saveMempool(mempool: Mempool, store: KeyValueStore): Promise<void> {
  // In one step with the first new records: a kill on the way leaves fewer, never a mixture.
  let changes: KeyValueChange[] = []
  for await (const [key] of store.entries()) changes.push({ key, value: undefined })
  for (const [txid, sats] of mempool.feeDeltas()) {
    changes.push({ key: feeDeltaKey(txid), value: encodeFeeDelta(sats) })
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
  signal: CancelSignal,
): Promise<LoadedMempool> {
  let [taken, refused] = [0, 0]
  const transactions: Uint8Array[] = []
  for await (const [key, value] of store.entries()) {
    if (key[0] === RECORD_KINDS.transaction) transactions.push(value)
    else restoreFeeDelta(mempool, key, value)
  }
  for (const value of transactions) {
    if (signal.aborted) break
    if (await restoreTransaction(mempool, value)) taken += 1
    else refused += 1
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
