/**
 * @module Entries of the block tree: the newest one to a record, those deeply buried a thousand to a record.
 *
 * A start reads all of them. From one record each, a hundred thousand take longer than all the rest of a start: the
 * engine makes two buffers for each, and the collector follows every one. A buried entry hardly ever changes; when it
 * does it gets a record of its own again, which wins over the page.
 */

import type { StoredEntry } from '../chain/index.ts'
import { toDisplayHex } from '../primitives/index.ts'
import { attempt, decodeStored } from './attempt.ts'
import {
  type ByteDatabase,
  type ByteSublevel,
  putSealed,
  type StateOperation,
  sublevel,
} from './databases.ts'
import { decodeEntry, decodePage, encodeEntry, encodePage } from './entry-codec.ts'
import {
  hashOfHeaderKey,
  headerKey,
  heightOfHeaderKey,
  heightPrefix,
  numberOfPageKey,
  pageKey,
  SUBLEVELS,
} from './key-map.ts'

/** Heights that share a page. */
const PAGE_HEIGHTS = 1_024
/** A page is written once so many of its entries have records of their own. */
const MIN_LOOSE_ENTRIES = 256
/** Records of single entries that are read at a time. */
const ENTRIES_PER_READ = 1_000
/** Pages that are read at a time: some megabytes. */
const PAGES_PER_READ = 16
/** The engine reads ahead; with its default of 16 KB there would be thousands of turns. */
const READ_AHEAD = { highWaterMarkBytes: 4 * 1_048_576 } as object

/** Entries of the heights that share a page. */
interface PageEntries {
  readonly number: number
  readonly entries: readonly StoredEntry[]
}

/** Writes no batch itself: what it wants written is for the caller to write in one step. */
export class HeaderStore {
  readonly #header: ByteSublevel
  readonly #page: ByteSublevel
  /** How many entries of a page's heights have records of their own; too many where one was written twice. */
  readonly #loose = new Map<number, number>()

  constructor(state: ByteDatabase) {
    this.#header = sublevel(state, SUBLEVELS.header)
    this.#page = sublevel(state, SUBLEVELS.page)
  }

  /**
   * Every entry, parents before children.
   *
   * @throws {@link StoreError} `corrupt` or `io`.
   */
  async *readAll(): AsyncIterable<readonly StoredEntry[]> {
    this.#loose.clear()
    const pages = this.#readPages()[Symbol.asyncIterator]()
    let page = await pages.next()
    for await (const loose of this.#readLoose()) {
      this.#loose.set(loose.number, loose.entries.length)
      for (; page.done !== true && page.value.number < loose.number; page = await pages.next()) {
        yield page.value.entries
      }
      if (page.done !== true && page.value.number === loose.number) {
        yield merge(page.value.entries, loose.entries)
        page = await pages.next()
      } else yield loose.entries
    }
    for (; page.done !== true; page = await pages.next()) yield page.value.entries
  }

  /** What writes an entry. */
  put(entry: StoredEntry): StateOperation {
    const number = pageNumber(entry.height)
    this.#loose.set(number, (this.#loose.get(number) ?? 0) + 1)
    return putSealed(this.#header, headerKey(entry.height, entry.hash), encodeEntry(entry))
  }

  /** The numbers of the pages up to a height that are worth being written. */
  findDue(height: number): readonly number[] {
    const end = pageNumber(height + 1)
    return [...this.#loose]
      .filter(([number, count]) => number < end && count >= MIN_LOOSE_ENTRIES)
      .map(([number]) => number)
  }

  /**
   * What moves single entries into a page. None of its entries may be written before that is.
   *
   * @throws {@link StoreError} `corrupt` or `io`.
   */
  async pack(number: number): Promise<readonly StateOperation[]> {
    const first = number * PAGE_HEIGHTS
    const range = { gte: heightPrefix(first), lt: heightPrefix(first + PAGE_HEIGHTS) }
    const records = await attempt('read headers', 'state', () => this.#header.iterator(range).all())
    const key = pageKey(number)
    const sealed = await attempt('read headers', 'state', () => this.#page.get(key))
    const packed = sealed === undefined ? [] : decodeStoredPage(key, sealed).entries
    const entries = merge(packed, records.map(decodeRecord))
    this.#loose.delete(number)
    return [
      putSealed(this.#page, key, encodePage(entries)),
      ...records.map(([record]) => ({ type: 'del', sublevel: this.#header, key: record }) as const),
    ]
  }

  /** Entries with records of their own, by the page that they would be in. */
  async *#readLoose(): AsyncIterable<PageEntries> {
    let number = 0
    let entries: StoredEntry[] = []
    for await (const records of this.#read(this.#header, ENTRIES_PER_READ)) {
      for (const record of records) {
        const next = pageNumber(heightOfHeaderKey(record[0]))
        if (next !== number && entries.length > 0) {
          yield { number, entries }
          entries = []
        }
        number = next
        entries.push(decodeRecord(record))
      }
    }
    if (entries.length > 0) yield { number, entries }
  }

  async *#readPages(): AsyncGenerator<PageEntries> {
    for await (const records of this.#read(this.#page, PAGES_PER_READ)) {
      for (const [key, sealed] of records) yield decodeStoredPage(key, sealed)
    }
  }

  /** Many records at a time: a promise for each would take as long as all the rest. */
  async *#read(level: ByteSublevel, count: number): AsyncIterable<readonly StoredRecord[]> {
    const iterator = level.iterator(READ_AHEAD)
    try {
      for (;;) {
        const records = await attempt('read headers', 'state', () => iterator.nextv(count))
        if (records.length === 0) return
        yield records
      }
    } finally {
      await iterator.close()
    }
  }
}

type StoredRecord = readonly [key: Uint8Array, sealed: Uint8Array]

function pageNumber(height: number): number {
  return Math.floor(height / PAGE_HEIGHTS)
}

function decodeRecord([key, sealed]: StoredRecord): StoredEntry {
  const hash = hashOfHeaderKey(key)
  return decodeStored(sealed, { what: 'header', part: 'state', key }, (bytes) =>
    decodeEntry(hash, bytes),
  )
}

function decodeStoredPage(key: Uint8Array, sealed: Uint8Array): PageEntries {
  const what = 'page of headers'
  const entries = decodeStored(sealed, { what, part: 'state', key }, decodePage)
  return { number: numberOfPageKey(key), entries }
}

/** Entries of a page with those that were written after it, by height. */
function merge(
  packed: readonly StoredEntry[],
  newer: readonly StoredEntry[],
): readonly StoredEntry[] {
  if (packed.length === 0) return newer
  const byHash = new Map(packed.map((entry) => [toDisplayHex(entry.hash), entry]))
  for (const entry of newer) byHash.set(toDisplayHex(entry.hash), entry)
  return [...byHash.values()].sort((a, b) => a.height - b.height)
}
