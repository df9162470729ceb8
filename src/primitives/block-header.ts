/** @module The 80-byte block header and its codec. */

import { ByteReader, ByteWriter, DecodeError } from '../util/index.ts'
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

/**
 * A header that is read out of its bytes when it is asked, for those who hold very many: they share one array
 * in place of two for each. Hashes are views of the bytes.
 */
export class PackedHeader implements BlockHeader {
  readonly #bytes: Uint8Array
  readonly #offset: number

  /** @param bytes - Hold 80 bytes of a header at `offset`, and are kept. */
  constructor(bytes: Uint8Array, offset: number) {
    if (offset + HEADER_SIZE > bytes.length) {
      throw new DecodeError('unexpected-end', offset, 'a header takes 80 bytes')
    }
    this.#bytes = bytes
    this.#offset = offset
  }

  get version(): number {
    return this.#readUint32(0) | 0
  }

  get prevBlockHash(): BlockHash {
    return this.#viewHash(4) as BlockHash
  }

  get merkleRoot(): Hash256 {
    return this.#viewHash(36)
  }

  get time(): number {
    return this.#readUint32(68)
  }

  get bits(): number {
    return this.#readUint32(72)
  }

  get nonce(): number {
    return this.#readUint32(NONCE_OFFSET)
  }

  #viewHash(at: number): Hash256 {
    const start = this.#offset + at
    return this.#bytes.subarray(start, start + HASH_SIZE)
  }

  #readUint32(at: number): number {
    const start = this.#offset + at
    let value = 0
    for (let i = 3; i >= 0; i--) value = value * 0x100 + (this.#bytes[start + i] as number)
    return value
  }
}

/** SHA-256d of the encoded header. */
export function computeBlockHash(header: BlockHeader): BlockHash {
  return sha256d(encodeHeader(header)) as BlockHash
}
