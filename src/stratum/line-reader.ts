/** @module Lines out of a stream of bytes. */

import { bytesToUtf8 } from '@noble/ciphers/utils.js'
import { concatBytes } from '../util/index.ts'

/** The longest line that a miner may send, in bytes. Requests are some hundred bytes long. */
export const MAX_LINE_BYTES = 16_384
const NEWLINE = 0x0a

/** The longest line that a pool may send: a job with a coinbase of many outputs has some ten thousand digits. */
export const MAX_POOL_LINE_BYTES = 65_536

/** Cuts a stream of bytes into lines, and keeps no more of an unfinished one than a line may have. */
export class LineReader {
  readonly #maxBytes: number
  #pending: Uint8Array = new Uint8Array(0)

  /** @param maxBytes - The longest line. */
  constructor(maxBytes = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns The lines that these bytes complete, without their ends; nothing if a line is too long, after which the
   * stream is of no more use.
   */
  push(chunk: Uint8Array): readonly string[] | undefined {
    const lines: string[] = []
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      const rest = end === -1 ? chunk.subarray(start) : chunk.subarray(start, end)
      if (this.#pending.length + rest.length > this.#maxBytes) return undefined
      if (end === -1) {
        // A copy: the caller may use its buffer again.
        if (rest.length > 0) this.#pending = concatBytes(this.#pending, rest)
        return lines
      }
      const line = this.#pending.length === 0 ? rest : concatBytes(this.#pending, rest)
      this.#pending = new Uint8Array(0)
      lines.push(bytesToUtf8(line))
      start = end + 1
    }
  }
}
