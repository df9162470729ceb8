/** @module Answers to calls, written past fastify: it knows nothing of what makes them quick to send. */

import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { RpcTextReply } from '../../rpc/index.ts'

const LINE_BREAK = '\n'

/** Takes an answer out of fastify's hands, with the headers that it has so far. */
export function takeOver(reply: FastifyReply): ServerResponse {
  const { raw } = reply
  const headers = reply.getHeaders()
  reply.hijack()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) raw.setHeader(name, value)
  }
  return raw
}

/** Begins an answer past fastify, which adds a charset to the type of a text, and writes bytes apart from the head. */
function startAnswer(reply: FastifyReply, status: number, length: number): ServerResponse {
  const response = takeOver(reply)
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', length)
  return response
}

/** Sends an answer to a call, head and body in one write. */
export function sendSmall(reply: FastifyReply, { status, text }: RpcTextReply): void {
  const line = text + LINE_BREAK
  startAnswer(reply, status, Buffer.byteLength(line)).end(line)
}

/** Sends an answer to a call. Parts of it that are ready as bytes are the same for everybody: they are not copied. */
export function sendLarge(
  reply: FastifyReply,
  { status, text, pieces = [text] }: RpcTextReply,
): void {
  const parts = [...pieces, LINE_BREAK].map((piece) =>
    typeof piece === 'string' ? Buffer.from(piece) : piece.bytes,
  )
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const response = startAnswer(reply, status, length)
  response.cork()
  for (const part of parts) response.write(part)
  response.end()
}
