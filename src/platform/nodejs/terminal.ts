/** @module Writing to a terminal or a pipe: whole lines, one live line, readers that go away. */

import { closeSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { isatty } from 'node:tty'

/** The part of `process.stdout` that is used. */
export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

const ESCAPE = '\u001b['
const CLEAR_LINE = `\r${ESCAPE}2K`
/** Assumed when the terminal does not say. */
const DEFAULT_COLUMNS = 80

/** Text that a terminal shows, with the style that it understands. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
}

/**
 * Chooses colours or none. `NO_COLOR`, when set and not empty, wins.
 *
 * @see https://no-color.org
 */
export function createStyle(isColored: boolean): Style {
  const wrap =
    (open: number, close: number) =>
    (text: string): string =>
      isColored ? `${ESCAPE}${open}m${text}${ESCAPE}${close}m` : text
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39), green: wrap(32, 39) }
}

/** Whether a stream shows colours. */
export function supportsColor(
  stream: TerminalStream,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && (environment['NO_COLOR'] ?? '') === ''
}

/** How the reader of an output stream went away. */
export type LostReader = 'pipe-closed' | 'terminal-gone'

/** What a write fails with then. A terminal that hung up answers EIO, on some systems ENXIO. */
const LOST_READERS: Readonly<Record<string, LostReader>> = {
  EPIPE: 'pipe-closed',
  EIO: 'terminal-gone',
  ENXIO: 'terminal-gone',
}

/** How the reader went away, if that is why a write to an output stream failed. */
export function findLostReader(error: unknown): LostReader | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return code === undefined ? undefined : LOST_READERS[code]
}

const STANDARD_FDS = [0, 1, 2]

/**
 * Closes the standard streams of a terminal that is gone when the process exits. Node.js restores the settings of
 * its terminals then, and aborts the process if that fails; it passes over a stream that is closed.
 */
function closeLostTerminalsAtExit(): void {
  const terminals = STANDARD_FDS.filter((fd) => isatty(fd))
  process.on('exit', () => {
    for (const fd of terminals) {
      try {
        if (!isatty(fd)) closeSync(fd)
      } catch {
        // Closed already.
      }
    }
  })
}

/**
 * Keeps the process from failing when the reader of standard output or standard error goes away: a pipe that is
 * closed, a terminal that is gone. Text is dropped from then on. Other errors stay errors. Call once, first.
 */
export function tolerateLostReaders(): void {
  closeLostTerminalsAtExit()
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (findLostReader(error) === undefined) throw error
    })
  }
}

/**
 * Lines, and on a terminal one live line under them that is rewritten in place. When the reader goes away nothing is
 * thrown: `onClosed` is called once and further text is dropped.
 */
export class Terminal {
  readonly #stream: TerminalStream
  #live = ''
  #isClosed = false

  constructor(stream: TerminalStream, onClosed: (how: LostReader) => void = () => {}) {
    this.#stream = stream
    stream.on('error', (error) => {
      if (this.#isClosed) return
      this.#isClosed = true
      onClosed(findLostReader(error) ?? 'pipe-closed')
    })
  }

  /** Whether a person is watching. */
  get isInteractive(): boolean {
    return this.#stream.isTTY === true
  }

  /** How long a live line may be: one less than the terminal is wide, where the cursor rests. */
  get liveColumns(): number {
    return (this.#stream.columns ?? DEFAULT_COLUMNS) - 1
  }

  /** Writes a line above the live line. */
  line(text: string): void {
    this.#write(this.#live === '' ? `${text}\n` : `${CLEAR_LINE}${text}\n${this.#live}`)
  }

  /** Replaces the live line. It is cut to the terminal's width, since a wrapped one cannot be rewritten. */
  live(text: string): void {
    if (!this.isInteractive) return
    this.#live = text.slice(0, this.liveColumns)
    this.#write(`${CLEAR_LINE}${this.#live}`)
  }

  /** Keeps what the live line shows and goes on below it. */
  endLive(): void {
    if (this.#live !== '') this.#write('\n')
    this.#live = ''
  }

  /** Resolves once everything written so far is handed to the system. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isClosed) resolve()
      else this.#stream.write('', () => resolve())
    })
  }

  #write(text: string): void {
    if (!this.#isClosed) this.#stream.write(text)
  }
}
