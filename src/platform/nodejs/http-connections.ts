/** @module Who may keep a connection to the HTTP server when there are too many. */

import type { Socket } from 'node:net'

/**
 * The open connections, at most so many. Whoever connects gets in: if there is no room, the connection
 * goes that has been open longest without having shown a password. Strangers thus push each other out,
 * and never a client with the cookie, which shows it at once.
 */
export class HttpConnections {
  readonly #max: number
  /** Oldest first. */
  readonly #strangers = new Set<Socket>()
  readonly #trusted = new Set<Socket>()

  /** @param max - How many connections there may be. */
  constructor(max: number) {
    this.#max = max
  }

  /** Takes a new connection and closes the one that has to go for it: itself, if all others are trusted. */
  add(socket: Socket): void {
    // One that is read from its beginning once more is no new one.
    if (this.#strangers.has(socket) || this.#trusted.has(socket)) return
    this.#strangers.add(socket)
    socket.once('close', () => {
      this.#strangers.delete(socket)
      this.#trusted.delete(socket)
    })
    if (this.#strangers.size + this.#trusted.size <= this.#max) return
    const [oldest] = this.#strangers
    // Not at its event, which comes later: it must not be counted when the next connection comes.
    if (oldest !== undefined) this.#strangers.delete(oldest)
    oldest?.destroy()
  }

  /** A request on this connection had the right password: the connection stays. */
  trust(socket: Socket): void {
    if (this.#strangers.delete(socket)) this.#trusted.add(socket)
  }
}
