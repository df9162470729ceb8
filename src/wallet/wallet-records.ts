/** @module What a wallet keeps in the node's store: transactions, labels, and up to where blocks were looked through. */

import { bytesToUtf8 } from '@noble/ciphers/utils.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as z from 'zod'
import {
  computeTxid,
  decodeTransaction,
  encodeTransaction,
  fromDisplayHex,
  type Transaction,
  type TxidHex,
  toDisplayHex,
} from '../primitives/index.ts'
import {
  concatBytes,
  DecodeError,
  decodeHex,
  encodeHex,
  equalBytes,
  type KeyValueChange,
  type KeyValueStore,
} from '../util/index.ts'

const BLOCK_PLACE_SCHEMA = z.object({
  /** Display hex. */
  hash: z.string(),
  height: z.int(),
  /** The transaction's number in the block. */
  index: z.int(),
  /** The block's time, Unix seconds. */
  time: z.int(),
})

/** Where in the chain a transaction is. */
export type BlockPlace = z.infer<typeof BLOCK_PLACE_SCHEMA>

const RECORD_SCHEMA = z.object({
  hex: z.string(),
  /** Counts transactions in the order in which they came. */
  order: z.int(),
  /** When it was first seen, Unix seconds. */
  receivedTime: z.int(),
  /** Undefined while no block of the active chain has it. */
  place: BLOCK_PLACE_SCHEMA.optional(),
  /** The block with a transaction that spends the same. */
  conflict: z.object({ hash: z.string(), height: z.int() }).optional(),
  /** Whether its owner has given it up. */
  isAbandoned: z.boolean(),
  /** What its owner noted about it, and about whom it pays. */
  comment: z.string().optional(),
  commentTo: z.string().optional(),
  /** Transactions whose fee was raised, and that it took the place of; and the reverse. */
  replaces: z.string().optional(),
  replacedBy: z.string().optional(),
})

type StoredRecord = z.infer<typeof RECORD_SCHEMA>

/** A transaction that concerns the wallet, and what is known of it. */
export interface WalletTransaction extends Omit<StoredRecord, 'hex'> {
  readonly tx: Transaction
  readonly txid: TxidHex
}

const LABEL_SCHEMA = z.object({ label: z.string() })

const PROGRESS_SCHEMA = z.object({
  /** The last block that was looked through; display hex. */
  hash: z.string(),
  height: z.int(),
  /** How many transactions there are: a record that is lost shows. */
  count: z.int(),
})

/** Up to where the chain was looked through. */
export interface ScanProgress {
  readonly hash: string
  readonly height: number
}

/** What was read. */
export interface LoadedRecords {
  readonly transactions: readonly WalletTransaction[]
  readonly labels: ReadonlyMap<string, string>
  /** Undefined if nothing can be said about it; then the chain has to be looked through anew. */
  readonly progress: ScanProgress | undefined
}

/** What is to be written; all of it or nothing is. */
export interface RecordChanges {
  readonly transactions?: Iterable<WalletTransaction>
  /** Transactions that are forgotten. */
  readonly forgotten?: Iterable<TxidHex>
  readonly labels?: Iterable<readonly [address: string, label: string | undefined]>
  readonly progress?: (ScanProgress & { readonly count: number }) | undefined
}

const ID_SIZE = 16
const KIND_TRANSACTION = 0x74
const KIND_LABEL = 0x6c
const KIND_PROGRESS = 0x73

function encode(value: unknown): Uint8Array {
  return utf8ToBytes(JSON.stringify(value))
}

/** A value that was written; undefined if it is not what it should be. */
function decode<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(bytesToUtf8(bytes))).data
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function decodeRecord(bytes: Uint8Array): WalletTransaction | undefined {
  const record = decode(RECORD_SCHEMA, bytes)
  if (record === undefined) return undefined
  const { hex, ...rest } = record
  try {
    const tx = decodeTransaction(decodeHex(hex))
    return { ...rest, tx, txid: toDisplayHex(computeTxid(tx)) }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** One wallet's part of the store. */
export class WalletRecords {
  readonly #store: KeyValueStore
  readonly #id: Uint8Array

  /** @param id - The wallet's, 16 bytes in hexadecimal. */
  constructor(store: KeyValueStore, id: string) {
    this.#store = store
    this.#id = decodeHex(id)
  }

  #key(kind: number, name: Uint8Array = new Uint8Array()): Uint8Array {
    return concatBytes(this.#id, Uint8Array.of(kind), name)
  }

  async load(): Promise<LoadedRecords> {
    const transactions: WalletTransaction[] = []
    const labels = new Map<string, string>()
    let progress: z.infer<typeof PROGRESS_SCHEMA> | undefined
    for await (const [key, value] of this.#store.entries()) {
      if (!equalBytes(key.subarray(0, ID_SIZE), this.#id)) continue
      const kind = key[ID_SIZE]
      if (kind === KIND_PROGRESS) progress = decode(PROGRESS_SCHEMA, value)
      else if (kind === KIND_LABEL) {
        const label = decode(LABEL_SCHEMA, value)?.label
        if (label !== undefined) labels.set(bytesToUtf8(key.slice(ID_SIZE + 1)), label)
      } else {
        const record = decodeRecord(value)
        if (record !== undefined) transactions.push(record)
      }
    }
    const isWhole = progress?.count === transactions.length
    return { transactions, labels, progress: isWhole ? progress : undefined }
  }

  write(changes: RecordChanges): Promise<void> {
    const list: KeyValueChange[] = []
    for (const { tx, txid, ...rest } of changes.transactions ?? []) {
      const value = encode({ ...rest, hex: encodeHex(encodeTransaction(tx)) })
      list.push({ key: this.#key(KIND_TRANSACTION, fromDisplayHex(txid)), value })
    }
    for (const txid of changes.forgotten ?? []) {
      list.push({ key: this.#key(KIND_TRANSACTION, fromDisplayHex(txid)), value: undefined })
    }
    for (const [address, label] of changes.labels ?? []) {
      const value = label === undefined ? undefined : encode({ label })
      list.push({ key: this.#key(KIND_LABEL, utf8ToBytes(address)), value })
    }
    const { progress } = changes
    if (progress !== undefined)
      list.push({ key: this.#key(KIND_PROGRESS), value: encode(progress) })
    return this.#store.write(list)
  }
}
