/**
 * Length-prefixed frames over a libp2p stream, with bounds and back-pressure.
 *
 * libp2p's own `lpStream` reads ahead without limit but its buffer's, and cuts the stream when a fast
 * sender meets a slow reader; a whole download would have to fit. Here a full buffer pauses the
 * sender instead, and a writer waits until its frame is out before it is given the next one.
 *
 * @module
 */

import type { Stream } from '@libp2p/interface'
import { type Clock, concatBytes, DecodeError } from '../util/index.ts'
import { ByteQueue } from './byte-queue.ts'
import { orAborted, withDeadline } from './deadline.ts'
import { Deferred } from './deferred.ts'
import { CLOSE_TIMEOUT_MS } from './limits.ts'
import { P2pError, toP2pError } from './p2p-error.ts'

/** The longest length prefix: four groups of seven bits, far above any frame's limit. */
const MAX_PREFIX_SIZE = 4
/** Frames of no more bytes together are copied into one piece. */
const MAX_JOINED_SIZE = 65_536

/** Told of every byte of ours that is sent or received. */
export interface TrafficCounter {
  onSent(size: number): void
  onReceived(size: number): void
}

/** One of our streams. Reads and writes are not to overlap with others of their kind. */
export class FrameStream {
  readonly #stream: Stream
  readonly #maxFrameSize: number
  #traffic: TrafficCounter | undefined
  /** Bytes that came before anybody counted. */
  #uncounted = 0
  readonly #buffer = new ByteQueue()
  #hasEnded: boolean
  #error: unknown
  #wake = new Deferred<void>()

  /** @param maxFrameSize - The largest frame to be read, in bytes. */
  constructor(stream: Stream, maxFrameSize: number, traffic?: TrafficCounter) {
    this.#stream = stream
    this.#maxFrameSize = maxFrameSize
    this.#traffic = traffic
    this.#hasEnded = stream.remoteWriteStatus === 'closed' || stream.status !== 'open'
    stream.addEventListener('message', (event) => this.#onData(event.data.subarray()))
    stream.addEventListener('remoteCloseWrite', () => this.#onEnd(undefined))
    stream.addEventListener('close', (event) => this.#onEnd(event.error))
  }

  /**
   * Reads the next frame, or undefined if the other side has ended the stream between frames.
   *
   * @throws {@link DecodeError} `too-long` before anything is allocated for it
   * @throws {@link P2pError} `stream-failed`, or the signal's reason
   */
  async read(signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.takeReceived()
      if (frame !== undefined) return frame
      if (!(await this.#waitForData(signal))) return undefined
    }
  }

  /**
   * The next frame if the whole of it is here, without waiting.
   *
   * @throws {@link DecodeError} `too-long`
   */
  takeReceived(): Uint8Array | undefined {
    const prefix = this.#readPrefix()
    if (prefix === undefined || this.#buffer.size < prefix.size + prefix.frameSize) return undefined
    this.#buffer.take(prefix.size)
    return this.#buffer.take(prefix.frameSize)
  }

  /**
   * Writes frames; settles once the other side's window has taken all of them. Each piece that is sent is a message
   * of the muxer, encrypted and acknowledged by itself, so what is small is sent as one.
   *
   * @throws {@link P2pError} `stream-failed`, or the signal's reason
   */
  async write(frames: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const pieces = frames.flatMap((frame) => [encodePrefix(frame.length), frame])
    const size = frames.reduce((sum, frame) => sum + frame.length, 0)
    try {
      if (size <= MAX_JOINED_SIZE) this.#stream.send(concatBytes(...pieces))
      else for (const piece of pieces) this.#stream.send(piece)
      await orAborted(this.#drained(), signal)
    } catch (error) {
      throw toP2pError('stream-failed', 'could not write', error)
    }
    this.#traffic?.onSent(size)
  }

  /** Counts for `traffic` from now on, and what has come until now: for streams whose message has to be read first. */
  countInto(traffic: TrafficCounter): void {
    this.#traffic = traffic
    traffic.onReceived(this.#uncounted)
    this.#uncounted = 0
  }

  /** Says that nothing more will be written. */
  async end(signal: AbortSignal): Promise<void> {
    try {
      await this.#stream.close({ signal })
    } catch (error) {
      throw toP2pError('stream-failed', 'could not close', error)
    }
  }

  /**
   * Leaves a stream from which all has been read: the other side has a moment to end it, then it is
   * dropped. A stream that stays open would count against the limit for ever.
   */
  settle(clock: Clock, stopping: AbortSignal): void {
    withDeadline(clock, CLOSE_TIMEOUT_MS, [stopping], async (signal) => {
      const extra = await this.read(signal)
      if (extra !== undefined) throw new P2pError('stream-failed', 'more frames than expected')
    }).catch((error: unknown) => this.abort(error))
  }

  /** Drops the stream in both directions; idempotent, and harmless once it is closed. */
  abort(error: unknown): void {
    this.#stream.abort(toP2pError('stream-failed', 'stream dropped', error))
  }

  #onData(data: Uint8Array): void {
    this.#buffer.append(data)
    if (this.#traffic === undefined) this.#uncounted += data.length
    else this.#traffic.onReceived(data.length)
    if (this.#buffer.size > this.#maxFrameSize + MAX_PREFIX_SIZE) this.#onFull()
    this.#notify()
  }

  /** A whole frame is here and more comes in. */
  #onFull(): void {
    if (this.#stream.direction === 'inbound') {
      // Whoever asks sends one frame and waits. (Pausing a stream that has not answered yet would also
      // make js-libp2p's yamux forget to acknowledge it.)
      this.abort(new DecodeError('too-long', 0, 'more than one request'))
    } else if (this.#stream.readStatus === 'readable') {
      this.#stream.pause()
    }
  }

  #onEnd(error: unknown): void {
    this.#hasEnded = true
    this.#error ??= error
    this.#notify()
  }

  #notify(): void {
    const waiting = this.#wake
    this.#wake = new Deferred()
    waiting.resolve()
  }

  /** Waits for more; false if the stream has ended cleanly. */
  async #waitForData(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    if (this.#stream.readStatus === 'paused') {
      // Hands over what has piled up in the stream, so look again before waiting.
      const before = this.#buffer.size
      this.#stream.resume()
      if (this.#buffer.size > before) return true
    }
    if (this.#hasEnded) {
      if (this.#error !== undefined) throw toP2pError('stream-failed', 'stream cut', this.#error)
      if (this.#buffer.size > 0) throw new P2pError('stream-failed', 'ended inside a frame')
      return false
    }
    await orAborted(this.#wake.promise, signal)
    return true
  }

  #readPrefix(): { readonly size: number; readonly frameSize: number } | undefined {
    let frameSize = 0
    for (let index = 0; index < MAX_PREFIX_SIZE; index++) {
      const byte = this.#buffer.peek(index)
      if (byte === undefined) return undefined
      frameSize |= (byte & 0x7f) << (7 * index)
      if (byte < 0x80) {
        if (frameSize > this.#maxFrameSize) {
          throw new DecodeError('too-long', 0, `frame of ${frameSize} bytes`)
        }
        return { size: index + 1, frameSize }
      }
    }
    throw new DecodeError('too-long', 0, 'length prefix')
  }

  /** Settles when everything written has left the stream's buffer. */
  #drained(): Promise<void> {
    const stream = this.#stream
    if (stream.writeBufferLength === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => (): void => {
        stream.removeEventListener('idle', onIdle)
        stream.removeEventListener('close', onClose)
        action()
      }
      const fail = (): void => reject(new P2pError('stream-failed', 'closed while writing'))
      // A stream that is cut throws its buffer away and is idle then, too.
      const onIdle = settle(() => (stream.writeStatus === 'closed' ? fail() : resolve()))
      const onClose = settle(fail)
      stream.addEventListener('idle', onIdle)
      stream.addEventListener('close', onClose)
    })
  }
}

function encodePrefix(size: number): Uint8Array {
  const bytes: number[] = []
  let rest = size
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
