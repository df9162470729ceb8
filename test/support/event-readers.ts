/** @module Readers of a node's events, over WebSocket and as server-sent events, by libraries that are not ours. */

import { type IncomingMessage, request } from 'node:http'
import { WebSocket } from 'ws'
import type { Json } from './node-process.ts'

/** Where events are read. */
export interface EventSource {
  readonly rpcUrl: string
  readonly rpcUser: string
  readonly rpcPassword: string
}

const POLL_MS = 20
const PATIENCE_MS = 30_000

async function waitUntil(what: string, condition: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`waited in vain: ${what}`)
}

/** The `Authorization` header of a source. */
export function authorizationOf({ rpcUser, rpcPassword }: EventSource): string {
  return `Basic ${Buffer.from(`${rpcUser}:${rpcPassword}`).toString('base64')}`
}

/** One WebSocket, and all that it has brought. */
export class SocketReader {
  readonly socket: WebSocket
  /** Answers, by id. */
  readonly replies = new Map<number, Json>()
  /** What notifications carried. */
  readonly events: Json[] = []
  /** Once it is closed: code and reason. */
  end: { readonly code: number; readonly reason: string } | undefined
  #id = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => {
      const message = JSON.parse(String(data))
      if (message.method === 'event') this.events.push(message.params)
      else this.replies.set(message.id, message)
    })
    socket.on('close', (code, reason) => {
      this.end = { code, reason: String(reason) }
    })
  }

  /** Connects; rejects with the HTTP status if that is refused. */
  static open(
    source: EventSource,
    headers: Record<string, string> = { authorization: authorizationOf(source) },
  ): Promise<SocketReader> {
    const socket = new WebSocket(`${source.rpcUrl.replace('http', 'ws')}/ws`, { headers })
    return new Promise((resolve, reject) => {
      const reader = new SocketReader(socket)
      socket.once('open', () => resolve(reader))
      socket.once('unexpected-response', (_request, { statusCode }) => {
        reject(new Error(`HTTP ${statusCode}`))
        socket.terminate()
      })
      socket.once('error', reject)
    })
  }

  /** Calls a method and waits for its answer. */
  async call(method: string, params: unknown = []): Promise<Json> {
    this.#id += 1
    const id = this.#id
    this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    await waitUntil(`the answer to ${method}`, () => this.replies.has(id))
    return this.replies.get(id)
  }

  /** Waits for so many events. */
  async wait(count: number): Promise<readonly Json[]> {
    await waitUntil(`${count} events`, () => this.events.length >= count)
    return this.events
  }

  async waitForEnd() {
    await waitUntil('the end', () => this.end !== undefined)
    return this.end
  }
}

/** One stream of server-sent events. */
export class StreamReader {
  readonly messages: { readonly event: string; readonly id: string; readonly data: Json }[] = []
  status = 0
  text = ''
  hasEnded = false
  readonly close: () => void
  #response: IncomingMessage | undefined

  constructor(source: EventSource, path: string, headers: Record<string, string> = {}) {
    const sent = request(
      `${source.rpcUrl}${path}`,
      { headers: { authorization: authorizationOf(source), ...headers }, agent: false },
      (response) => {
        this.status = response.statusCode ?? 0
        this.#response = response
        response.on('data', (chunk) => {
          this.text += String(chunk)
          this.#read()
        })
        response.on('close', () => {
          this.hasEnded = true
        })
        response.on('error', () => undefined)
      },
    )
    sent.on('error', () => {
      this.hasEnded = true
    })
    sent.end()
    this.close = () => sent.destroy()
  }

  /** Reads no more from the connection, for now. */
  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  /** Waits for so many messages with data. */
  async wait(count: number) {
    await waitUntil(`${count} messages`, () => this.messages.length >= count)
    return this.messages
  }

  async waitForStatus(): Promise<number> {
    await waitUntil('an answer', () => this.status !== 0)
    return this.status
  }

  async waitForEnd(): Promise<void> {
    await waitUntil('the end', () => this.hasEnded)
  }

  #read(): void {
    const parts = this.text.split('\n\n')
    this.text = parts.pop() ?? ''
    for (const part of parts) {
      const fields = new Map<string, string>()
      for (const line of part.split('\n')) {
        const colon = line.indexOf(': ')
        fields.set(line.slice(0, colon), line.slice(colon + 2))
      }
      const data = fields.get('data')
      if (data === undefined) continue
      const event = fields.get('event') ?? 'message'
      this.messages.push({ event, id: fields.get('id') ?? '', data: JSON.parse(data) })
    }
  }
}
