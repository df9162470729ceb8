/**
 * Files of blocks as Bitcoin Core writes them (`blk*.dat`, `bootstrap.dat`): before each block four magic bytes and
 * its size (4, little-endian); between blocks any number of zero bytes.
 *
 * @module
 */

import { type FileHandle, open } from 'node:fs/promises'
import { HEADER_SIZE } from '../../primitives/index.ts'
import { concatBytes, encodeHex, equalBytes } from '../../util/index.ts'

const MAGIC_SIZE = 4
const RECORD_HEAD_SIZE = 8
/** The largest block, by its weight. @see Bitcoin Core `MAX_BLOCK_SERIALIZED_SIZE` */
const MAX_BLOCK_SIZE = 4_000_000
/** A header and a count. */
const MIN_BLOCK_SIZE = HEADER_SIZE + 1
const CHUNK_SIZE = 1_048_576

/** What is wrong with a block file. */
export type BlockFileErrorCode =
  | 'unreadable'
  | 'wrong-magic'
  | 'bad-length'
  | 'truncated'
  | 'bad-block'

/** A block file cannot be used. The message names the file, the place in it and the cure. */
export class BlockFileError extends Error {
  override readonly name = 'BlockFileError'
  readonly code: BlockFileErrorCode

  constructor(code: BlockFileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A block in a file. */
export interface BlockRecord {
  /** Where its magic bytes are. */
  readonly offset: number
  /** Where the next record may begin. */
  readonly end: number
  /** The encoded block, not looked at yet. */
  readonly bytes: Uint8Array
}

/** A block as it stands in a file. */
export function encodeBlockRecord(magic: Uint8Array, bytes: Uint8Array): Uint8Array {
  const size = new Uint8Array(RECORD_HEAD_SIZE - MAGIC_SIZE)
  new DataView(size.buffer).setUint32(0, bytes.length, true)
  return concatBytes(magic, size, bytes)
}

/** Reads a file from its beginning to its end, never more than a chunk ahead. */
class FileCursor {
  readonly #file: FileHandle
  #chunk = new Uint8Array(0)
  /** Of the first byte in the chunk that is not taken. */
  #at = 0
  offset = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Goes to the next byte that is not zero, or to the end. */
  async skipZeros(): Promise<void> {
    do {
      const start = this.#at
      while (this.#chunk[this.#at] === 0) this.#at += 1
      this.offset += this.#at - start
      if (this.#at < this.#chunk.length) return
      await this.#read(1)
    } while (this.#chunk.length > 0)
  }

  /** The next bytes, fewer at the end. */
  async take(size: number): Promise<Uint8Array> {
    if (this.#chunk.length - this.#at < size) await this.#read(size)
    const bytes = this.#chunk.slice(this.#at, this.#at + size)
    this.#at += bytes.length
    this.offset += bytes.length
    return bytes
  }

  /** Puts at least so many bytes into the chunk, if the file has them. */
  async #read(size: number): Promise<void> {
    const left = this.#chunk.subarray(this.#at)
    const chunk = new Uint8Array(Math.max(size, CHUNK_SIZE))
    chunk.set(left)
    let length = left.length
    while (length < chunk.length) {
      const { bytesRead } = await this.#file.read(chunk, length, chunk.length - length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    this.#chunk = chunk.subarray(0, length)
    this.#at = 0
  }
}

/** @returns Undefined at the end of the file. */
async function readRecord(
  cursor: FileCursor,
  path: string,
  magic: Uint8Array,
): Promise<BlockRecord | undefined> {
  await cursor.skipZeros()
  const { offset } = cursor
  const head = await cursor.take(RECORD_HEAD_SIZE)
  if (head.length === 0) return undefined
  const place = `${path}, byte ${offset}`
  const cut = (): BlockFileError =>
    new BlockFileError('truncated', `${place}: the file ends inside a block. Copy it again.`)
  if (head.length < RECORD_HEAD_SIZE) throw cut()
  const found = head.subarray(0, MAGIC_SIZE)
  if (!equalBytes(found, magic)) {
    throw new BlockFileError(
      'wrong-magic',
      `${place}: expected the magic bytes ${encodeHex(magic)}, found ${encodeHex(found)}. The file is of another chain (--chain), damaged, or scrambled with the key in Bitcoin Core's xor.dat.`,
    )
  }
  const size = new DataView(head.buffer, head.byteOffset).getUint32(MAGIC_SIZE, true)
  if (size < MIN_BLOCK_SIZE || size > MAX_BLOCK_SIZE) {
    throw new BlockFileError('bad-length', `${place}: no block has ${size} bytes.`)
  }
  const bytes = await cursor.take(size)
  if (bytes.length < size) throw cut()
  return { offset, end: cursor.offset, bytes }
}

/**
 * Reads a block file, one block at a time.
 *
 * @param magic - Of the chain: {@link computeNetworkMagic}.
 * @throws {@link BlockFileError} `unreadable`, `wrong-magic`, `bad-length` or `truncated`.
 */
export async function* readBlockFile(
  path: string,
  magic: Uint8Array,
): AsyncGenerator<BlockRecord, void> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new BlockFileError('unreadable', `${path} cannot be read: ${reason}.`, { cause: error })
  }
  try {
    const cursor = new FileCursor(file)
    for (;;) {
      const record = await readRecord(cursor, path, magic)
      if (record === undefined) return
      yield record
    }
  } finally {
    await file.close()
  }
}
