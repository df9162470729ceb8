/** @module Miners over TCP. */

import { createServer, type Server, type Socket } from 'node:net'
import { type AcceptedMiner, LineReader, type MinerConnection } from '../../stratum/index.ts'
import { ConfigError, toErrorMessage } from '../../util/index.ts'
import { formatListenAddress, type ListenAddress } from './listening.ts'

/** How long a connection that has been ended may take to send what is written, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000
/** Connections that the system may hold before they are accepted: a pool whose miners all come back at once. */
const BACKLOG = 4_096
/** The first character of a line that can be a request. */
const JSON_START = /^\s*\{/

/** Takes a connection; nothing if it is refused. */
export type AcceptMiner = (connection: MinerConnection) => AcceptedMiner | undefined

/** A listener that can be closed. */
export interface StratumListener {
  /** `stratum+tcp://127.0.0.1:3333` */
  readonly url: string
  /** Whether other machines can reach it. */
  readonly isPublic: boolean
  close(): Promise<void>
}

function isLoopback(address: string): boolean {
  return /^(127\.|::1$|::ffff:127\.)/.test(address)
}

class SocketConnection implements MinerConnection {
  readonly remoteAddress: string
  readonly isLoopback: boolean
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    this.remoteAddress = socket.remoteAddress ?? ''
    this.isLoopback = isLoopback(this.remoteAddress)
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  send(text: string): void {
    // Everything that is sent is ASCII but names in answers, which JSON leaves as they are.
    if (this.#socket.writable) this.#socket.write(text)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    if (this.#socket.destroyed) return
    this.#socket.end()
    // A peer that reads nothing would keep it open.
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS)
    timer.unref()
    this.#socket.once('close', () => clearTimeout(timer))
  }
}

/** Serves one socket from its first byte to its last. */
function serve(socket: Socket, accept: AcceptMiner): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 60_000)
  // What follows is `close`, whatever it was.
  socket.on('error', () => {})
  const miner = accept(new SocketConnection(socket))
  if (miner === undefined) {
    socket.destroy()
    return
  }
  const reader = new LineReader()
  let isFirst = true
  socket.on('data', (chunk: Buffer) => {
    const lines = reader.push(chunk)
    for (const line of lines ?? []) {
      // A browser can be made to send HTTP to any port: nobody who speaks it is a miner.
      if (isFirst && !JSON_START.test(line)) {
        socket.destroy()
        return
      }
      isFirst = false
      miner.receive(line)
    }
    if (lines === undefined) socket.destroy()
  })
  // Half-open miners are of no use.
  socket.on('end', () => socket.end())
  socket.on('close', () => miner.closed())
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function toListenError(error: unknown, { host, port }: ListenAddress): unknown {
  const { code } = error as { code?: unknown }
  if (code === 'EADDRINUSE') {
    return new ConfigError(
      'port-in-use',
      `stratum: port ${port} on ${host} is used by another program. Stop that program, or choose another port with --stratum (0 takes any free one).`,
      { cause: error },
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND') {
    return new ConfigError(
      'bad-settings',
      `stratum: this program cannot listen on ${host}, port ${port} (${toErrorMessage(error)}). Use an address of this machine and a port above 1023 with --stratum.`,
      { cause: error },
    )
  }
  return error
}

/**
 * Listens for miners.
 *
 * @throws {@link ConfigError} `port-in-use` or `bad-settings` if the address cannot be listened on.
 */
export async function listenForMiners(
  address: ListenAddress,
  accept: AcceptMiner,
): Promise<StratumListener> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, accept)
  })
  try {
    await listen(server, address)
  } catch (error) {
    throw toListenError(error, address)
  }
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  const { host } = address
  return {
    url: `stratum+tcp://${formatListenAddress({ host, port })}`,
    isPublic: !isLoopback(host),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
