/** @module Refusals that the HTTP library would word itself: of requests that it cannot read, or has no room for. */

import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { refuseBrokenUri } from '../../rpc/index.ts'
import { refuse } from './http-callers.ts'

const REST_PREFIX = '/rest/'
/** What a connection beyond the limit is told. */
export const TOO_MANY_CONNECTIONS = 'Too many connections'

const TEXT_BY_STATUS = {
  400: 'Bad request',
  408: 'The request took too long',
  431: 'The headers are too long',
  503: TOO_MANY_CONNECTIONS,
} as const

/** Answers a request whose path cannot be decoded. */
export function answerBrokenUrl(
  _error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { status, body } = refuseBrokenUri()
  const text = String(body)
  refuse(reply, status, request.url.startsWith(REST_PREFIX) ? text : text.trim())
}

/** Ends a connection with an answer that belongs to no request, or to one that could not be read. */
export function endWithAnswer(socket: Socket, status: keyof typeof TEXT_BY_STATUS): void {
  const text = TEXT_BY_STATUS[status]
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: text/plain',
    `Content-Length: ${text.length}`,
  ]
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${text}`)
  socket.destroySoon()
}

/** Answers what is no HTTP, is too long or does not come to its end. */
export function answerClientError({ code }: { readonly code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed) socket.destroy()
  else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') endWithAnswer(socket, 408)
  else endWithAnswer(socket, code === 'HPE_HEADER_OVERFLOW' ? 431 : 400)
}
