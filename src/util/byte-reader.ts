/** @module Reading Bitcoin's little-endian byte formats with every length checked. */

import { DecodeError } from './errors.ts'

/**
 * A cursor over bytes from outside. No method reads past the end or allocates by a length that the
 * remaining bytes cannot hold.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  /** @param bytes - Kept, not copied: values returned by {@link readBytes} are copies. */
  constructor(bytes: Uint8Array) {
    // Databases hand out subclasses whose `slice` is a view, by which one coin would keep a whole block in memory.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Position of the next byte to be read. */
  get offset(): number {
    return this.#offset
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  /** @throws {@link DecodeError} `unexpected-end` */
  readUint8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  /** @throws {@link DecodeError} `unexpected-end` */
  readUint16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  /** @throws {@link DecodeError} `unexpected-end` */
  readUint32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** @throws {@link DecodeError} `unexpected-end` */
  readInt32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  /** @throws {@link DecodeError} `unexpected-end` */
  readInt64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true)
  }

  /** @throws {@link DecodeError} `unexpected-end` */
  readUint64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true)
  }

  /**
   * Reads `size` bytes as a copy.
   *
   * @throws {@link DecodeError} `unexpected-end`
   */
  readBytes(size: number): Uint8Array {
    const start = this.#take(size)
    return this.#bytes.slice(start, start + size)
  }

  /** Passes over `size` bytes. @throws {@link DecodeError} `unexpected-end` */
  skip(size: number): void {
    this.#take(size)
  }

  /** The next byte without taking it, or undefined at the end. */
  peekUint8(ahead = 0): number | undefined {
    return this.#bytes[this.#offset + ahead]
  }

  /**
   * Reads Bitcoin's variable-length count, which must be in its shortest form.
   *
   * @param max - The largest count the caller can accept.
   * @throws {@link DecodeError} `unexpected-end`, `non-canonical` or `too-long`
   * @see Bitcoin Core `ReadCompactSize`
   */
  readCompactSize(max: number): number {
    const start = this.#offset
    const first = this.readUint8()
    let value: bigint
    if (first < 0xfd) value = BigInt(first)
    else if (first === 0xfd) value = this.#atLeast(start, BigInt(this.readUint16()), 0xfdn)
    else if (first === 0xfe) value = this.#atLeast(start, BigInt(this.readUint32()), 0x1_0000n)
    else value = this.#atLeast(start, this.readUint64(), 0x1_0000_0000n)
    if (value > BigInt(max)) throw new DecodeError('too-long', start, `${value} > ${max}`)
    return Number(value)
  }

  /**
   * Reads a count of things that take at least `minItemSize` bytes each, so that a claimed count
   * never exceeds what the remaining bytes could hold.
   *
   * @throws {@link DecodeError} as {@link readCompactSize}
   */
  readCount(minItemSize: number): number {
    const start = this.#offset
    const count = this.readCompactSize(Number.MAX_SAFE_INTEGER)
    if (count * minItemSize > this.remaining) throw new DecodeError('unexpected-end', start)
    return count
  }

  /**
   * Reads bytes that are preceded by their size.
   *
   * @throws {@link DecodeError} as {@link readCompactSize}
   */
  readVarBytes(): Uint8Array {
    return this.readBytes(this.readCount(1))
  }

  /** @throws {@link DecodeError} `trailing-bytes` if anything is left. */
  expectEnd(): void {
    if (this.remaining !== 0) throw new DecodeError('trailing-bytes', this.#offset)
  }

  #atLeast(start: number, value: bigint, min: bigint): bigint {
    if (value < min) throw new DecodeError('non-canonical', start)
    return value
  }

  #take(size: number): number {
    if (size > this.remaining) throw new DecodeError('unexpected-end', this.#offset)
    const start = this.#offset
    this.#offset += size
    return start
  }
}
