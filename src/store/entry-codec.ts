/** @module Entries of the block tree as stored bytes. */

import type { EntryValidity, StoredEntry } from '../chain/index.ts'
import {
  type BlockHash,
  type BlockHeader,
  encodeHeader,
  HASH_SIZE,
  HEADER_SIZE,
  PackedHeader,
  readHeader,
} from '../primitives/index.ts'
import { ByteReader, ByteWriter, DecodeError } from '../util/index.ts'

/** Order is the stored number: append only. */
const VALIDITIES: readonly EntryValidity[] = ['header', 'connected', 'failed', 'failed-child']
const HAS_BODY = 1
const WAS_CONNECTED = 2

/**
 * Encodes an entry: header (80), height (4), validity (1), flags (1), transactions (4), sequence (8),
 * first seen in milliseconds (8).
 */
export function encodeEntry(entry: StoredEntry): Uint8Array {
  return writeEntry(new ByteWriter(), entry).toBytes()
}

/** Encodes entries, each with its hash (32) before it. */
export function encodePage(entries: readonly StoredEntry[]): Uint8Array {
  const writer = new ByteWriter()
  for (const entry of entries) writeEntry(writer.writeBytes(entry.hash), entry)
  return writer.toBytes()
}

function writeEntry(writer: ByteWriter, entry: StoredEntry): ByteWriter {
  return writer
    .writeBytes(encodeHeader(entry.header))
    .writeUint32(entry.height)
    .writeUint8(VALIDITIES.indexOf(entry.validity))
    .writeUint8((entry.hasBody ? HAS_BODY : 0) | (entry.wasConnected ? WAS_CONNECTED : 0))
    .writeUint32(entry.transactionCount)
    .writeUint64(BigInt(entry.sequence))
    .writeUint64(BigInt(Math.trunc(entry.firstSeenMs)))
}

/**
 * Decodes an entry.
 *
 * @param hash - From the record's key.
 * @throws {@link DecodeError} for bytes that are not an entry.
 */
export function decodeEntry(hash: BlockHash, bytes: Uint8Array): StoredEntry {
  const reader = new ByteReader(bytes)
  const entry = readEntry(reader, hash, readHeader(reader))
  reader.expectEnd()
  return entry
}

/**
 * Decodes what {@link encodePage} made.
 *
 * @param bytes - Kept: hashes and headers are views of them.
 * @throws {@link DecodeError} for other bytes.
 */
export function decodePage(bytes: Uint8Array): readonly StoredEntry[] {
  // Not what the database handed out, which may be a subclass that its views would be of.
  const page = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const reader = new ByteReader(page)
  const entries: StoredEntry[] = []
  while (reader.remaining > 0) {
    const start = reader.offset
    reader.skip(HASH_SIZE + HEADER_SIZE)
    const hash = page.subarray(start, start + HASH_SIZE) as BlockHash
    entries.push(readEntry(reader, hash, new PackedHeader(page, start + HASH_SIZE)))
  }
  return entries
}

/** Reads what follows the header. */
function readEntry(reader: ByteReader, hash: BlockHash, header: BlockHeader): StoredEntry {
  const height = reader.readUint32()
  const validity = VALIDITIES[reader.readUint8()]
  if (validity === undefined) throw new DecodeError('bad-value', reader.offset, 'unknown validity')
  const flags = reader.readUint8()
  return {
    hash,
    header,
    height,
    validity,
    // Records from before the flag existed say it by their validity alone.
    wasConnected: (flags & WAS_CONNECTED) !== 0 || validity === 'connected',
    hasBody: (flags & HAS_BODY) !== 0,
    transactionCount: reader.readUint32(),
    sequence: Number(reader.readUint64()),
    firstSeenMs: Number(reader.readUint64()),
  }
}
