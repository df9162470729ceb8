/** @module The chain's store over two LevelDB databases, or anything with their interface. */

import type { AbstractBatchOperation, AbstractLevel, AbstractSublevel } from 'abstract-level'
import {
  type ChainStore,
  decodeCoin,
  encodeCoin,
  type StoredEntry,
  StoreError,
  type TipChange,
} from '../chain/index.ts'
import type { Coin } from '../consensus/index.ts'
import { type BlockHash, type OutPoint, outPointKey, toDisplayHex } from '../primitives/index.ts'
import { type Clock, DecodeError, equalBytes, toErrorMessage } from '../util/index.ts'
import { openValue, sealValue } from './checksum.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import {
  coinKey,
  hashOfHeaderKey,
  headerKey,
  META_KEYS,
  SCHEMA_VERSION,
  SUBLEVELS,
} from './key-map.ts'

/** A database with bytes for keys and values: `level` in Node.js and in a tab, `memory-level` in tests. */
export type ByteDatabase = AbstractLevel<string | Uint8Array, Uint8Array, Uint8Array>

/** The two databases. Kept apart so that compacting coins does not rewrite bodies. */
export interface ChainDatabases {
  readonly blocks: ByteDatabase
  readonly state: ByteDatabase
}

/** Writes are handed to the operating system at once and forced to the disk at least this often. */
const SYNC_INTERVAL_MS = 10_000

type ByteSublevel = AbstractSublevel<ByteDatabase, string | Uint8Array, Uint8Array, Uint8Array>
type StateOperation = AbstractBatchOperation<ByteDatabase, Uint8Array, Uint8Array>

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const

function sublevel(database: ByteDatabase, name: string): ByteSublevel {
  return database.sublevel<Uint8Array, Uint8Array>(name, BYTES)
}

/**
 * Keeps a chain in two databases. A killed process loses nothing that was written; a power cut may lose
 * the newest seconds, never the order: the tip and its coins are one batch.
 */
export class LevelChainStore implements ChainStore {
  readonly #databases: ChainDatabases
  readonly #clock: Clock
  readonly #body: ByteSublevel
  readonly #undo: ByteSublevel
  readonly #header: ByteSublevel
  readonly #coin: ByteSublevel
  readonly #meta: ByteSublevel
  readonly #blocksMeta: ByteSublevel
  #lastSyncMs: number

  private constructor(databases: ChainDatabases, clock: Clock) {
    this.#databases = databases
    this.#clock = clock
    this.#body = sublevel(databases.blocks, SUBLEVELS.body)
    this.#undo = sublevel(databases.blocks, SUBLEVELS.undo)
    this.#header = sublevel(databases.state, SUBLEVELS.header)
    this.#coin = sublevel(databases.state, SUBLEVELS.coin)
    this.#meta = sublevel(databases.state, SUBLEVELS.meta)
    this.#blocksMeta = sublevel(databases.blocks, SUBLEVELS.meta)
    this.#lastSyncMs = clock.monotonic()
  }

  /**
   * Opens the store; a new one is bound to the chain that it is opened with.
   *
   * @param databases - Open; the store closes them.
   * @param chainId - Follows from the whole chain spec: other rules are another chain, even on the same genesis.
   * @throws {@link StoreError} `wrong-chain`, `unknown-schema`, `corrupt` or `io`.
   */
  static async open(
    databases: ChainDatabases,
    chainId: string,
    clock: Clock,
  ): Promise<LevelChainStore> {
    const store = new LevelChainStore(databases, clock)
    await store.#checkMeta(Uint8Array.from(chainId, (char) => char.charCodeAt(0)))
    return store
  }

  async *readEntries(): AsyncIterable<StoredEntry> {
    for await (const [key, value] of this.#header.iterator()) {
      const hash = hashOfHeaderKey(key as Uint8Array)
      yield decodeStored(value, 'header', (bytes) => decodeEntry(hash, bytes))
    }
  }

  async readTip(): Promise<BlockHash | undefined> {
    return (await this.#readSealed(this.#meta, META_KEYS.tip, 'tip')) as BlockHash | undefined
  }

  async writeEntries(entries: readonly StoredEntry[]): Promise<void> {
    await this.#attempt('write headers', () =>
      this.#databases.state.batch(entries.map((entry) => this.#putEntry(entry))),
    )
  }

  async writeBody(hash: BlockHash, bytes: Uint8Array): Promise<void> {
    await this.#attempt('write a block', () => this.#body.put(hash, sealValue(bytes)))
  }

  readBody(hash: BlockHash): Promise<Uint8Array | undefined> {
    return this.#readSealed(this.#body, hash, `body of block ${toDisplayHex(hash)}`)
  }

  async writeUndo(hash: BlockHash, bytes: Uint8Array): Promise<void> {
    await this.#attempt('write undo data', () => this.#undo.put(hash, sealValue(bytes)))
  }

  readUndo(hash: BlockHash): Promise<Uint8Array | undefined> {
    return this.#readSealed(this.#undo, hash, `undo data of block ${toDisplayHex(hash)}`)
  }

  async readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    if (outPoints.length === 0) return []
    const values = await this.#attempt('read coins', () =>
      this.#coin.getMany(outPoints.map(coinKey)),
    )
    return values.map((value, i) => {
      const outPoint = outPoints[i]
      if (value === undefined || outPoint === undefined) return undefined
      return decodeStored(value, `coin ${outPointKey(outPoint)}`, decodeCoin)
    })
  }

  async writeTip(change: TipChange): Promise<void> {
    const operations: StateOperation[] = change.entries.map((entry) => this.#putEntry(entry))
    for (const { outPoint, coin } of change.coins) {
      const key = coinKey(outPoint)
      if (coin === undefined) operations.push({ type: 'del', sublevel: this.#coin, key })
      else operations.push(putSealed(this.#coin, key, encodeCoin(coin)))
    }
    operations.push(putSealed(this.#meta, META_KEYS.tip, change.tip))
    const sync = this.#clock.monotonic() - this.#lastSyncMs >= SYNC_INTERVAL_MS
    if (sync) await this.#attempt('sync blocks', () => this.#syncBlocks())
    await this.#attempt('write the tip', () =>
      this.#databases.state.batch(operations, { sync } as object),
    )
    if (sync) this.#lastSyncMs = this.#clock.monotonic()
  }

  async close(): Promise<void> {
    await this.#attempt('close the store', async () => {
      await this.#syncBlocks()
      const tip = await this.#meta.get(META_KEYS.tip)
      // An empty synchronous batch does not reach the disk, so the tip is written once more.
      if (tip !== undefined) await this.#meta.put(META_KEYS.tip, tip, { sync: true } as object)
      await this.#databases.state.close()
      await this.#databases.blocks.close()
    })
  }

  #putEntry(entry: StoredEntry): StateOperation {
    return putSealed(this.#header, headerKey(entry.height, entry.hash), encodeEntry(entry))
  }

  /** Bodies and undo data must be on the disk before a tip that needs them is. */
  #syncBlocks(): Promise<void> {
    return this.#blocksMeta.put(META_KEYS.sync, new Uint8Array(0), { sync: true } as object)
  }

  async #checkMeta(chainId: Uint8Array): Promise<void> {
    const schema = await this.#readSealed(this.#meta, META_KEYS.schema, 'schema version')
    const version = Uint8Array.of(SCHEMA_VERSION, 0, 0, 0)
    if (schema === undefined) {
      await this.#attempt('create the store', () =>
        this.#meta.batch([
          { type: 'put', key: META_KEYS.schema, value: sealValue(version) },
          { type: 'put', key: META_KEYS.chain, value: sealValue(chainId) },
        ]),
      )
      return
    }
    if (!equalBytes(schema, version)) {
      throw new StoreError(
        'unknown-schema',
        `the data directory has schema ${schema[0]}, this program knows ${SCHEMA_VERSION}: ` +
          'use the program that wrote it, or another --datadir',
      )
    }
    const stored = await this.#readSealed(this.#meta, META_KEYS.chain, 'chain id')
    if (stored === undefined || !equalBytes(stored, chainId)) {
      throw new StoreError(
        'wrong-chain',
        `the data directory holds chain ${stored === undefined ? 'unknown' : String.fromCharCode(...stored)}, ` +
          `--chain names ${String.fromCharCode(...chainId)}: use another --datadir`,
      )
    }
  }

  async #readSealed(
    database: ByteSublevel,
    key: Uint8Array,
    what: string,
  ): Promise<Uint8Array | undefined> {
    const sealed = await this.#attempt(`read the ${what}`, () => database.get(key))
    return sealed === undefined ? undefined : openValue(sealed, what)
  }

  async #attempt<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
    try {
      return await action()
    } catch (error) {
      if (error instanceof StoreError) throw error
      throw new StoreError('io', `cannot ${what}: ${toErrorMessage(error)}`, { cause: error })
    }
  }
}

function putSealed(level: ByteSublevel, key: Uint8Array, value: Uint8Array): StateOperation {
  return { type: 'put', sublevel: level, key, value: sealValue(value) }
}

function decodeStored<Value>(
  sealed: Uint8Array,
  what: string,
  decode: (bytes: Uint8Array) => Value,
): Value {
  const bytes = openValue(sealed, what)
  try {
    return decode(bytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new StoreError('corrupt', `the stored ${what} cannot be read: ${error.message}`, {
      cause: error,
    })
  }
}
