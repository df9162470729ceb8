/** @module Connections to pools over TCP, and the URLs that name them. */

import { connect } from 'node:net'
import {
  formatPoolUrl,
  LineReader,
  MAX_POOL_LINE_BYTES,
  type PoolAddress,
  type PoolConnection,
  type PoolSink,
} from '../../stratum/index.ts'
import { ConfigError, toErrorMessage } from '../../util/index.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** How long what is written may take to go out at the end. */
const CLOSE_TIMEOUT_MS = 1_000
const DEFAULT_PORT = 3_333
const PROTOCOL = /^stratum(\+tcp)?:$/

/**
 * Reads `stratum+tcp://host:port`; the protocol and the port may be left out.
 *
 * @throws {@link ConfigError} `bad-settings` for anything else.
 */
export function parsePoolUrl(text: string): PoolAddress {
  const whole = text.includes('://') ? text : `stratum+tcp://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : undefined
  const isUsable =
    url !== undefined &&
    PROTOCOL.test(url.protocol) &&
    url.hostname !== '' &&
    url.username === '' &&
    /^\/?$/.test(url.pathname)
  if (!isUsable) {
    throw new ConfigError(
      'bad-settings',
      `"${text}" is no URL of a pool. Use stratum+tcp://host:port; name the user with --user.`,
    )
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { host, port: url.port === '' ? DEFAULT_PORT : Number(url.port) }
}

function explain(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'Nothing listens there.'
  if (error.code === 'ENOTFOUND') return 'There is no such host.'
  return `The connection failed: ${toErrorMessage(error)}.`
}

/** Begins to connect to a pool. */
export function connectToPool(address: PoolAddress, sink: PoolSink): PoolConnection {
  const socket = connect(address)
  const reader = new LineReader(MAX_POOL_LINE_BYTES)
  let problem = `The connection to ${formatPoolUrl(address)} has ended.`
  const fail = (why: string): void => {
    problem = why
    socket.destroy()
  }
  const timer = setTimeout(() => fail('It does not answer.'), CONNECT_TIMEOUT_MS)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 60_000)
  socket.on('connect', () => clearTimeout(timer))
  socket.on('error', (error) => {
    problem = explain(error)
  })
  socket.on('data', (chunk: Buffer) => {
    const lines = reader.push(chunk)
    for (const line of lines ?? []) sink.onLine(line)
    if (lines === undefined) fail('It sends a line without end.')
  })
  // A pool that reads no more is of no use.
  socket.on('end', () => socket.end())
  socket.on('close', () => {
    clearTimeout(timer)
    sink.onClosed(problem)
  })
  return {
    send: (text) => {
      if (socket.writable) socket.write(text)
    },
    close: () => {
      if (socket.destroyed) return
      socket.end()
      setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref()
    },
  }
}
