/** @module REST over HTTP: no password, few at a time. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RestApi } from '../../rpc/index.ts'
import { type HttpCallers, OPEN_ROUTE, refuse } from './http-callers.ts'

const PREFIX = '/rest/'
/** A question about outputs is far smaller, and REST asks for no password. */
const MAX_REST_BODY_BYTES = 4_096

async function answer(
  rest: RestApi,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const [path = '', query = ''] = request.url.split(/\?(.*)/s, 2)
  const { status, contentType, body } = await rest.handle({
    path: path.slice(PREFIX.length),
    query,
    body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
  })
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  // As bytes, because fastify adds a charset to the type of a text.
  return reply
    .code(status)
    .type(contentType)
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

/**
 * Adds `/rest/…`.
 *
 * @param maxRequests - Answered at a time; further ones get 503.
 * @see Bitcoin Core `doc/REST-interface.md`
 */
export function addRestRoutes(
  app: FastifyInstance,
  rest: RestApi,
  callers: HttpCallers,
  maxRequests: number,
): void {
  let running = 0
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    scope.route({
      ...OPEN_ROUTE,
      method: ['GET', 'POST'],
      url: `${PREFIX}*`,
      bodyLimit: MAX_REST_BODY_BYTES,
      onRequest: async (request, reply) => {
        const refused = callers.checkAddress(request, reply)
        if (refused !== undefined) return refused
        if (running >= maxRequests) return refuse(reply, 503, 'Work queue depth exceeded')
        running += 1
        // Comes once for every request: after its answer, or when its connection is gone.
        reply.raw.once('close', () => {
          running -= 1
        })
        return undefined
      },
      handler: (request, reply) => answer(rest, request, reply),
    })
    done()
  })
}
