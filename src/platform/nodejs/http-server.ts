/**
 * The HTTP face of a node: JSON-RPC behind a password, and health checks. Imported only by a command
 * that serves, since fastify takes its time to load.
 *
 * @module
 */

import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Dispatcher } from '../../rpc/index.ts'
import { type Clock, ConfigError, type Logger, sleep, toErrorMessage } from '../../util/index.ts'
import { HttpConnections } from './http-connections.ts'
import {
  createAddressCheck,
  createBasicAuth,
  createHostCheck,
  isLoopback,
  normalizeAddress,
} from './http-guard.ts'

/** Bounds on what clients can make the server hold. */
export interface HttpLimits {
  readonly maxBodyBytes: number
  /** Of all headers of a request together. @see Bitcoin Core `MAX_HEADERS_SIZE` */
  readonly maxHeaderBytes: number
  /** Beyond them one without the right password is closed for each that comes. */
  readonly maxConnections: number
  /** Requests with the right password that are being read or answered; further ones get 503. */
  readonly maxRequests: number
  /** From the connection to the end of the headers. */
  readonly headersTimeoutMs: number
  /** From the first byte to the end of the body. */
  readonly requestTimeoutMs: number
  /** How long a connection that has shown the right password may wait for its next request. */
  readonly keepAliveTimeoutMs: number
  /** The same for all others. */
  readonly strangerKeepAliveTimeoutMs: number
  /** How long `close` waits for answers that are being made. */
  readonly closeGraceMs: number
}

/** The limits of a node. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxBodyBytes: 33_554_432,
  maxHeaderBytes: 8_192,
  maxConnections: 256,
  maxRequests: 128,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 30_000,
  strangerKeepAliveTimeoutMs: 5_000,
  closeGraceMs: 2_000,
}

/** A wrong password is answered so late. @see Bitcoin Core `HTTPReq_JSONRPC` */
export const WRONG_PASSWORD_DELAY_MS = 250
/** At most one log line about wrong passwords in this time: a guesser must not fill the disk. */
const WRONG_PASSWORD_LOG_MS = 1_000
/** How often Node.js looks for connections beyond their time. */
const TIMEOUT_CHECK_MS = 1_000
/** How long a browser may remember a preflight answer. */
const PREFLIGHT_MAX_AGE_SECONDS = 600
const WWW_AUTHENTICATE = 'Basic realm="jsonrpc"'

/** Whether a node is of use yet, and what is missing if not. */
export interface Readiness {
  readonly isReady: boolean
  readonly reasons: readonly string[]
}

/** Live collaborators. */
export interface HttpServerDeps {
  readonly dispatcher: Pick<Dispatcher, 'handleText'>
  /** Asked at every `/readyz`. Must be cheap. */
  readonly readiness: () => Readiness
  readonly log: Logger
  readonly clock: Clock
}

/** Plain options. */
export interface HttpServerOptions {
  /** IP address; loopback unless `allowIps` names who else may come. */
  readonly host?: string
  /** 0 is any free port. */
  readonly port: number
  /** `user:password`, each of which opens RPC; the cookie is one. */
  readonly credentials: readonly string[]
  /** IP addresses and CIDR ranges that may use RPC besides loopback. */
  readonly allowIps?: readonly string[]
  /** Names in `Host` besides loopback's and the address bound to. */
  readonly allowHosts?: readonly string[]
  /** Web origins whose pages may use RPC. */
  readonly allowOrigins?: readonly string[]
  readonly limits?: Partial<HttpLimits>
}

/** A server that is listening. */
export interface HttpServer {
  /** Without a slash at the end. A wildcard address is shown as loopback. */
  readonly url: string
  /** The real one, if 0 was asked for. */
  readonly port: number
  /** Stops listening, tells waiting calls to give up, lets answers out and ends every connection. */
  close(): Promise<void>
}

class RpcHttpServer {
  readonly #deps: HttpServerDeps
  readonly #host: string
  readonly #options: HttpServerOptions
  readonly #limits: HttpLimits
  readonly #app: FastifyInstance
  readonly #checkAddress: ReturnType<typeof createAddressCheck>
  readonly #checkHost: ReturnType<typeof createHostCheck>
  readonly #checkAuth: ReturnType<typeof createBasicAuth>
  readonly #origins: ReadonlySet<string>
  readonly #connections: HttpConnections
  /** One for each request that is being answered. */
  readonly #calls = new Map<FastifyRequest, AbortController>()
  #onDrained: () => void = () => {}
  #lastRefusalLogMs = Number.NEGATIVE_INFINITY
  #unloggedRefusals = 0

  constructor(deps: HttpServerDeps, host: string, options: HttpServerOptions) {
    this.#deps = deps
    this.#host = host
    this.#options = options
    this.#limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits }
    this.#checkAddress = createAddressCheck(options.allowIps ?? [])
    this.#checkHost = createHostCheck([host, ...(options.allowHosts ?? [])])
    this.#checkAuth = createBasicAuth(options.credentials)
    this.#origins = new Set(options.allowOrigins)
    this.#connections = new HttpConnections(this.#limits.maxConnections)
    this.#app = this.#createApp()
  }

  async listen(): Promise<HttpServer> {
    const { port } = this.#options
    try {
      await this.#app.listen({ host: this.#host, port, listenTextResolver: () => '' })
    } catch (error) {
      await this.#app.close()
      throw toListenError(error, this.#host, port)
    }
    const address = this.#app.server.address()
    const realPort = typeof address === 'object' && address !== null ? address.port : port
    return { url: toUrl(this.#host, realPort), port: realPort, close: () => this.#close() }
  }

  #createApp(): FastifyInstance {
    const limits = this.#limits
    const app: FastifyInstance = fastify({
      logger: false,
      bodyLimit: limits.maxBodyBytes,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.strangerKeepAliveTimeoutMs,
      exposeHeadRoutes: false,
      http: {
        maxHeaderSize: limits.maxHeaderBytes,
        headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
        // ckpool ends lines by a bare LF. Lenient parsing is what request smuggling through proxies
        // lives on, so it is for loopback alone.
        insecureHTTPParser: isLoopback(this.#host),
      },
    })
    app.server.on('connection', (socket) => this.#connections.add(socket))
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
      done(null, body),
    )
    app.addHook('onRequest', (request, reply) => this.#checkCaller(request, reply))
    app.get('/healthz', () => ({ status: 'ok' }))
    app.get('/readyz', (_request, reply) => {
      const { isReady, reasons } = this.#deps.readiness()
      return reply.code(isReady ? 200 : 503).send({ ready: isReady, reasons })
    })
    for (const url of ['/', '/wallet/*']) {
      app.route({
        method: 'POST',
        url,
        onRequest: (request, reply) => this.#admit(request, reply),
        handler: (request, reply) => this.#answer(request, reply),
      })
    }
    app.setNotFoundHandler((request, reply) => this.#answerElse(request, reply))
    app.setErrorHandler((error, _request, reply) => this.#answerError(error, reply))
    return app
  }

  /** What holds for every path: names that are ours, and no web page that is not listed. */
  async #checkCaller(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    if (!this.#checkHost(request.headers.host, request.socket.localAddress)) {
      return refuse(reply, 403, 'This Host is not served here')
    }
    const { origin } = request.headers
    if (origin === undefined) return undefined
    if (!this.#origins.has(origin)) return refuse(reply, 403, 'This Origin is not allowed')
    reply.header('access-control-allow-origin', origin).header('vary', 'Origin')
    if (request.method !== 'OPTIONS') return undefined
    return reply
      .code(204)
      .header('access-control-allow-methods', 'POST')
      .header('access-control-allow-headers', 'authorization, content-type')
      .header('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS)
      .send()
  }

  /** Address, password and room, before a byte of the body is read. */
  async #admit(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { remoteAddress } = request.socket
    if (!this.#checkAddress(remoteAddress)) {
      return refuse(reply, 403, 'This address is not allowed; see --rpc-allow-ip')
    }
    const auth = this.#checkAuth(request.headers.authorization)
    if (auth !== 'right') {
      if (auth === 'wrong') {
        this.#logRefusal(remoteAddress)
        await sleep(this.#deps.clock, WRONG_PASSWORD_DELAY_MS)
      }
      return refuse(reply.header('www-authenticate', WWW_AUTHENTICATE), 401, '')
    }
    this.#trust(request, reply)
    if (this.#calls.size >= this.#limits.maxRequests) {
      return refuse(reply, 503, 'Work queue depth exceeded')
    }
    // Clients send many content types, some of no known form, or none; what the body is, is decided
    // by reading it. A web page could use that, but it has neither a password nor a listed origin.
    request.raw.headers['content-type'] = 'application/json'
    const controller = new AbortController()
    this.#calls.set(request, controller)
    // Comes once for every request: after its answer, or when its connection is gone.
    reply.raw.once('close', () => {
      this.#calls.delete(request)
      controller.abort()
      if (this.#calls.size === 0) this.#onDrained()
    })
    return undefined
  }

  /** Keeps a connection, and for longer, once it has shown the password. */
  #trust(request: FastifyRequest, reply: FastifyReply): void {
    const { keepAliveTimeoutMs } = this.#limits
    this.#connections.trust(request.socket)
    reply.header('keep-alive', `timeout=${Math.floor(keepAliveTimeoutMs / 1_000)}`)
    // After Node.js's own listener, which gives the strangers' time to every connection.
    reply.raw.once('finish', () => request.socket.setTimeout(keepAliveTimeoutMs))
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const wallet = (request.params as { '*'?: string })['*']
    const body = typeof request.body === 'string' ? request.body : ''
    const signal = this.#calls.get(request)?.signal
    const { status, text } = await this.#deps.dispatcher.handleText(body, { wallet, signal })
    if (status === 204) return reply.code(204).send()
    // As bytes, because fastify adds a charset to the type of a text.
    return reply
      .code(status)
      .type('application/json')
      .send(Buffer.from(`${text}\n`))
  }

  #answerElse(request: FastifyRequest, reply: FastifyReply): unknown {
    const path = request.url.split('?', 1)[0] ?? ''
    const isRpc = path === '/' || path.startsWith('/wallet/')
    if (!isRpc || request.method === 'POST') return refuse(reply, 404, 'Not found')
    return refuse(reply.header('allow', 'POST'), 405, 'JSONRPC server handles only POST requests')
  }

  #answerError(error: unknown, reply: FastifyReply): unknown {
    const { statusCode } = error as { statusCode?: unknown }
    if (statusCode === 413) {
      const limit = this.#limits.maxBodyBytes
      return refuse(reply, 413, `The request is larger than ${limit} bytes`)
    }
    if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
      return refuse(reply, statusCode, 'Bad request')
    }
    this.#deps.log.error('HTTP request failed unexpectedly', {
      error: toErrorMessage(error),
      stack: error instanceof Error ? error.stack : undefined,
    })
    return refuse(reply, 500, 'Internal error')
  }

  #logRefusal(address: string | undefined): void {
    const now = this.#deps.clock.monotonic()
    if (now - this.#lastRefusalLogMs < WRONG_PASSWORD_LOG_MS) {
      this.#unloggedRefusals++
      return
    }
    this.#deps.log.warn('incorrect password attempt', {
      address,
      unloggedBefore: this.#unloggedRefusals,
    })
    this.#lastRefusalLogMs = now
    this.#unloggedRefusals = 0
  }

  async #close(): Promise<void> {
    const drained = new Promise<void>((resolve) => {
      this.#onDrained = resolve
      if (this.#calls.size === 0) resolve()
    })
    const closed = this.#app.close()
    for (const controller of this.#calls.values()) controller.abort()
    const grace = new AbortController()
    await Promise.race([
      drained,
      sleep(this.#deps.clock, this.#limits.closeGraceMs, grace.signal).catch(() => {}),
    ])
    grace.abort()
    // Connections without a request: they would otherwise keep the server open until they time out.
    this.#app.server.closeAllConnections()
    await closed
  }
}

/** Answers with a text. */
function refuse(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain').send(text)
}

function toUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

function toListenError(error: unknown, host: string, port: number): unknown {
  const { code } = error as { code?: unknown }
  if (code === 'EADDRINUSE') {
    return new ConfigError(
      'port-in-use',
      `rpc-port: port ${port} on ${host} is used by another program. Stop that one, or choose another port with --rpc-port (0 takes any free one).`,
      { cause: error },
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES') {
    return new ConfigError(
      'bad-settings',
      `rpc-bind: this program cannot listen on ${host}, port ${port} (${toErrorMessage(error)}). Use an address of this machine with --rpc-bind and a port above 1023 with --rpc-port.`,
      { cause: error },
    )
  }
  return error
}

/**
 * Starts serving JSON-RPC on POST `/` and `/wallet/<name>`, and GET `/healthz` and `/readyz`.
 *
 * @throws {@link ConfigError} `bad-settings` for an address beyond loopback without `allowIps`, or one
 * that cannot be listened on; `port-in-use` if another program has the port.
 * @see Bitcoin Core `HTTPReq_JSONRPC`, `HTTPBindAddresses`
 */
export async function startHttpServer(
  deps: HttpServerDeps,
  options: HttpServerOptions,
): Promise<HttpServer> {
  const asked = options.host ?? '127.0.0.1'
  const host = asked === 'localhost' ? '127.0.0.1' : normalizeAddress(asked)
  if (!isLoopback(host) && (options.allowIps ?? []).length === 0) {
    throw new ConfigError(
      'bad-settings',
      `rpc-bind: ${host} would let every machine that reaches it try passwords. Name who may connect with --rpc-allow-ip, or leave rpc-bind at 127.0.0.1.`,
    )
  }
  return new RpcHttpServer(deps, host, options).listen()
}
