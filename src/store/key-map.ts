/**
 * Every key of both databases. Nothing outside `store/` knows one.
 *
 * | database | sublevel  | key                         | value                                    |
 * |----------|-----------|-----------------------------|------------------------------------------|
 * | blocks   | `body`    | block hash (32)             | encoded block                            |
 * | blocks   | `undo`    | block hash (32)             | encoded undo data                        |
 * | blocks   | `meta`    | `sync`                      | empty; written to force a sync           |
 * | state    | `header`  | height (4, BE), hash (32)   | stored entry, see `entry-codec.ts`       |
 * | state    | `coin`    | txid (32), vout (4, BE)     | encoded coin                             |
 * | state    | `meta`    | `schema`, `chain`, `tip`    | version (4, LE); chain id, ASCII (8); hash (32) |
 *
 * Hashes stand in internal order. Heights are big-endian so that keys sort by height: parents come
 * before children. Every value ends in the CRC-32C of what precedes it. The height map of the active
 * chain is not stored: it follows from the tip and the headers.
 *
 * Retired: `genesis` in `meta`, of schema 1. A retired name is never used again.
 *
 * @module
 */

import { type BlockHash, HASH_SIZE, type OutPoint } from '../primitives/index.ts'
import { ByteWriter } from '../util/index.ts'

/** Version of this map. History: 1, the first; 2 is bound to the whole chain spec, not only to its genesis. */
export const SCHEMA_VERSION = 2

/** Names of sublevels. */
export const SUBLEVELS = {
  body: 'body',
  undo: 'undo',
  header: 'header',
  coin: 'coin',
  meta: 'meta',
} as const

/** Keys within `meta`, as ASCII bytes. */
export const META_KEYS = {
  schema: asciiKey('schema'),
  chain: asciiKey('chain'),
  tip: asciiKey('tip'),
  sync: asciiKey('sync'),
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

/** Key of an entry of the block tree. */
export function headerKey(height: number, hash: BlockHash): Uint8Array {
  return new ByteWriter().writeBytes(bigEndian(height)).writeBytes(hash).toBytes()
}

/** The hash within a key that {@link headerKey} made. */
export function hashOfHeaderKey(key: Uint8Array): BlockHash {
  return key.slice(HEIGHT_SIZE, HEIGHT_SIZE + HASH_SIZE) as BlockHash
}

/** Key of a coin. */
export function coinKey(outPoint: OutPoint): Uint8Array {
  return new ByteWriter().writeBytes(outPoint.txid).writeBytes(bigEndian(outPoint.vout)).toBytes()
}
