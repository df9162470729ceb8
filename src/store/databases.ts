/** @module The databases under the store, and their parts. */

import type { AbstractBatchOperation, AbstractLevel, AbstractSublevel } from 'abstract-level'
import { sealValue } from './checksum.ts'

/** A database with bytes for keys and values: `level` in Node.js and in a tab, `memory-level` in tests. */
export type ByteDatabase = AbstractLevel<string | Uint8Array, Uint8Array, Uint8Array>

/** The two databases of a chain. Kept apart so that compacting coins does not rewrite bodies. */
export interface ChainDatabases {
  readonly blocks: ByteDatabase
  readonly state: ByteDatabase
}

/** One of the parts that share a database, by prefix. */
export type ByteSublevel = AbstractSublevel<
  ByteDatabase,
  string | Uint8Array,
  Uint8Array,
  Uint8Array
>
/** One change in a batch. */
export type StateOperation = AbstractBatchOperation<ByteDatabase, Uint8Array, Uint8Array>

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const

/** The part of a database with a prefix. */
export function sublevel(database: ByteDatabase, name: string): ByteSublevel {
  return database.sublevel<Uint8Array, Uint8Array>(name, BYTES)
}

/** Writes a value with its checksum. */
export function putSealed(level: ByteSublevel, key: Uint8Array, value: Uint8Array): StateOperation {
  return { type: 'put', sublevel: level, key, value: sealValue(value, key) }
}

/** A database that can be told to write its log out into tables. */
interface CompactableDatabase {
  compactRange(start: Uint8Array, end: Uint8Array, options: object): Promise<void>
}

/** Whether an engine has tables to be told of. */
export function isCompactable(database: object): database is CompactableDatabase {
  return 'compactRange' in database && typeof database.compactRange === 'function'
}
