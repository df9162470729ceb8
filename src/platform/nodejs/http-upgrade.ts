/** @module Requests that ask for another protocol than HTTP. */

import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Headers of such requests, which are left out where the other protocol is not spoken. */
const UPGRADE_HEADERS = /^(connection|upgrade|http2-settings)$/i

/** What came behind a request's headers. */
type Heads = WeakMap<IncomingMessage, Buffer>

/**
 * Serves a request as if it had asked for nothing: some clients of HTTP offer HTTP/2 with every one, and expect
 * to be answered as usual.
 */
function servePlain(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method = '', url = '', httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!UPGRADE_HEADERS.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`)
  }
  // The server reads it once more, from its beginning.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('connection', socket)
}

/**
 * Has requests for a WebSocket go through the same checks and routes as all others.
 *
 * @param route - Answers a request.
 * @returns What came behind the headers of a request that may become a WebSocket.
 */
export function routeUpgrades(
  server: Server,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): Heads {
  const heads: Heads = new WeakMap()
  server.on('upgrade', (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      servePlain(server, request, socket, head)
      return
    }
    // Nobody else listens any more; that the other side has gone shows at the next step.
    socket.on('error', () => undefined)
    const response = new ServerResponse(request)
    response.assignSocket(request.socket)
    // An answer that is none of a WebSocket is the last: nobody reads further requests.
    response.on('finish', () => request.socket.destroySoon())
    heads.set(request, head)
    route(request, response)
  })
  return heads
}
