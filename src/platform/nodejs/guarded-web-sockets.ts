/**
 * libp2p's WebSockets with the bounds that they lack.
 *
 * As they come, one message may be 100 MiB, a socket that says nothing stays for ever and counts nowhere, and a
 * connection that is cut on our side stays open underneath: its reset is a close code that no program may send.
 *
 * @module
 */

import type { Server as HttpServer } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Listener, MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import { webSockets } from '@libp2p/websockets'
import { WebSocket, type WebSocketServer } from 'ws'
import type { TransportFactory } from '../../p2p/index.ts'

/** The largest message, in bytes: what noise sends is no larger than 64 kB. */
export const MAX_WEB_SOCKET_MESSAGE_BYTES = 1_048_576
/** Sockets that are no WebSockets yet: one more takes the place of the oldest. */
export const MAX_RAW_SOCKETS = 128
/** How long a socket may take to become a WebSocket; from then on the limits of every connection hold. */
export const WEB_SOCKET_UPGRADE_TIMEOUT_MS = 5_000
/** How long the other side may take to agree that a WebSocket is closed. */
const CLOSE_TIMEOUT_MS = 1_000

/** What the listener's exported type hides. */
interface ListenerInternals {
  readonly server: Server
  readonly wsServer: WebSocketServer
  /** There once it listens. */
  readonly http?: HttpServer
}

/** What a connection's exported type hides. */
interface ConnectionInternals {
  readonly websocket: WebSocket
  sendClose(): Promise<void>
  sendReset(): void
}

class BoundedWebSocket extends WebSocket {
  constructor(address: string) {
    super(address, { maxPayload: MAX_WEB_SOCKET_MESSAGE_BYTES, perMessageDeflate: false })
  }
}

// Node.js 20 has none. This goes when Node.js 22 is the floor.
if (!('WebSocket' in globalThis)) {
  Object.defineProperty(globalThis, 'WebSocket', { configurable: true, value: BoundedWebSocket })
}

/**
 * Makes the transport.
 *
 * @param allowOrigins - Web origins whose pages may connect to its listeners. Programs name none, and always may.
 */
export function createGuardedWebSockets(
  components: Parameters<TransportFactory>[0],
  allowOrigins: readonly string[] = [],
): Transport {
  const transport = webSockets()(components)
  const dial = transport.dial.bind(transport)
  const createListener = transport.createListener.bind(transport)
  transport.dial = (address, options) =>
    dial(address, { ...options, upgrader: guardUpgrader(options.upgrader) })
  transport.createListener = (options) =>
    guardListener(
      createListener({ ...options, upgrader: guardUpgrader(options.upgrader) }),
      new Set(allowOrigins),
    )
  return transport
}

function guardListener(listener: Listener, allowOrigins: ReadonlySet<string>): Listener {
  const internals = listener as unknown as ListenerInternals
  const { server, wsServer } = internals
  wsServer.options.maxPayload = MAX_WEB_SOCKET_MESSAGE_BYTES
  // Any web page can make a browser connect here: without this check it would be a peer from inside the machine.
  wsServer.options.verifyClient = ({ origin }: { readonly origin: string | undefined }) =>
    origin === undefined || allowOrigins.has(origin)
  const deadlines = new Map<Socket, NodeJS.Timeout>()
  const settle = (socket: Socket): void => {
    clearTimeout(deadlines.get(socket))
    deadlines.delete(socket)
  }
  server.on('connection', (socket) => {
    deadlines.set(
      socket,
      setTimeout(() => socket.destroy(), WEB_SOCKET_UPGRADE_TIMEOUT_MS),
    )
    socket.once('close', () => settle(socket))
    const [oldest] = deadlines.keys()
    if (deadlines.size > MAX_RAW_SOCKETS) oldest?.destroy()
  })
  const listen = listener.listen.bind(listener)
  listener.listen = async (address) => {
    await listen(address)
    internals.http?.on('upgrade', ({ socket }) => settle(socket))
  }
  return listener
}

function guardUpgrader(upgrader: Upgrader): Upgrader {
  return {
    // Each has two signatures, which differ in options alone; those pass through as they are.
    upgradeOutbound: (raw: MultiaddrConnection, options: never) =>
      upgrader.upgradeOutbound(guardConnection(raw), options),
    upgradeInbound: (raw: MultiaddrConnection, options: never) =>
      upgrader.upgradeInbound(guardConnection(raw), options),
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
  }
}

/** What is cut is cut, and what is closed is gone soon, whatever the other side does. */
function guardConnection(raw: MultiaddrConnection): MultiaddrConnection {
  const internals = raw as unknown as ConnectionInternals
  const { websocket } = internals
  // The runtime's own, which a dial may use, has no harder end than this.
  const cut = (): void =>
    websocket.terminate === undefined ? websocket.close() : websocket.terminate()
  internals.sendReset = cut
  internals.sendClose = async () => {
    websocket.close()
    const timer = setTimeout(cut, CLOSE_TIMEOUT_MS)
    websocket.addEventListener('close', () => clearTimeout(timer))
  }
  return raw
}
