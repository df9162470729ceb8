/** @module From a request to its answer: dialects, batches, notifications, warm-up, errors. No transport. */

import { StoreError } from '../chain/index.ts'
import { assertInvariant, type Clock, type Logger, sleep, toErrorMessage } from '../util/index.ts'
import { bindArguments, type RpcParams } from './bind-arguments.ts'
import { type ActiveCommand, createControlMethods } from './control-methods.ts'
import type { MethodSignature, RpcCall, RpcMethod } from './define-method.ts'
import { type ExactJson, isJsonObject } from './exact-json.ts'
import { encodeJson, encodeJsonPieces, type JsonText, type RpcValue } from './json-text.ts'
import { readExactJson } from './read-json.ts'
import {
  errorReply,
  errorStatus,
  isNotification,
  readRequest,
  resultReply,
  UNKNOWN_ENVELOPE,
} from './request.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** More requests in one batch are refused as a whole. */
export const MAX_BATCH_ITEMS = 5_000
/** `getrpcinfo` knows of at most so many calls at a time; further ones run unlisted. */
export const MAX_LISTED_COMMANDS = 1_000
/** All batches together let other work in after so long, so that they cannot hold the event loop. */
const BATCH_YIELD_MS = 20

/** The HTTP statuses of answers. */
export type RpcStatus = 200 | 204 | 400 | 403 | 404 | 500

/** An answer as data. */
export interface RpcReply {
  readonly status: RpcStatus
  /** Undefined with status 204: nobody waits for an answer. */
  readonly body: RpcValue | undefined
}

/** An answer as text, without a final line break; empty with status 204, and no JSON with status 403. */
export interface RpcTextReply {
  readonly status: RpcStatus
  readonly text: string
  /** The text in pieces, for transports that write large ones without a copy; undefined if none is large. */
  readonly pieces?: readonly (string | JsonText)[]
}

/** Live collaborators, and the table. */
export interface DispatcherDeps<Context> {
  /** `help` and `getrpcinfo` are added to these. */
  readonly methods: readonly RpcMethod<Context>[]
  /** Handed to every handler. */
  readonly context: Context
  readonly log: Logger
  readonly clock: Clock
  /** While it returns a text, every call is answered with -28 and that text. */
  readonly warmupStatus?: () => string | undefined
  /** Reported by `getrpcinfo`. */
  readonly logPath?: string
  /** Of the program, for `getopenrpcinfo`. */
  readonly version?: string
}

/** Answers requests. Calls may overlap; a batch's items run one after the other. */
export interface Dispatcher {
  /** Answers a parsed request or batch. Never rejects. */
  handle(request: unknown, call?: RpcCall): Promise<RpcReply>
  /** Answers a request's text. Never rejects. */
  handleText(text: string, call?: RpcCall): Promise<RpcTextReply>
  /**
   * Runs one method for a caller in this process.
   *
   * @throws {@link RpcError} as a remote caller would get it.
   */
  execute(method: string, params?: RpcParams, call?: RpcCall): Promise<RpcValue>
  /** The table, by name. */
  methods(): ReadonlyMap<string, MethodSignature>
  /** What is being worked on now. */
  activeCommands(): readonly ActiveCommand[]
}

class MethodDispatcher<Context> implements Dispatcher {
  readonly #deps: DispatcherDeps<Context>
  readonly #methods = new Map<string, RpcMethod<Context>>()
  readonly #active = new Set<{ readonly method: string; readonly startMs: number }>()
  /** When batches began to work in this turn of the event loop. */
  #batchTurnMs = Number.NEGATIVE_INFINITY
  /** The next turn, if some wait for it. */
  #nextBatchTurn: Promise<void> | undefined

  constructor(deps: DispatcherDeps<Context>) {
    this.#deps = deps
    const control = createControlMethods({
      methods: () => this.#methods,
      activeCommands: () => this.activeCommands(),
      logPath: deps.logPath ?? '',
      version: deps.version ?? '',
    })
    for (const method of [...deps.methods, ...control]) {
      assertInvariant(!this.#methods.has(method.name), `${method.name} is declared once`)
      this.#methods.set(method.name, method)
    }
  }

  methods(): ReadonlyMap<string, MethodSignature> {
    return this.#methods
  }

  activeCommands(): readonly ActiveCommand[] {
    const now = this.#deps.clock.monotonic()
    return [...this.#active].map(({ method, startMs }) => ({
      method,
      durationMicros: Math.max(0, Math.round((now - startMs) * 1_000)),
    }))
  }

  async execute(name: string, params: RpcParams = [], call: RpcCall = {}): Promise<RpcValue> {
    const warmup = this.#deps.warmupStatus?.()
    if (warmup !== undefined) throw new RpcError(RPC_CODES.IN_WARMUP, warmup)
    const method = this.#methods.get(name)
    if (method === undefined) throw new RpcError(RPC_CODES.METHOD_NOT_FOUND, 'Method not found')
    // So that the rest of a batch ends soon when its caller has gone or the server stops.
    if (call.signal?.aborted === true) throw new RpcError(RPC_CODES.MISC_ERROR, 'Call aborted')
    const active = { method: name, startMs: this.#deps.clock.monotonic() }
    if (this.#active.size < MAX_LISTED_COMMANDS) this.#active.add(active)
    try {
      return await method.handler(this.#deps.context, bindArguments(method, params), call)
    } catch (error) {
      throw this.#toRpcError(name, error)
    } finally {
      this.#active.delete(active)
    }
  }

  async handle(request: unknown, call: RpcCall = {}): Promise<RpcReply> {
    const forbidden = findForbidden(request, call)
    if (forbidden !== undefined) {
      return { status: 403, body: forbidden }
    }
    return Array.isArray(request)
      ? this.#handleBatch(request, call)
      : this.#handleOne(request, call)
  }

  async handleText(text: string, call: RpcCall = {}): Promise<RpcTextReply> {
    const { status, body } = await this.#parseAndHandle(text, call)
    if (body === undefined) return { status, text: '' }
    // Who may not call it is told so by the transport, as by Bitcoin Core: this is no answer of the method.
    if (status === 403) return { status, text: String(body) }
    try {
      const pieces = encodeJsonPieces(body)
      const [first = ''] = pieces
      if (pieces.length === 1) return { status, text: `${first}` }
      // Engines join texts without a copy until somebody reads them.
      return { status, text: pieces.reduce<string>((sum, piece) => sum + piece, ''), pieces }
    } catch (error) {
      const failure = this.#toRpcError('(writing the answer)', error)
      return { status: 500, text: encodeJson(errorReply(UNKNOWN_ENVELOPE, failure)) }
    }
  }

  async #parseAndHandle(text: string, call: RpcCall): Promise<RpcReply> {
    let request: ExactJson
    try {
      request = readExactJson(text)
    } catch (error) {
      return refuse(this.#toRpcError('(reading the request)', error))
    }
    if (!isJsonObject(request) && !Array.isArray(request)) {
      return refuse(new RpcError(RPC_CODES.PARSE_ERROR, 'Top-level object parse error'))
    }
    return this.handle(request, call)
  }

  async #handleOne(item: unknown, call: RpcCall): Promise<RpcReply> {
    const request = readRequest(item)
    if ('error' in request) {
      return {
        status: errorStatus(request, request.error),
        body: errorReply(request, request.error),
      }
    }
    let reply: RpcReply
    try {
      const result = await this.execute(request.method, request.params, call)
      reply = { status: 200, body: resultReply(request, result ?? null) }
    } catch (error) {
      const failure = this.#toRpcError(request.method, error)
      reply = { status: errorStatus(request, failure), body: errorReply(request, failure) }
    }
    return isNotification(request) ? { status: 204, body: undefined } : reply
  }

  /** @see Bitcoin Core `HTTPReq_JSONRPC`: a batch is always 200, and an empty one an empty list. */
  async #handleBatch(items: readonly unknown[], call: RpcCall): Promise<RpcReply> {
    if (items.length > MAX_BATCH_ITEMS) {
      const message = `A batch may have at most ${MAX_BATCH_ITEMS} requests`
      return refuse(new RpcError(RPC_CODES.INVALID_REQUEST, message))
    }
    const replies: RpcValue[] = []
    for (const item of items) {
      // Asked again after each wait, and just before the work: another batch may have used the turn up.
      while (this.#isBatchTurnOver) await this.#startBatchTurn()
      const { body } = await this.#handleOne(item, call)
      if (body !== undefined) replies.push(body)
    }
    if (replies.length === 0 && items.length > 0) return { status: 204, body: undefined }
    return { status: 200, body: replies }
  }

  /** Whether batches have worked long enough in this turn of the event loop, all of them together. */
  get #isBatchTurnOver(): boolean {
    return this.#deps.clock.monotonic() - this.#batchTurnMs >= BATCH_YIELD_MS
  }

  #startBatchTurn(): Promise<void> {
    const { clock } = this.#deps
    this.#nextBatchTurn ??= sleep(clock, 0).then(() => {
      this.#batchTurnMs = clock.monotonic()
      this.#nextBatchTurn = undefined
    })
    return this.#nextBatchTurn
  }

  /** Passes on what callers may know; logs anything else and says no more than that it happened. */
  #toRpcError(method: string, error: unknown): RpcError {
    if (error instanceof RpcError) return error
    this.#deps.log.error('RPC call failed unexpectedly', {
      method,
      error: toErrorMessage(error),
      stack: error instanceof Error ? error.stack : undefined,
    })
    // What is wrong with the disk, and the cure, is for whoever asks to know.
    if (error instanceof StoreError) return new RpcError(RPC_CODES.DATABASE_ERROR, error.message)
    return new RpcError(RPC_CODES.INTERNAL_ERROR, 'Internal error; the log of the node has details')
  }
}

/** Why the caller may not call the first forbidden method of a request or a batch. */
function findForbidden(request: unknown, { forbids }: RpcCall): string | undefined {
  if (forbids === undefined) return undefined
  const items: readonly unknown[] = Array.isArray(request) ? request : [request]
  for (const item of items) {
    const read = readRequest(item)
    const reason = 'method' in read ? forbids(read.method) : undefined
    if (reason !== undefined) return reason
  }
  return undefined
}

function refuse(error: RpcError): RpcReply {
  return {
    status: errorStatus(UNKNOWN_ENVELOPE, error),
    body: errorReply(UNKNOWN_ENVELOPE, error),
  }
}

/** Creates the dispatcher of a method table. */
export function createDispatcher<Context>(deps: DispatcherDeps<Context>): Dispatcher {
  return new MethodDispatcher(deps)
}
