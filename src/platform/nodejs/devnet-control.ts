/** @module How commands reach a devnet that runs: HTTP on loopback, with a token that stands in `devnet.json`. */

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DEVNET_COMMAND, type DevnetCommand, type DevnetReply } from '../../devnet/index.ts'
import { toErrorMessage } from '../../util/index.ts'

/** The longest command, in bytes: every node of the largest devnet named, and more. */
const MAX_COMMAND_BYTES = 16_384
/** Commands that may be at work or in wait; one person gives one at a time. */
const MAX_CONNECTIONS = 16
/** How long a client may take to send its command. */
const REQUEST_TIMEOUT_MS = 5_000
const TOKEN_BYTES = 32

/** Where a devnet takes commands. */
export interface ControlAddress {
  readonly url: string
  /** Whoever knows it may command: the file that holds it is its owner's alone. */
  readonly token: string
}

/** A server that takes commands. */
export interface ControlServer {
  readonly address: ControlAddress
  close(): Promise<void>
}

/** What is answered. */
export type ControlAnswer = { readonly reply: DevnetReply } | { readonly error: string }

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_COMMAND_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function parseCommand(text: string): DevnetCommand | undefined {
  try {
    return DEVNET_COMMAND.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/**
 * Starts to take commands.
 *
 * @param control - Does what a command says, or rejects with the reason.
 */
export async function startControlServer(
  control: (command: DevnetCommand) => Promise<DevnetReply>,
): Promise<ControlServer> {
  const token = randomBytes(TOKEN_BYTES).toString('hex')
  const answer = async (request: IncomingMessage): Promise<[status: number, ControlAnswer]> => {
    if (request.method !== 'POST' || !isAuthorized(request, token)) {
      return [401, { error: 'not authorized' }]
    }
    const body = await readBody(request)
    const command = body === undefined ? undefined : parseCommand(body)
    if (command === undefined) return [400, { error: 'not a command' }]
    try {
      return [200, { reply: await control(command) }]
    } catch (error) {
      return [409, { error: toErrorMessage(error) }]
    }
  }
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [status, body] = await answer(request)
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(body))
  }
  const server = createServer((request, response) => {
    // Who breaks off in the middle gets no answer.
    serve(request, response).catch(() => response.destroy())
  })
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    address: { url: `http://127.0.0.1:${port}/`, token },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
