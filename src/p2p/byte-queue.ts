/** @module Bytes in, bytes out, in one piece of memory. */

const INITIAL_CAPACITY = 1_024

/**
 * Collects chunks of any size and hands out exact ones.
 *
 * A list of chunks would copy less, but a hostile sender picks the chunks: megabytes in pieces of one
 * byte would cost a hundred times their size.
 */
export class ByteQueue {
  #bytes = new Uint8Array(INITIAL_CAPACITY)
  #start = 0
  #end = 0

  /** How many bytes are held. */
  get size(): number {
    return this.#end - this.#start
  }

  /** Adds a copy of the chunk. */
  append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) this.#makeRoom(chunk.length)
    this.#bytes.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /** The byte at a position, or undefined if it is not there yet. */
  peek(index: number): number | undefined {
    return index < this.size ? this.#bytes[this.#start + index] : undefined
  }

  /** Takes the first `size` bytes as a copy; the caller knows that they are there. */
  take(size: number): Uint8Array {
    const taken = this.#bytes.slice(this.#start, this.#start + size)
    this.#start += taken.length
    if (this.#start === this.#end) {
      this.#start = 0
      this.#end = 0
    }
    return taken
  }

  #makeRoom(extra: number): void {
    const held = this.#bytes.subarray(this.#start, this.#end)
    const needed = held.length + extra
    const target =
      needed <= this.#bytes.length
        ? this.#bytes
        : new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    target.set(held)
    this.#bytes = target
    this.#start = 0
    this.#end = held.length
  }
}
