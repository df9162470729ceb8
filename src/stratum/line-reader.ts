/** @module Lines out of a stream of bytes. */

import { bytesToUtf8 } from '@noble/ciphers/utils.js'
import { concatBytes } from '../util/index.ts'

/** The longest line that a miner may send, in bytes. Requests are some hundred bytes long. */
export const MAX_LINE_BYTES = 16_384
const NEWLINE = 0x0a

/** Cuts a stream of bytes into lines, and keeps no more than {@link MAX_LINE_BYTES} of an unfinished one. */
export class LineReader {
  #pending: Uint8Array = new Uint8Array(0)

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
      if (this.#pending.length + rest.length > MAX_LINE_BYTES) return undefined
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
