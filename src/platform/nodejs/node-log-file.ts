/** @module The log of a child process: whole lines into a bounded file, the last few kept in memory. */

import { appendFileSync, renameSync, statSync } from 'node:fs'

/** A log grows to this size, then it becomes `node.log.1` and a new one begins. */
export const MAX_LOG_FILE_BYTES = 8_388_608
/** A line that does not end is cut here. */
const MAX_LINE_LENGTH = 65_536
/** Enough to see why a process ended. */
const TAIL_LINES = 20
const MAX_TAIL_LINE_LENGTH = 1_000

function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** A log file that is appended to. A full disk loses lines, never the writer. */
export class NodeLogFile {
  readonly path: string
  readonly #maxBytes: number
  readonly #tail: string[] = []
  #size: number
  #partial = ''

  constructor(path: string, maxBytes = MAX_LOG_FILE_BYTES) {
    this.path = path
    this.#maxBytes = maxBytes
    this.#size = fileSize(path)
  }

  /** The last lines, oldest first. */
  get tail(): readonly string[] {
    return [...this.#tail]
  }

  /** Takes text in any pieces. */
  write(text: string): void {
    const lines = `${this.#partial}${text}`.split('\n')
    this.#partial = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH)
    if (lines.length > 0) this.#append(lines)
  }

  /** Writes a last line that has no end. */
  end(): void {
    if (this.#partial !== '') this.#append([this.#partial])
    this.#partial = ''
  }

  #append(lines: readonly string[]): void {
    for (const line of lines) this.#tail.push(line.slice(0, MAX_TAIL_LINE_LENGTH))
    this.#tail.splice(0, Math.max(0, this.#tail.length - TAIL_LINES))
    const text = `${lines.join('\n')}\n`
    const size = Buffer.byteLength(text)
    try {
      if (this.#size > 0 && this.#size + size > this.#maxBytes) {
        renameSync(this.path, `${this.path}.1`)
        this.#size = 0
      }
      appendFileSync(this.path, text, { mode: 0o600 })
      this.#size += size
    } catch {
      // The node matters more than its log; the tail is still there.
    }
  }
}
