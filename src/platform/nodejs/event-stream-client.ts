/** @module Server-sent events of a node, as a client reads them. */

import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { toErrorMessage } from '../../util/index.ts'
import { createUnauthorizedError, RpcClientError } from './rpc-client.ts'

/** Longer lines are no events of a node. */
const MAX_LINE_LENGTH = 1_048_576
/** The node says something every 15 seconds; without a sign of life for so long it has gone. */
const SILENCE_TIMEOUT_MS = 60_000
const MAX_REFUSAL_BYTES = 4_096

/** What to read. */
export interface EventStreamOptions {
  /** Such as `http://127.0.0.1:18443`. */
  readonly url: string
  /** `user:password` */
  readonly auth: string
  /** All of them if there are none. */
  readonly topics: readonly string[]
  /** The last event that is known; undefined for new ones alone. */
  readonly since: string | undefined
  readonly signal: AbortSignal
}

/** One message of a stream. */
export interface StreamMessage {
  /** `message`, unless the stream says otherwise. */
  readonly event: string
  /** The number to go on from, if the message has one. */
  readonly id: string | undefined
  /** Empty where the message only says a number. */
  readonly data: string
}

/** Cuts a stream into its messages. @see https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStreamParser {
  #rest = ''
  #event = ''
  #id: string | undefined
  #data: string[] = []

  /** Takes the next piece of the stream. @throws {@link RpcClientError} `rpc-bad-reply` for a line without end */
  push(text: string): readonly StreamMessage[] {
    const lines = `${this.#rest}${text}`.split(/\r?\n/)
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > MAX_LINE_LENGTH) {
      throw new RpcClientError('rpc-bad-reply', 'The node sends a line without end.')
    }
    return lines.map((line) => this.#takeLine(line)).filter((message) => message !== undefined)
  }

  #takeLine(line: string): StreamMessage | undefined {
    if (line === '') return this.#finish()
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'event') this.#event = value
    if (field === 'id') this.#id = value
    if (field === 'data') this.#data.push(value)
    return undefined
  }

  #finish(): StreamMessage | undefined {
    const isEmpty = this.#data.length === 0 && this.#id === undefined
    const event = this.#event === '' ? 'message' : this.#event
    const message = { event, id: this.#id, data: this.#data.join('\n') }
    this.#event = ''
    this.#id = undefined
    this.#data = []
    return isEmpty ? undefined : message
  }
}

function connect(options: EventStreamOptions): Promise<IncomingMessage> {
  const { auth, topics, since, signal } = options
  const url = new URL('/events', options.url)
  if (topics.length > 0) url.searchParams.set('topics', topics.join(','))
  const headers = since === undefined ? {} : { 'last-event-id': since }
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const request = send(url, { auth, headers, signal, agent: false }, resolve)
    request.setTimeout(SILENCE_TIMEOUT_MS, () => {
      const message = `${options.url} has not said anything for ${SILENCE_TIMEOUT_MS / 1_000} s.`
      request.destroy(new RpcClientError('rpc-timeout', message))
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      const message =
        error.code === 'ECONNREFUSED'
          ? `Nothing listens at ${options.url}.`
          : `The connection to ${options.url} failed: ${toErrorMessage(error)}.`
      const isOurs = error instanceof RpcClientError
      reject(isOurs ? error : new RpcClientError('rpc-unreachable', message, { cause: error }))
    })
    request.end()
  })
}

async function refusalOf(
  response: IncomingMessage,
  { url, auth }: EventStreamOptions,
): Promise<RpcClientError> {
  const { statusCode } = response
  if (statusCode === 401) return createUnauthorizedError(url, auth)
  let text = ''
  for await (const chunk of response) {
    text = `${text}${String(chunk)}`.slice(0, MAX_REFUSAL_BYTES)
    if (text.length === MAX_REFUSAL_BYTES) break
  }
  return new RpcClientError(
    'rpc-refused',
    `The node at ${url} refuses: ${text.trim()} (${statusCode}).`,
  )
}

/**
 * Reads events until the connection ends.
 *
 * @throws {@link RpcClientError} if the node cannot be reached, refuses, or the connection breaks.
 */
export async function* readEventStream(options: EventStreamOptions): AsyncGenerator<StreamMessage> {
  const response = await connect(options)
  if (response.statusCode !== 200) throw await refusalOf(response, options)
  const parser = new EventStreamParser()
  response.setEncoding('utf8')
  try {
    for await (const text of response) yield* parser.push(String(text))
  } catch (error) {
    if (error instanceof RpcClientError || options.signal.aborted) throw error
    const message = `The connection to ${options.url} broke: ${toErrorMessage(error)}.`
    throw new RpcClientError('rpc-unreachable', message, { cause: error })
  }
}
