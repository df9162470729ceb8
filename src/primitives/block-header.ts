/** @module The 80-byte block header and its codec. */

import { ByteReader, ByteWriter } from '../util/index.ts'
import { type BlockHash, HASH_SIZE, type Hash256, sha256d } from './hash.ts'

/** Size in bytes of an encoded header. */
export const HEADER_SIZE = 80

/** Where the nonce stands in an encoded header. */
export const NONCE_OFFSET = 76

/** A block header, field for field as Bitcoin has it. */
export interface BlockHeader {
  /** Signed 32-bit. */
  readonly version: number
  /** Internal order. */
  readonly prevBlockHash: BlockHash
  /** Internal order. */
  readonly merkleRoot: Hash256
  /** Unix seconds, unsigned 32-bit. */
  readonly time: number
  /** Compact target. */
  readonly bits: number
  /** Unsigned 32-bit. */
  readonly nonce: number
}

/** Encodes a header into its 80 bytes. */
export function encodeHeader(header: BlockHeader): Uint8Array {
  return new ByteWriter()
    .writeInt32(header.version)
    .writeBytes(header.prevBlockHash)
    .writeBytes(header.merkleRoot)
    .writeUint32(header.time)
    .writeUint32(header.bits)
    .writeUint32(header.nonce)
    .toBytes()
}

/** Reads a header off a reader. Throws DecodeError `unexpected-end`. */
export function readHeader(reader: ByteReader): BlockHeader {
  return {
    version: reader.readInt32(),
    prevBlockHash: reader.readBytes(HASH_SIZE) as BlockHash,
    merkleRoot: reader.readBytes(HASH_SIZE),
    time: reader.readUint32(),
    bits: reader.readUint32(),
    nonce: reader.readUint32(),
  }
}

/**
 * Decodes exactly 80 bytes.
 *
 * @throws {@link DecodeError} `unexpected-end` or `trailing-bytes`.
 */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  const reader = new ByteReader(bytes)
  const header = readHeader(reader)
  reader.expectEnd()
  return header
}

/** SHA-256d of the encoded header. */
export function computeBlockHash(header: BlockHeader): BlockHash {
  return sha256d(encodeHeader(header)) as BlockHash
}
