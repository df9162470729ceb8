/** @module Who may keep a connection to the HTTP server when there are too many. */

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../util/index.ts'
import { endWithAnswer } from './http-refusals.ts'

/** How long a connection that has to go may take to ask, and so to read why. */
const TURN_AWAY_MS = 1_000

/**
 * The open connections, at most so many. A new connection gets in: if there is no room, the one is turned away that has
 * been open longest without having shown a password. Strangers thus push each other out, and never a client
 * with the cookie, which shows it at once. As many again may be on their way out.
 */
export class HttpConnections {
  readonly #max: number
  readonly #clock: Clock
  /** Oldest first. */
  readonly #strangers = new Set<Socket>()
  readonly #trusted = new Set<Socket>()
  /** Connections that have to go, oldest first, each with its end. */
  readonly #turnedAway = new Map<Socket, Timer>()
  /** Newest answer of each connection. */
  readonly #answers = new WeakMap<Socket, ServerResponse>()

  /** @param max - How many connections there may be. */
  constructor(max: number, clock: Clock) {
    this.#max = max
    this.#clock = clock
  }

  /** Takes a new connection and turns away the one that has to go for it: itself, if all others are trusted. */
  add(socket: Socket): void {
    // One that is read from its beginning once more is no new one.
    if (this.#strangers.has(socket) || this.#trusted.has(socket) || this.isTurnedAway(socket))
      return
    this.#strangers.add(socket)
    socket.once('close', () => {
      this.#strangers.delete(socket)
      this.#trusted.delete(socket)
      this.#turnedAway.get(socket)?.cancel()
      this.#turnedAway.delete(socket)
    })
    if (this.#strangers.size + this.#trusted.size <= this.#max) return
    const [oldest] = this.#strangers
    if (oldest !== undefined) this.#turnAway(oldest)
  }

  /** Whether a request on this connection is to be refused. */
  isTurnedAway(socket: Socket): boolean {
    return this.#turnedAway.has(socket)
  }

  /** An answer begins on this connection. */
  beginAnswer(socket: Socket, answer: ServerResponse): void {
    this.#answers.set(socket, answer)
  }

  /** A request on this connection had the right password: the connection stays. */
  trust(socket: Socket): void {
    if (this.#strangers.delete(socket)) this.#trusted.add(socket)
  }

  #turnAway(socket: Socket): void {
    this.#strangers.delete(socket)
    this.#turnedAway.set(
      socket,
      this.#clock.schedule(TURN_AWAY_MS, () => this.#end(socket)),
    )
    const [oldest] = this.#turnedAway.keys()
    if (this.#turnedAway.size <= this.#max || oldest === undefined) return
    // Not at its event, which comes later: it must not be counted when the next connection comes.
    this.#turnedAway.get(oldest)?.cancel()
    this.#turnedAway.delete(oldest)
    oldest.destroy()
  }

  #end(socket: Socket): void {
    const isAnswering = this.#answers.get(socket)?.writableFinished === false
    // Another answer is half out.
    if (isAnswering) socket.destroy()
    else endWithAnswer(socket, 503)
  }
}
