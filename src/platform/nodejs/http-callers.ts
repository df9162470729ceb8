/** @module Who is served over HTTP, asked before a byte of a body is read. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RpcCall } from '../../rpc/index.ts'
import { type Clock, type Logger, sleep } from '../../util/index.ts'
import {
  createAddressCheck,
  createBasicAuth,
  createHostCheck,
  createMethodCheck,
} from './http-guard.ts'
import type { RpcUser, RpcWhitelists } from './rpc-auth.ts'

/** A wrong password is answered so late. @see Bitcoin Core `HTTPReq_JSONRPC` */
export const WRONG_PASSWORD_DELAY_MS = 250
/** At most one log line about wrong passwords in this time: a guesser must not fill the disk. */
const WRONG_PASSWORD_LOG_MS = 1_000
/** How long a browser may remember a preflight answer. */
const PREFLIGHT_MAX_AGE_SECONDS = 600
const WWW_AUTHENTICATE = 'Basic realm="jsonrpc"'

/** Who may come. */
export interface CallerOptions {
  /** `user:password`, each of which opens RPC; the cookie is one. */
  readonly credentials: readonly string[]
  /** The same, by the hash of the password. */
  readonly users?: readonly RpcUser[]
  /** The methods of users who may not call all. */
  readonly whitelists?: RpcWhitelists
  /** Whether users who have no such list may call any method; unless said only if there are no lists at all. */
  readonly mayOthersCall?: boolean
  /** IP addresses and CIDR ranges that may use RPC besides loopback. */
  readonly allowIps?: readonly string[]
  /** Names in `Host` besides loopback's and the address bound to. */
  readonly allowHosts?: readonly string[]
  /** Web origins whose pages may use RPC. */
  readonly allowOrigins?: readonly string[]
}

/** A caller with the right password. */
export interface Caller {
  readonly user: string
  /** Why the caller may not call a method; undefined if all methods are allowed. */
  readonly forbids: RpcCall['forbids']
}

/** Answers with a text. */
export function refuse(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain').send(text)
}

/** Whether a request's route asks for a password; so does every path without a route. */
function needsPassword({ routeOptions }: FastifyRequest): boolean {
  const { isOpen } = routeOptions.config as { readonly isOpen?: boolean }
  return isOpen !== true
}

/** Whether a page asks that this very server has served. Its `Host` has been checked. */
function isSameOrigin({ headers: { host, origin } }: FastifyRequest): boolean {
  return host !== undefined && origin === `http://${host}`
}

/** For routes that need no password: pages of this server may use them. */
export const OPEN_ROUTE = { config: { isOpen: true } } as const

/** The checks of one server. */
export class HttpCallers {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #checkAddress: ReturnType<typeof createAddressCheck>
  readonly #checkHost: ReturnType<typeof createHostCheck>
  readonly #checkAuth: ReturnType<typeof createBasicAuth>
  readonly #checkMethods: ReturnType<typeof createMethodCheck>
  readonly #origins: ReadonlySet<string>
  readonly #known = new WeakMap<
    FastifyRequest['socket'],
    { readonly authorization: string | undefined; readonly caller: Caller }
  >()
  #lastRefusalLogMs = Number.NEGATIVE_INFINITY
  #unloggedRefusals = 0

  /** @param host - The address that is bound to. */
  constructor(
    deps: { readonly clock: Clock; readonly log: Logger },
    host: string,
    options: CallerOptions,
  ) {
    this.#clock = deps.clock
    this.#log = deps.log
    const { whitelists = new Map() } = options
    this.#checkAddress = createAddressCheck(options.allowIps ?? [])
    this.#checkHost = createHostCheck([host, ...(options.allowHosts ?? [])])
    this.#checkAuth = createBasicAuth(options)
    this.#checkMethods = createMethodCheck(
      whitelists,
      options.mayOthersCall ?? whitelists.size === 0,
    )
    this.#origins = new Set(options.allowOrigins)
  }

  /** What holds for every path: names that are ours, and no web page that is not listed. Answers if not. */
  checkNames(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    if (!this.#checkHost(request.headers.host, request.socket.localAddress)) {
      return refuse(reply, 403, 'This Host is not served here; see --rpc-allow-host')
    }
    const { origin } = request.headers
    if (origin === undefined) return undefined
    if (!this.#origins.has(origin)) {
      if (!needsPassword(request) && isSameOrigin(request)) return undefined
      return refuse(reply, 403, 'This Origin is not allowed; see --rpc-allow-origin')
    }
    reply.header('access-control-allow-origin', origin).header('vary', 'Origin')
    if (request.method !== 'OPTIONS') return undefined
    return reply
      .code(204)
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-allow-headers', 'authorization, content-type, last-event-id')
      .header('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS)
      .send()
  }

  /** Whether a caller's address may come at all. Answers if not. */
  checkAddress(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    if (this.#checkAddress(request.socket.remoteAddress)) return undefined
    return refuse(reply, 403, 'This address is not allowed; see --rpc-allow-ip')
  }

  /** The caller, if he has said the same over the same connection before: then he need not be judged again. */
  recall({ socket, headers }: FastifyRequest): Caller | undefined {
    const known = this.#known.get(socket)
    return known?.authorization === headers.authorization ? known?.caller : undefined
  }

  /** The caller, by address and password. Answers, and returns nothing, if he is not let in. */
  async identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller | undefined> {
    if (this.checkAddress(request, reply) !== undefined) return undefined
    const known = this.recall(request)
    if (known !== undefined) return known
    const { authorization } = request.headers
    const auth = this.#checkAuth(authorization)
    if (auth.verdict === 'right') {
      const caller = { user: auth.user, forbids: this.#checkMethods(auth.user) }
      this.#known.set(request.socket, { authorization, caller })
      return caller
    }
    if (auth.verdict === 'wrong') {
      this.#logRefusal(request.socket.remoteAddress)
      await sleep(this.#clock, WRONG_PASSWORD_DELAY_MS)
    }
    refuse(reply.header('www-authenticate', WWW_AUTHENTICATE), 401, '')
    return undefined
  }

  #logRefusal(address: string | undefined): void {
    const now = this.#clock.monotonic()
    if (now - this.#lastRefusalLogMs < WRONG_PASSWORD_LOG_MS) {
      this.#unloggedRefusals++
      return
    }
    this.#log.warn('incorrect password attempt', {
      address,
      unloggedBefore: this.#unloggedRefusals,
    })
    this.#lastRefusalLogMs = now
    this.#unloggedRefusals = 0
  }
}
