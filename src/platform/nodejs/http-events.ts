/** @module Readers of events over HTTP: WebSockets, and server-sent events. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  EventFeed,
  type EventLog,
  EventSession,
  type EventWish,
  encodeEvent,
  type NodeEvent,
  type RpcCall,
} from '../../rpc/index.ts'
import type { Clock, Logger, Timer } from '../../util/index.ts'
import type { HttpLimits } from './http-limits.ts'

/** A WebSocket is closed with this code when its reader is too slow, or sends too much. @see RFC 6455, 7.4.1 */
export const POLICY_CLOSE_CODE = 1008
/** And with this one when the node stops. */
export const GOING_AWAY_CLOSE_CODE = 1001
/** Of a slow reader: he may come back, and say what he knows. */
export const TOO_SLOW_REASON = 'too slow: events were lost'
/** Signs of life that may be missing before a connection is given up. */
const MAX_MISSED_SIGNS = 2

/** What readers are served with. */
export interface EventOutletsDeps {
  readonly clock: Clock
  readonly log: Logger
}

/** One reader. */
interface Reader {
  /** Called now and then, to hold the connection open and to see whether it is. */
  tick(): void
  /** Ends in order. */
  close(): void
  /** Ends at once. */
  terminate(): void
}

/** All readers of one server, at most `maxSubscribers`. */
export class EventOutlets {
  readonly #deps: EventOutletsDeps
  readonly #limits: HttpLimits
  readonly #sockets: WebSocketServer
  readonly #readers = new Set<Reader>()
  #timer: Timer | undefined

  constructor(deps: EventOutletsDeps, limits: HttpLimits) {
    this.#deps = deps
    this.#limits = limits
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: limits.maxMessageBytes,
      // It takes memory for each connection that no bound of ours is on.
      perMessageDeflate: false,
    })
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#readers.size < this.#limits.maxSubscribers
  }

  /** Makes a WebSocket of a request, whose reader then subscribes. */
  openSocket(
    request: IncomingMessage,
    head: Buffer,
    events: EventLog,
    forbids: RpcCall['forbids'],
  ): void {
    const deps = { ...this.#deps, events, limits: this.#limits, forbids }
    this.#sockets.handleUpgrade(request, request.socket, head, (socket) => {
      this.#keep(new SocketReader(socket, deps), (end) => socket.on('close', end))
    })
  }

  /** Answers a request with a stream of events. */
  openStream(response: ServerResponse, events: EventLog, wish: EventWish): void {
    const reader = new StreamReader(response, events, wish, this.#limits.maxBufferedBytes)
    this.#keep(reader, (end) => response.on('close', end))
    reader.start()
  }

  /** Ends every connection in order. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const reader of this.#readers) reader.close()
  }

  /** Ends every connection that is still open. */
  terminate(): void {
    for (const reader of this.#readers) reader.terminate()
  }

  #keep(reader: Reader, onEnd: (end: () => void) => void): void {
    this.#readers.add(reader)
    onEnd(() => this.#readers.delete(reader))
    if (this.#timer === undefined) this.#scheduleTick()
  }

  #scheduleTick(): void {
    this.#timer = this.#deps.clock.schedule(this.#limits.keepAliveMs, () => {
      this.#timer = undefined
      for (const reader of this.#readers) reader.tick()
      if (this.#readers.size > 0) this.#scheduleTick()
    })
  }
}

interface SocketReaderDeps extends EventOutletsDeps {
  readonly events: EventLog
  readonly limits: HttpLimits
  readonly forbids: RpcCall['forbids']
}

/** A reader who subscribes and unsubscribes by JSON-RPC. */
class SocketReader implements Reader {
  readonly #socket: WebSocket
  readonly #limits: HttpLimits
  readonly #session: EventSession
  readonly #forbids: RpcCall['forbids']
  #turn: Promise<void> = Promise.resolve()
  #pendingMessages = 0
  #isPaused = false
  #missedSigns = 0

  constructor(socket: WebSocket, { events, limits, forbids, clock, log }: SocketReaderDeps) {
    this.#socket = socket
    this.#limits = limits
    this.#forbids = forbids
    this.#session = new EventSession({
      log: events,
      logger: log,
      clock,
      send: (text) => this.#send(text),
      onOvertaken: () => this.#cut(TOO_SLOW_REASON),
    })
    socket.on('message', (data) => this.#onMessage(String(data)))
    socket.on('pong', () => {
      this.#missedSigns = 0
    })
    socket.on('close', () => this.#session.close())
    // Broken frames, or a connection that broke: the close that follows is all there is to do.
    socket.on('error', () => undefined)
  }

  tick(): void {
    this.#missedSigns += 1
    if (this.#missedSigns > MAX_MISSED_SIGNS) this.#socket.terminate()
    else this.#socket.ping()
  }

  close(): void {
    this.#session.close()
    this.#socket.close(GOING_AWAY_CLOSE_CODE, 'the node stops')
  }

  terminate(): void {
    this.#socket.terminate()
  }

  /** The connection closes once the reader has read what waits for him, or some time later. */
  #cut(reason: string): void {
    this.#session.close()
    this.#socket.close(POLICY_CLOSE_CODE, reason)
  }

  #send(text: string): boolean {
    const socket = this.#socket
    const { maxBufferedBytes } = this.#limits
    socket.send(text, () => {
      if (!this.#isPaused || socket.bufferedAmount > maxBufferedBytes / 2) return
      this.#isPaused = false
      this.#session.resume()
    })
    this.#isPaused ||= socket.bufferedAmount > maxBufferedBytes
    return !this.#isPaused
  }

  #onMessage(text: string): void {
    if (this.#isPaused || this.#pendingMessages >= this.#limits.maxPendingMessages) {
      this.#cut('too many requests at once')
      return
    }
    this.#pendingMessages += 1
    this.#turn = this.#turn.then(async () => {
      await this.#session.handle(text, { forbids: this.#forbids })
      this.#pendingMessages -= 1
    })
  }
}

/** A reader whose wish came with his request. */
class StreamReader implements Reader {
  readonly #response: ServerResponse
  readonly #feed: EventFeed
  readonly #maxBufferedBytes: number
  #missedSigns = 0

  constructor(
    response: ServerResponse,
    events: EventLog,
    wish: EventWish,
    maxBufferedBytes: number,
  ) {
    this.#response = response
    this.#maxBufferedBytes = maxBufferedBytes
    this.#feed = new EventFeed(events, wish, {
      send: (event) => this.#send(event),
      // He reads nothing, so there is no way to tell him; when he comes back he is told of the gap.
      onOvertaken: () => response.destroy(),
    })
    response.on('drain', () => {
      this.#missedSigns = 0
      this.#feed.resume()
    })
    response.on('close', () => this.#feed.stop())
    // What was written to a connection that has just broken; that it has, its close tells.
    response.on('error', () => undefined)
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    })
    const { gap } = this.#feed
    // A number without data tells nobody anything, but a client resumes from there.
    response.write(
      gap === undefined
        ? `id: ${wish.since ?? events.lastSeq}\n\n`
        : `event: gap\ndata: ${JSON.stringify(gap)}\n\n`,
    )
  }

  start(): void {
    this.#feed.start()
  }

  tick(): void {
    const isStuck = this.#response.writableNeedDrain
    this.#missedSigns = isStuck ? this.#missedSigns + 1 : 0
    if (this.#missedSigns > MAX_MISSED_SIGNS) this.#response.destroy()
    else if (!isStuck) this.#response.write(': keep-alive\n\n')
  }

  close(): void {
    this.#feed.stop()
    this.#response.end()
  }

  terminate(): void {
    this.#response.destroy()
  }

  #send(event: NodeEvent): boolean {
    this.#response.write(`id: ${event.seq}\ndata: ${encodeEvent(event)}\n\n`)
    return this.#response.writableLength <= this.#maxBufferedBytes
  }
}
