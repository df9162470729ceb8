/** @module The chain's store over two LevelDB databases, or anything with their interface. */

import {
  type ChainStore,
  decodeCoin,
  encodeCoin,
  MUHASH_STATE_SIZE,
  type StoredBody,
  type StoredCoin,
  type StoredEntry,
  type StoredTip,
  StoreError,
  type StorePart,
  type TipChange,
  type TransactionPlace,
} from '../chain/index.ts'
import type { Coin } from '../consensus/index.ts'
import {
  type BlockHash,
  HASH_SIZE,
  type OutPoint,
  outPointKey,
  type Txid,
  toDisplayHex,
} from '../primitives/index.ts'
import { concatBytes, equalBytes } from '../util/index.ts'
import { attempt, decodeStored } from './attempt.ts'
import { BatchJournal } from './batch-journal.ts'
import { openValue, sealValue } from './checksum.ts'
import {
  type ByteDatabase,
  type ByteSublevel,
  type ChainDatabases,
  isCompactable,
  putSealed,
  type StateOperation,
  sublevel,
} from './databases.ts'
import { GroupWriter } from './group-writer.ts'
import { HeaderStore } from './header-store.ts'
import {
  coinKey,
  journalKey,
  META_KEYS,
  outPointOfCoinKey,
  PAGELESS_SCHEMA_VERSION,
  SCHEMA_VERSION,
  SUBLEVELS,
} from './key-map.ts'

/** Beyond so many numbers in the journal the log is written out into tables, so that they need not be kept. */
const MAX_JOURNAL_SIZE = 10_000

/** Coins of a snapshot that are written at a time. */
const OPERATIONS_PER_BATCH = 10_000
/** No key of a block comes after it. */
const LAST_HASH = new Uint8Array(HASH_SIZE).fill(0xff)

/**
 * Keeps a chain in two databases. A killed process loses nothing that was written; a power cut may lose
 * the newest seconds, never the order: the tip and its coins are one batch.
 */
export class LevelChainStore implements ChainStore {
  readonly #databases: ChainDatabases
  readonly #body: ByteSublevel
  readonly #undo: ByteSublevel
  readonly #headers: HeaderStore
  readonly #coin: ByteSublevel
  readonly #txIndex: ByteSublevel
  readonly #journalLevel: ByteSublevel
  readonly #meta: ByteSublevel
  readonly #blocksMeta: ByteSublevel
  /** Bodies and undo data: one write for what several blocks bring at the same time. */
  readonly #blockWrites = new GroupWriter<StateOperation>((operations) =>
    this.#attempt('write blocks', 'blocks', () => this.#databases.blocks.batch([...operations])),
  )
  #journal: BatchJournal
  #wasClosed = true

  private constructor(
    databases: ChainDatabases,
    journalLevel: ByteSublevel,
    journal: BatchJournal,
  ) {
    this.#databases = databases
    this.#body = sublevel(databases.blocks, SUBLEVELS.body)
    this.#undo = sublevel(databases.blocks, SUBLEVELS.undo)
    this.#headers = new HeaderStore(databases.state)
    this.#coin = sublevel(databases.state, SUBLEVELS.coin)
    this.#txIndex = sublevel(databases.state, SUBLEVELS.txindex)
    this.#meta = sublevel(databases.state, SUBLEVELS.meta)
    this.#blocksMeta = sublevel(databases.blocks, SUBLEVELS.meta)
    this.#journalLevel = journalLevel
    this.#journal = journal
  }

  /**
   * Opens the store; a new one is bound to the chain that it is opened with.
   *
   * @param databases - Open; the store closes them.
   * @param chainId - Follows from the whole chain spec: other rules are another chain, even on the same genesis.
   * @throws {@link StoreError} `wrong-chain`; `unknown-schema`; `old-schema` or `corrupt`, with `state` as its part
   * if an emptied state database cures it; `io`.
   */
  static async open(databases: ChainDatabases, chainId: string): Promise<LevelChainStore> {
    const level = sublevel(databases.state, SUBLEVELS.journal)
    // Without the schema of today there is no journal of today.
    const meta = sublevel(databases.state, SUBLEVELS.meta)
    const isNew = await attempt('read the schema version', 'state', async () => {
      return (await meta.get(META_KEYS.schema)) === undefined
    })
    const journal = await attempt('read the journal', 'state', () =>
      BatchJournal.read(level.iterator() as AsyncIterable<[Uint8Array, Uint8Array]>),
    )
    const store = new LevelChainStore(databases, level, journal)
    const id = Uint8Array.from(chainId, (char) => char.charCodeAt(0))
    if (isNew) await store.#create(id)
    else await store.#checkMeta(id)
    if (!isNew) await store.#noteUse()
    return store
  }

  get wasClosed(): boolean {
    return this.#wasClosed
  }

  async *readEntries(): AsyncIterable<readonly StoredEntry[]> {
    yield* this.#readAll(this.#headers.readAll(), 'read headers', 'state')
  }

  async readTip(): Promise<StoredTip | undefined> {
    const value = await this.#readMeta(META_KEYS.tip, 'tip')
    if (value === undefined) return undefined
    if (value.length !== HASH_SIZE + MUHASH_STATE_SIZE) {
      throw new StoreError('corrupt', 'the stored tip has another length', { part: 'state' })
    }
    return { hash: value.slice(0, HASH_SIZE) as BlockHash, utxoHash: value.slice(HASH_SIZE) }
  }

  async writeEntries(entries: readonly StoredEntry[]): Promise<void> {
    await this.#writeState(
      'write headers',
      entries.map((entry) => this.#headers.put(entry)),
    )
  }

  async packEntries(height: number): Promise<void> {
    for (const number of this.#headers.findDue(height)) {
      const operations = await this.#attempt('read headers', 'state', () =>
        this.#headers.pack(number),
      )
      await this.#writeState('pack headers', operations)
    }
  }

  async writeBody(hash: BlockHash, bytes: Uint8Array): Promise<void> {
    const value = sealValue(bytes)
    await this.#blockWrites.put({ type: 'put', sublevel: this.#body, key: hash, value })
  }

  readBody(hash: BlockHash): Promise<Uint8Array | undefined> {
    return this.#readBlocks(this.#body, hash, `body of block ${toDisplayHex(hash)}`)
  }

  async deleteBlocks(hashes: readonly BlockHash[]): Promise<void> {
    const { blocks } = this.#databases
    const levels = [this.#body, this.#undo]
    await this.#attempt('delete blocks', 'blocks', () =>
      blocks.batch(
        hashes.flatMap((key) => levels.map((level) => ({ type: 'del', sublevel: level, key }))),
      ),
    )
    // LevelDB gives the room back only when it writes its tables anew.
    for (const level of levels) {
      await this.#compact(blocks, level, new Uint8Array(HASH_SIZE), LAST_HASH)
    }
  }

  async *readBodies(): AsyncIterable<StoredBody> {
    for await (const hash of this.readBodyHashes()) {
      yield { hash, bytes: await this.#readWhole(hash) }
    }
  }

  async *readBodyHashes(): AsyncIterable<BlockHash> {
    for await (const key of this.#readAll(this.#body.keys(), 'read blocks', 'blocks')) {
      yield key as BlockHash
    }
  }

  async writeUndo(hash: BlockHash, bytes: Uint8Array): Promise<void> {
    const value = sealValue(bytes)
    await this.#blockWrites.put({ type: 'put', sublevel: this.#undo, key: hash, value })
  }

  readUndo(hash: BlockHash): Promise<Uint8Array | undefined> {
    return this.#readBlocks(this.#undo, hash, `undo data of block ${toDisplayHex(hash)}`)
  }

  async readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    if (outPoints.length === 0) return []
    const keys = outPoints.map(coinKey)
    return this.#attempt('read coins', 'state', async () => {
      const values = await this.#coin.getMany(keys)
      return outPoints.map((outPoint, i) => {
        const value = values[i]
        return value === undefined ? undefined : decodeStoredCoin(outPoint, keys[i], value)
      })
    })
  }

  readAllCoins(): AsyncIterable<StoredCoin> {
    // The engine takes its snapshot here, not at the first step.
    return this.#iterateCoins(this.#coin.iterator())
  }

  async *#iterateCoins(
    records: AsyncIterable<[Uint8Array, Uint8Array]>,
  ): AsyncIterable<StoredCoin> {
    for await (const [key, value] of this.#readAll(records, 'read coins', 'state')) {
      const outPoint = outPointOfCoinKey(key)
      yield { outPoint, coin: decodeStoredCoin(outPoint, key, value) }
    }
  }

  async readIndexTip(): Promise<BlockHash | undefined> {
    const what = 'end of the index of transactions'
    return toBlockHash(await this.#readMeta(META_KEYS.txindex, what), what)
  }

  readTransaction(txid: Txid): Promise<BlockHash | undefined> {
    const what = `place of transaction ${toDisplayHex(txid)}`
    return this.#attempt(`read the ${what}`, 'state', async () => {
      const sealed = await this.#txIndex.get(txid)
      if (sealed === undefined) return undefined
      return toBlockHash(openValue(sealed, { what, part: 'state', key: txid }), what)
    })
  }

  async writeIndex(tip: BlockHash, transactions: Iterable<TransactionPlace>): Promise<void> {
    const operations = this.#indexOperations(tip, transactions)
    await this.#writeState('write the index of transactions', operations)
  }

  #indexOperations(tip: BlockHash, transactions: Iterable<TransactionPlace>): StateOperation[] {
    const operations = [putSealed(this.#meta, META_KEYS.txindex, tip)]
    for (const { txid: key, blockHash } of transactions) {
      if (blockHash !== undefined) operations.push(putSealed(this.#txIndex, key, blockHash))
      else operations.push({ type: 'del', sublevel: this.#txIndex, key })
    }
    return operations
  }

  async writeTip(change: TipChange): Promise<void> {
    const operations: StateOperation[] = change.entries.map((entry) => this.#headers.put(entry))
    for (const { outPoint, coin } of change.coins) {
      const key = coinKey(outPoint)
      if (coin === undefined) operations.push({ type: 'del', sublevel: this.#coin, key })
      else operations.push(putSealed(this.#coin, key, encodeCoin(coin)))
    }
    const { hash, transactions } = change
    if (transactions !== undefined) {
      // Not spread into one call: there may be more of them than a call takes arguments.
      for (const operation of this.#indexOperations(hash, transactions)) operations.push(operation)
    }
    operations.push(putSealed(this.#meta, META_KEYS.tip, concatBytes(hash, change.utxoHash)))
    await this.#syncBlocks()
    await this.#writeState('write the tip', operations, true)
  }

  async replaceCoins(
    coins: AsyncIterable<StoredCoin>,
    change: () => Omit<TipChange, 'coins'>,
  ): Promise<void> {
    await this.condemnState()
    let operations: StateOperation[] = []
    const write = async (operation: StateOperation): Promise<void> => {
      operations.push(operation)
      if (operations.length < OPERATIONS_PER_BATCH) return
      await this.#writeState('replace coins', operations)
      operations = []
    }
    for await (const key of this.#readAll(this.#coin.keys(), 'read coins', 'state')) {
      await write({ type: 'del', sublevel: this.#coin, key })
    }
    for await (const { outPoint, coin } of coins) {
      await write(putSealed(this.#coin, coinKey(outPoint), encodeCoin(coin)))
    }
    await this.#writeState('replace coins', operations)
    await this.writeTip({ ...change(), coins: [] })
    await this.#attempt('replace coins', 'blocks', () => this.#blocksMeta.del(META_KEYS.damage))
  }

  async close(): Promise<void> {
    try {
      const mark = journalKey(this.#journal.last)
      await this.#attempt('close the store', 'blocks', () =>
        this.#blocksMeta.put(META_KEYS.closed, mark, { sync: true } as object),
      )
    } finally {
      await this.#attempt('close the store', 'state', async () => {
        await this.#databases.state.close()
        await this.#databases.blocks.close()
      })
    }
  }

  /** Writes operations, and their number in the journal, in one step. */
  async #writeState(
    what: string,
    operations: readonly StateOperation[],
    isSynced = false,
  ): Promise<void> {
    let bytes = 0
    for (const operation of operations) {
      bytes += operation.key.length
      if (operation.type === 'put') bytes += operation.value.length
    }
    const journal = this.#journal.prepare(bytes, operations.length)
    const level = this.#journalLevel
    const batch = [
      ...operations,
      ...journal.operations.map((operation) => ({ ...operation, sublevel: level })),
    ]
    await this.#attempt(what, 'state', () =>
      this.#databases.state.batch(batch, { sync: isSynced } as object),
    )
    journal.commit()
    if (this.#journal.size > MAX_JOURNAL_SIZE) await this.#shortenJournal()
  }

  /** Moves the log into tables, where the engine can. */
  async #shortenJournal(): Promise<void> {
    const [start, end] = [journalKey(0), journalKey(Number.MAX_SAFE_INTEGER)]
    const isDone = await this.#compact(this.#databases.state, this.#journalLevel, start, end)
    if (isDone) this.#journal.release()
  }

  /** @returns False where the engine keeps house by itself. */
  async #compact(
    database: ByteDatabase,
    level: ByteSublevel,
    start: Uint8Array,
    end: Uint8Array,
  ): Promise<boolean> {
    if (!isCompactable(database)) return false
    const part = database === this.#databases.state ? 'state' : 'blocks'
    await this.#attempt(`compact ${part}`, part, () =>
      database.compactRange(
        level.prefixKey(start, 'view', false),
        level.prefixKey(end, 'view', false),
        { keyEncoding: 'view' },
      ),
    )
    return true
  }

  /** Bodies and undo data must be on the disk before a tip that needs them is. */
  #syncBlocks(): Promise<void> {
    return this.#attempt('sync blocks', 'blocks', () =>
      this.#blocksMeta.put(META_KEYS.sync, new Uint8Array(0), { sync: true } as object),
    )
  }

  async #create(chainId: Uint8Array): Promise<void> {
    await this.#writeState('create the store', [
      this.#putSchema(),
      putSealed(this.#meta, META_KEYS.chain, chainId),
    ])
    // What was damaged is gone.
    await this.#attempt('create the store', 'blocks', () => this.#blocksMeta.del(META_KEYS.damage))
  }

  #putSchema(): StateOperation {
    return putSealed(this.#meta, META_KEYS.schema, Uint8Array.of(SCHEMA_VERSION, 0, 0, 0))
  }

  async #checkMeta(chainId: Uint8Array): Promise<void> {
    const sealed = await this.#attempt('read the schema version', 'state', () =>
      this.#meta.get(META_KEYS.schema),
    )
    if (sealed !== undefined && isOldSchema(sealed)) {
      throw new StoreError('old-schema', 'the data directory is of an older program', {
        part: 'state',
      })
    }
    const schema = (await this.#readMeta(META_KEYS.schema, 'schema version')) ?? new Uint8Array(0)
    if (schema[0] !== SCHEMA_VERSION && schema[0] !== PAGELESS_SCHEMA_VERSION) {
      throw new StoreError(
        'unknown-schema',
        `the data directory has schema ${schema[0]}, this program knows ${SCHEMA_VERSION}: ` +
          'use the program that wrote it, or another --datadir',
      )
    }
    const stored = await this.#readMeta(META_KEYS.chain, 'chain id')
    if (stored === undefined || !equalBytes(stored, chainId)) {
      throw new StoreError(
        'wrong-chain',
        `the data directory holds chain ${stored === undefined ? 'unknown' : String.fromCharCode(...stored)}, ` +
          `--chain names ${String.fromCharCode(...chainId)}: use another --datadir`,
      )
    }
    const damage = await this.#attempt('read whether the state is damaged', 'blocks', () =>
      this.#blocksMeta.get(META_KEYS.damage),
    )
    if (damage !== undefined) {
      throw new StoreError('corrupt', 'the state database was found damaged before', {
        part: 'state',
      })
    }
    if (schema[0] !== SCHEMA_VERSION) {
      await this.#writeState('note the schema version', [this.#putSchema()])
    }
  }

  /**
   * From now on the store counts as not closed, until it is. The mark stands in the other database and names the last
   * batch: a state that has lost its log is an older one, and may have been closed in its time.
   */
  async #noteUse(): Promise<void> {
    await this.#attempt('note the use of the store', 'blocks', async () => {
      const mark = await this.#blocksMeta.get(META_KEYS.closed)
      this.#wasClosed = mark !== undefined && equalBytes(mark, journalKey(this.#journal.last))
      if (mark !== undefined) await this.#blocksMeta.del(META_KEYS.closed)
    })
  }

  #readMeta(key: Uint8Array, what: string): Promise<Uint8Array | undefined> {
    return this.#attempt(`read the ${what}`, 'state', async () => {
      const sealed = await this.#meta.get(key)
      return sealed === undefined ? undefined : openValue(sealed, { what, part: 'state', key })
    })
  }

  #readBlocks(
    database: ByteSublevel,
    key: Uint8Array,
    what: string,
  ): Promise<Uint8Array | undefined> {
    return this.#attempt(`read the ${what}`, 'blocks', async () => {
      const sealed = await database.get(key)
      return sealed === undefined ? undefined : openValue(sealed, { what, part: 'blocks' })
    })
  }

  /** A body, or undefined if it is damaged. */
  async #readWhole(hash: BlockHash): Promise<Uint8Array | undefined> {
    try {
      return await this.readBody(hash)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'corrupt') return undefined
      throw error
    }
  }

  async *#readAll<Item>(
    items: AsyncIterable<Item>,
    what: string,
    part: StorePart,
  ): AsyncIterable<Item> {
    const iterator = items[Symbol.asyncIterator]()
    try {
      for (;;) {
        const { done, value } = await this.#attempt(what, part, () => iterator.next())
        if (done === true) return
        yield value
      }
    } finally {
      await iterator.return?.()
    }
  }

  /** Damage to the state is remembered, so that the next start rebuilds it. */
  async #attempt<Result>(
    what: string,
    part: StorePart,
    action: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await attempt(what, part, action)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'corrupt' && error.part === 'state') {
        await this.condemnState()
      }
      throw error
    }
  }

  async condemnState(): Promise<void> {
    try {
      await this.#blocksMeta.put(META_KEYS.damage, new Uint8Array(0), { sync: true } as object)
    } catch {
      // Then the damage is found again.
    }
  }
}

/** Versions that the state is rebuilt from. */
const OLD_SCHEMAS = [1, 2]

/** Whether a schema version is an older one, as it stood where keys had no part in checksums. */
function isOldSchema(sealed: Uint8Array): boolean {
  return OLD_SCHEMAS.some((old) => equalBytes(sealed, sealValue(Uint8Array.of(old, 0, 0, 0))))
}

/** A stored hash. @throws {@link StoreError} `corrupt` if it has another length. */
function toBlockHash(value: Uint8Array | undefined, what: string): BlockHash | undefined {
  if (value === undefined || value.length === HASH_SIZE) return value as BlockHash | undefined
  throw new StoreError('corrupt', `the stored ${what} has another length`, { part: 'state' })
}

function decodeStoredCoin(
  outPoint: OutPoint,
  key: Uint8Array | undefined,
  sealed: Uint8Array,
): Coin {
  const record = { what: `coin ${outPointKey(outPoint)}`, part: 'state' } as const
  return decodeStored(sealed, key === undefined ? record : { ...record, key }, decodeCoin)
}
