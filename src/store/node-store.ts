/** @module What a node remembers beside its chain: one small database, a namespace for each part. */

import type { AbstractBatchOperation } from 'abstract-level'
import { StoreError } from '../chain/index.ts'
import type { KeyValueChange, KeyValueStore } from '../util/index.ts'
import { attempt } from './attempt.ts'
import { openValue, sealValue } from './checksum.ts'
import { type ByteDatabase, type ByteSublevel, sublevel } from './databases.ts'
import type { NODE_SUBLEVELS } from './key-map.ts'

/** Whose records they are. */
export type NodeNamespace = (typeof NODE_SUBLEVELS)[number]

/** The value within a sealed one, or undefined if it is damaged. */
function openIfWhole(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return openValue(sealed, { what: 'record', part: 'node', key })
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}

class Namespace implements KeyValueStore {
  readonly #database: ByteDatabase
  readonly #level: ByteSublevel

  constructor(database: ByteDatabase, name: NodeNamespace) {
    this.#database = database
    this.#level = sublevel(database, name)
  }

  async *entries(): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]> {
    const iterator = this.#level.iterator()
    try {
      for (;;) {
        const entry = await attempt('read records', 'node', () => iterator.next())
        if (entry === undefined) return
        const [key, sealed] = entry as [Uint8Array, Uint8Array]
        const value = openIfWhole(key, sealed)
        if (value !== undefined) yield [key, value]
      }
    } finally {
      await iterator.close()
    }
  }

  async write(changes: readonly KeyValueChange[]): Promise<void> {
    if (changes.length === 0) return
    const level = this.#level
    const operations = changes.map(
      ({ key, value }): AbstractBatchOperation<ByteDatabase, Uint8Array, Uint8Array> =>
        value === undefined
          ? { type: 'del', sublevel: level, key }
          : { type: 'put', sublevel: level, key, value: sealValue(value, key) },
    )
    await attempt('write records', 'node', () => this.#database.batch(operations))
  }
}

/** The database `node`. Survives a rebuild of the chain's state, of which it knows nothing. */
export class NodeStore {
  readonly #database: ByteDatabase

  /** @param database - Open; the store closes it. */
  constructor(database: ByteDatabase) {
    this.#database = database
  }

  /** The records of one part. */
  namespace(name: NodeNamespace): KeyValueStore {
    return new Namespace(this.#database, name)
  }

  /** Closes the database. Idempotent. */
  close(): Promise<void> {
    return this.#database.close()
  }
}
