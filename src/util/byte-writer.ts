/** @module Writing Bitcoin's little-endian byte formats. */

const INITIAL_CAPACITY_BYTES = 256

/** Grows as it is written to. The mirror image of `ByteReader`. */
export class ByteWriter {
  #bytes = new Uint8Array(INITIAL_CAPACITY_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #size = 0

  /** Bytes written so far. */
  get size(): number {
    return this.#size
  }

  writeUint8(value: number): this {
    // Reserved first: growing replaces the view.
    const at = this.#reserve(1)
    this.#view.setUint8(at, value)
    return this
  }

  writeUint16(value: number): this {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value, true)
    return this
  }

  writeUint32(value: number): this {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  writeInt32(value: number): this {
    const at = this.#reserve(4)
    this.#view.setInt32(at, value, true)
    return this
  }

  writeInt64(value: bigint): this {
    const at = this.#reserve(8)
    this.#view.setBigInt64(at, value, true)
    return this
  }

  writeUint64(value: bigint): this {
    const at = this.#reserve(8)
    this.#view.setBigUint64(at, value, true)
    return this
  }

  writeBytes(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** Writes Bitcoin's variable-length count in its shortest form. */
  writeCompactSize(value: number): this {
    if (value < 0xfd) return this.writeUint8(value)
    if (value <= 0xffff) return this.writeUint8(0xfd).writeUint16(value)
    if (value <= 0xffff_ffff) return this.writeUint8(0xfe).writeUint32(value)
    return this.writeUint8(0xff).writeUint64(BigInt(value))
  }

  /** Writes bytes preceded by their size. */
  writeVarBytes(bytes: Uint8Array): this {
    return this.writeCompactSize(bytes.length).writeBytes(bytes)
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }

  #reserve(size: number): number {
    const start = this.#size
    const end = start + size
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#size = end
    return start
  }
}
