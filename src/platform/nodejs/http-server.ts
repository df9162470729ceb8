/**
 * The HTTP face of a node: JSON-RPC and events behind a password, REST if it is wished for, and health checks.
 * Imported only by a command that serves, since fastify takes its time to load.
 *
 * @module
 */

import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import {
  type Dispatcher,
  type EventLog,
  type RestApi,
  RPC_CODES,
  RpcError,
} from '../../rpc/index.ts'
import {
  Cancellation,
  type Clock,
  ConfigError,
  type Logger,
  Mutex,
  sleep,
  toErrorMessage,
} from '../../util/index.ts'
import { sendLarge, sendSmall, takeOver } from './http-answer.ts'
import { type Caller, type CallerOptions, HttpCallers, OPEN_ROUTE, refuse } from './http-callers.ts'
import { HttpConnections } from './http-connections.ts'
import { readEventWish } from './http-event-wish.ts'
import { EventOutlets } from './http-events.ts'
import { isLoopback, normalizeAddress } from './http-guard.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http-limits.ts'
import { answerBrokenUrl, answerClientError, TOO_MANY_CONNECTIONS } from './http-refusals.ts'
import { addRestRoutes } from './http-rest.ts'
import { routeUpgrades } from './http-upgrade.ts'

/** How often Node.js looks for connections beyond their time. */
const TIMEOUT_CHECK_MS = 1_000
/** What whoever reads events must be allowed to call. */
const SUBSCRIBE_METHOD = 'subscribe'

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
  /** What happens; undefined while the node is starting, and where there are no events. */
  readonly events?: () => EventLog | undefined
  /** REST; undefined where it is off. */
  readonly rest?: RestApi | undefined
  readonly log: Logger
  readonly clock: Clock
}

/** Plain options. */
export interface HttpServerOptions extends CallerOptions {
  /** IP address; loopback unless `allowIps` names who else may come. */
  readonly host?: string
  /** 0 is any free port. */
  readonly port: number
  readonly limits?: Partial<HttpLimits>
}

/** A server that is listening. */
export interface HttpServer {
  /** Without a slash at the end. A wildcard address is shown as loopback. */
  readonly url: string
  /** The real one, if 0 was asked for. */
  readonly port: number
  /** Stops listening, tells waiting calls to give up, lets answers out and ends every connection. Idempotent. */
  close(): Promise<void>
}
/** From here on, sending an answer takes long enough to be felt when many ask at a time. */
const LARGE_ANSWER_LENGTH = 65_536
/** Whoever has gone, or is sent away by a stop, hears no more than this. Made once: a stack takes long. */
const CALLER_GONE = new RpcError(RPC_CODES.MISC_ERROR, 'Call aborted')

/** A call that has not been answered. */
interface PendingCall {
  readonly caller: Caller
  readonly cancellation: Cancellation
}

class RpcHttpServer {
  readonly #deps: HttpServerDeps
  readonly #host: string
  readonly #options: HttpServerOptions
  readonly #limits: HttpLimits
  readonly #app: FastifyInstance
  readonly #callers: HttpCallers
  readonly #connections: HttpConnections
  readonly #outlets: EventOutlets
  readonly #upgradeHeads: ReturnType<typeof routeUpgrades>
  /** Who reads events, by request. */
  readonly #readers = new WeakMap<FastifyRequest, Caller>()
  /** One for each request that is being answered. */
  readonly #calls = new Map<FastifyRequest, PendingCall>()
  /** Large answers are made ready one in each turn of the event loop. */
  readonly #largeAnswers = new Mutex()
  #onDrained: () => void = () => {}
  #closed: Promise<void> | undefined

  constructor(deps: HttpServerDeps, host: string, options: HttpServerOptions) {
    this.#deps = deps
    this.#host = host
    this.#options = options
    this.#limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits }
    this.#callers = new HttpCallers(deps, host, options)
    this.#connections = new HttpConnections(this.#limits.maxConnections, deps.clock)
    this.#outlets = new EventOutlets(deps, this.#limits)
    this.#app = this.#createApp()
    this.#upgradeHeads = routeUpgrades(this.#app.server, (request, response) =>
      this.#app.routing(request, response),
    )
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
    return {
      url: toUrl(this.#host, realPort),
      port: realPort,
      close: () => {
        this.#closed ??= this.#close()
        return this.#closed
      },
    }
  }

  #createApp(): FastifyInstance {
    const limits = this.#limits
    const { rest } = this.#deps
    const app: FastifyInstance = fastify({
      logger: false,
      bodyLimit: limits.maxBodyBytes,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.strangerKeepAliveTimeoutMs,
      exposeHeadRoutes: false,
      frameworkErrors: answerBrokenUrl,
      clientErrorHandler: answerClientError,
      // It would answer in words of its own.
      return503OnClosing: false,
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
    app.addHook('onRequest', (request, reply, done) => {
      if (this.#checkRoom(request, reply) !== undefined) return
      if (this.#callers.checkNames(request, reply) === undefined) done()
    })
    this.#addRpcRoutes(app)
    this.#addEventRoutes(app)
    if (rest !== undefined) addRestRoutes(app, rest, this.#callers, limits.maxRestRequests)
    app.setNotFoundHandler((request, reply) => this.#answerElse(request, reply))
    app.setErrorHandler((error, _request, reply) => this.#answerError(error, reply))
    return app
  }

  #addRpcRoutes(app: FastifyInstance): void {
    app.get('/healthz', OPEN_ROUTE, () => ({ status: 'ok' }))
    app.get('/readyz', OPEN_ROUTE, (_request, reply) => {
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
  }

  #addEventRoutes(app: FastifyInstance): void {
    const onRequest = (request: FastifyRequest, reply: FastifyReply) =>
      this.#admitReader(request, reply)
    app.get('/ws', { onRequest }, (request, reply) => this.#openSocket(request, reply))
    app.get('/events', { onRequest }, (request, reply) => this.#openStream(request, reply))
  }

  /** Refuses what comes when there are too many connections, or after the server began to stop. */
  #checkRoom(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const isTurnedAway = this.#connections.isTurnedAway(request.socket)
    this.#connections.beginAnswer(request.socket, reply.raw)
    if (!isTurnedAway && this.#closed === undefined) return undefined
    const text = isTurnedAway ? TOO_MANY_CONNECTIONS : 'The node is stopping'
    return refuse(reply.header('connection', 'close'), 503, text)
  }

  /** Address, password and room, before a byte of the body is read. */
  async #admit(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const caller = this.#callers.recall(request) ?? (await this.#callers.identify(request, reply))
    if (caller === undefined) return reply
    this.#trust(request, reply)
    if (this.#calls.size >= this.#limits.maxRequests) {
      return refuse(reply, 503, 'Work queue depth exceeded')
    }
    // Clients send many content types, some of no known form, or none; what the body is, is decided
    // by reading it. A web page could use that, but it has neither a password nor a listed origin.
    request.raw.headers['content-type'] = 'application/json'
    const cancellation = new Cancellation()
    this.#calls.set(request, { caller, cancellation })
    // Comes once for every request: after its answer, or when its connection is gone.
    reply.raw.once('close', () => {
      this.#calls.delete(request)
      cancellation.abort(CALLER_GONE)
      if (this.#calls.size === 0) this.#onDrained()
    })
    return undefined
  }

  /** The same for those who will stay. */
  async #admitReader(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const caller = await this.#callers.identify(request, reply)
    if (caller === undefined) return reply
    this.#readers.set(request, caller)
    const reason = caller.forbids?.(SUBSCRIBE_METHOD)
    if (reason !== undefined) return refuse(reply, 403, reason)
    this.#trust(request, reply)
    if (this.#closed !== undefined || this.#deps.events?.() === undefined) {
      return refuse(reply, 503, 'There are no events now: the node is starting or stopping')
    }
    if (!this.#outlets.hasRoom) return refuse(reply, 503, 'Too many readers of events')
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
    const pending = this.#calls.get(request)
    const call = { wallet, signal: pending?.cancellation, forbids: pending?.caller.forbids }
    const answer = await this.#deps.dispatcher.handleText(body, call)
    if (answer.status === 204) return reply.code(204).send()
    if (answer.status === 403) return refuse(reply, 403, answer.text)
    if (answer.text.length < LARGE_ANSWER_LENGTH) {
      sendSmall(reply, answer)
    } else {
      await this.#largeAnswers.run(async () => {
        await sleep(this.#deps.clock, 0)
        sendLarge(reply, answer)
      })
    }
    return reply
  }

  #openSocket(request: FastifyRequest, reply: FastifyReply): unknown {
    const head = this.#upgradeHeads.get(request.raw)
    const events = this.#deps.events?.()
    if (head === undefined || events === undefined) {
      return refuse(reply.header('upgrade', 'websocket'), 426, 'This is a WebSocket')
    }
    reply.hijack()
    reply.raw.detachSocket(request.socket)
    this.#outlets.openSocket(request.raw, head, events, this.#readers.get(request)?.forbids)
    return reply
  }

  #openStream(request: FastifyRequest, reply: FastifyReply): unknown {
    const events = this.#deps.events?.()
    const wish = readEventWish(request)
    if (typeof wish === 'string') return refuse(reply, 400, wish)
    if (events === undefined) return refuse(reply, 503, 'There are no events now')
    this.#outlets.openStream(takeOver(reply), events, wish)
    return reply
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

  async #close(): Promise<void> {
    const drained = new Promise<void>((resolve) => {
      this.#onDrained = resolve
      if (this.#calls.size === 0) resolve()
    })
    const closed = this.#app.close()
    this.#outlets.close()
    for (const { cancellation } of this.#calls.values()) cancellation.abort(CALLER_GONE)
    const grace = new AbortController()
    await Promise.race([
      drained,
      sleep(this.#deps.clock, this.#limits.closeGraceMs, grace.signal).catch(() => {}),
    ])
    grace.abort()
    // Connections without a request: they would otherwise keep the server open until they time out.
    this.#app.server.closeAllConnections()
    this.#outlets.terminate()
    await closed
  }
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
 * Starts serving JSON-RPC on POST `/` and `/wallet/<name>`, events on GET `/ws` and `/events`, REST under `/rest/`
 * if there is one, and GET `/healthz` and `/readyz`.
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
