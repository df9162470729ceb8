/** @module Bounds on what clients can make the HTTP server hold. */

/** How much of everything there may be. */
export interface HttpLimits {
  readonly maxBodyBytes: number
  /** Of all headers of a request together. @see Bitcoin Core `MAX_HEADERS_SIZE` */
  readonly maxHeaderBytes: number
  /** Beyond them one without the right password is closed for each that comes. */
  readonly maxConnections: number
  /** Requests with the right password that are being read or answered; further ones get 503. */
  readonly maxRequests: number
  /** The same for REST, which asks for no password. */
  readonly maxRestRequests: number
  /** Readers of events at a time, over WebSocket and server-sent events together; further ones get 503. */
  readonly maxSubscribers: number
  /** What may wait in the connection of a reader of events; beyond it he is given no more until he has read it. */
  readonly maxBufferedBytes: number
  /** One message of a WebSocket. */
  readonly maxMessageBytes: number
  /** Messages of a WebSocket that have not been answered; a reader with more is cut off. */
  readonly maxPendingMessages: number
  /** Readers of events hear from the node, and WebSockets have to answer, so often. */
  readonly keepAliveMs: number
  /** From the connection to the end of the headers. */
  readonly headersTimeoutMs: number
  /** From the first byte to the end of the body. */
  readonly requestTimeoutMs: number
  /** How long a connection that has shown the right password may wait for its next request. */
  readonly keepAliveTimeoutMs: number
  /** The same for all others. */
  readonly strangerKeepAliveTimeoutMs: number
  /** How long `close` waits for answers that are being made. */
  readonly closeGraceMs: number
}

/** The limits of a node. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxBodyBytes: 33_554_432,
  maxHeaderBytes: 8_192,
  maxConnections: 256,
  maxRequests: 128,
  maxRestRequests: 16,
  maxSubscribers: 64,
  maxBufferedBytes: 1_048_576,
  maxMessageBytes: 65_536,
  maxPendingMessages: 16,
  keepAliveMs: 15_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 30_000,
  strangerKeepAliveTimeoutMs: 5_000,
  closeGraceMs: 2_000,
}
