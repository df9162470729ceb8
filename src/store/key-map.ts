/**
 * Every key of the three databases. Nothing outside `store/` knows one.
 *
 * | database | sublevel  | key                         | value                                    |
 * |----------|-----------|-----------------------------|------------------------------------------|
 * | blocks   | `body`    | block hash (32)             | encoded block                            |
 * | blocks   | `undo`    | block hash (32)             | encoded undo data                        |
 * | blocks   | `meta`    | `sync`, `damage`            | empty: written to force a sync; the state has to be rebuilt |
 * | blocks   | `meta`    | `closed`                    | number of the last batch (6, BE) when the store was closed; gone once it is used again |
 * | state    | `header`  | height (4, BE), hash (32)   | stored entry, see `entry-codec.ts`       |
 * | state    | `page`    | number (4, BE)              | stored entries of 1,024 heights, see `header-store.ts` |
 * | state    | `coin`    | txid (32), vout (4, BE)     | encoded coin                             |
 * | state    | `txindex` | txid (32)                   | hash of the block of the active chain (32) |
 * | state    | `journal` | number of a batch (6, BE)   | its size in bytes (4, LE), see `batch-journal.ts` |
 * | state    | `meta`    | `schema`                    | version (4, LE)                          |
 * | state    | `meta`    | `chain`                     | chain id, ASCII (8)                      |
 * | state    | `meta`    | `tip`                       | hash (32), MuHash of all coins (384)     |
 * | state    | `meta`    | `txindex`                   | hash of the block that `txindex` reaches (32) |
 * | node     | `ban`     | see `p2p/ban-list.ts`       | a ban                                    |
 * | node     | `address` | see `p2p/address-book.ts`   | an address, or the secret of the book    |
 * | node     | `mempool` | see `mempool/mempool-store.ts` | a transaction that waited at the last stop, or a fee delta |
 * | node     | `anchor`  | see `p2p/outbound.ts`       | a multiaddr to dial at the next start    |
 *
 * Hashes stand in internal order. Heights are big-endian so that keys sort by height: parents come
 * before children. An entry in `header` wins over one in a `page`. Every value but those of `meta` in `blocks` ends in a CRC-32C: in `blocks` of what precedes it, in
 * `state` and
 * `node` of the key and what precedes it. A damaged record of `node` is as good as absent. The height map of the active chain is not stored: it follows from the tip
 * and the headers. An index of transactions that is off is absent, or stays at the block that it reached.
 *
 * Retired: `genesis` in `meta`, of schema 1. A retired name is never used again.
 *
 * @module
 */

import { type BlockHash, HASH_SIZE, type OutPoint } from '../primitives/index.ts'
import { ByteWriter } from '../util/index.ts'

/**
 * Version of this map. History: 1, the first; 2 is bound to the whole chain spec, not only to its genesis; 3 has a
 * hash of all coins, a journal, and checksums over keys; 4 has pages. Of 1 and 2 the bodies are kept, and the state is
 * rebuilt from them; 3 is read as it is.
 */
export const SCHEMA_VERSION = 4

/** The version before, of which nothing but the number has to be changed. */
export const PAGELESS_SCHEMA_VERSION = 3

/** Names of sublevels. */
export const SUBLEVELS = {
  body: 'body',
  undo: 'undo',
  header: 'header',
  page: 'page',
  coin: 'coin',
  txindex: 'txindex',
  journal: 'journal',
  meta: 'meta',
} as const

/** Names of sublevels of the database `node`: one for each part that keeps something there. */
export const NODE_SUBLEVELS = ['ban', 'address', 'anchor', 'mempool', 'wallet'] as const

/** Keys within `meta`, as ASCII bytes. */
export const META_KEYS = {
  schema: asciiKey('schema'),
  chain: asciiKey('chain'),
  tip: asciiKey('tip'),
  txindex: asciiKey('txindex'),
  sync: asciiKey('sync'),
  damage: asciiKey('damage'),
  closed: asciiKey('closed'),
} as const

function asciiKey(name: string): Uint8Array {
  return Uint8Array.from(name, (char) => char.charCodeAt(0))
}

const HEIGHT_SIZE = 4

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(HEIGHT_SIZE)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

function readBigEndian(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset)
}

/** Not `slice`, which makes no copy of a Buffer: each hash would keep its key alive, outside of the heap. */
function copyHash(key: Uint8Array, start: number): Uint8Array {
  const hash = new Uint8Array(HASH_SIZE)
  for (let i = 0; i < HASH_SIZE; i++) hash[i] = key[start + i] as number
  return hash
}

/** Key of an entry of the block tree. */
export function headerKey(height: number, hash: BlockHash): Uint8Array {
  return new ByteWriter().writeBytes(bigEndian(height)).writeBytes(hash).toBytes()
}

/** What keys of entries at a height begin with; so none of them comes before it. */
export function heightPrefix(height: number): Uint8Array {
  return bigEndian(height)
}

/** The height within a key that {@link headerKey} made. */
export function heightOfHeaderKey(key: Uint8Array): number {
  return readBigEndian(key, 0)
}

/** Key of a page of entries. */
export function pageKey(number: number): Uint8Array {
  return bigEndian(number)
}

/** The number within a key that {@link pageKey} made. */
export function numberOfPageKey(key: Uint8Array): number {
  return readBigEndian(key, 0)
}

/** The hash within a key that {@link headerKey} made. */
export function hashOfHeaderKey(key: Uint8Array): BlockHash {
  return copyHash(key, HEIGHT_SIZE) as BlockHash
}

/** Key of a coin. */
export function coinKey(outPoint: OutPoint): Uint8Array {
  return new ByteWriter().writeBytes(outPoint.txid).writeBytes(bigEndian(outPoint.vout)).toBytes()
}

/** The outpoint within a key that {@link coinKey} made. */
export function outPointOfCoinKey(key: Uint8Array): OutPoint {
  return { txid: copyHash(key, 0) as OutPoint['txid'], vout: readBigEndian(key, HASH_SIZE) }
}

const JOURNAL_KEY_SIZE = 6
/** What the upper two bytes of a number of a batch count. */
const JOURNAL_HIGH_UNIT = 0x1_0000_0000

/** Key of a batch in the journal. */
export function journalKey(sequence: number): Uint8Array {
  const key = new Uint8Array(JOURNAL_KEY_SIZE)
  const view = new DataView(key.buffer)
  view.setUint16(0, Math.floor(sequence / JOURNAL_HIGH_UNIT))
  view.setUint32(2, sequence % JOURNAL_HIGH_UNIT)
  return key
}

/** The number within a key that {@link journalKey} made. */
export function sequenceOfJournalKey(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  return view.getUint16(0) * JOURNAL_HIGH_UNIT + view.getUint32(2)
}
