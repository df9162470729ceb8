/** @module Calls to a node's RPC over HTTP, and the command `quarry rpc`. */

import { type ClientRequest, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import {
  convertTextArguments,
  encodeJson,
  indentJson,
  type JsonValue,
  type MethodSignature,
  parseJson,
  RPC_CODES,
  RpcError,
  type RpcParams,
  splitJsonObject,
} from '../../rpc/index.ts'
import { ConfigError, toErrorMessage } from '../../util/index.ts'
import { isCookie } from './cookie.ts'
import { type NodeAccess, readAccess } from './node-access.ts'
import { findProgramName } from './program-name.ts'
import { parseRpcUrl } from './rpc-url.ts'

/** A longer answer is not read to its end: the largest block in JSON is well below. */
const MAX_REPLY_BYTES = 268_435_456
/** Long enough for a method that waits or mines. */
export const DEFAULT_RPC_TIMEOUT_MS = 900_000

/** @see Bitcoin Core `ParseError` of bitcoin-cli */
const WALLET_HINT =
  ' Or for the command line, give the "--wallet <name>" option before the method; "listwallets" names those that are loaded.'

/** Why no answer came. */
export type RpcClientErrorCode =
  | 'rpc-unreachable'
  | 'rpc-timeout'
  | 'rpc-unauthorized'
  | 'rpc-refused'
  | 'rpc-bad-reply'

/** The server did not answer the call, as against answering it with an {@link RpcError}. */
export class RpcClientError extends Error {
  override readonly name = 'RpcClientError'
  readonly code: RpcClientErrorCode

  constructor(code: RpcClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** One call. */
export interface RpcCallOptions {
  /** Such as `http://127.0.0.1:18443`; may end in `/wallet/NAME`. */
  readonly url: string
  /** `user:password`; a cookie's content is that. */
  readonly auth: string
  readonly method: string
  readonly params?: RpcParams
  /** Overrides the wallet of the URL. */
  readonly wallet?: string | undefined
  /** Default: {@link DEFAULT_RPC_TIMEOUT_MS}. */
  readonly timeoutMs?: number
  /** Gives the call up. */
  readonly signal?: AbortSignal | undefined
}

interface HttpReply {
  readonly status: number
  readonly text: string
}

function explainConnectionError(error: unknown, url: string): RpcClientError {
  if (error instanceof RpcClientError) return error
  const { code } = error as { code?: unknown }
  const reason =
    code === 'ECONNREFUSED'
      ? `Nothing listens at ${url}. The node may have stopped or still be starting: start it with "${findProgramName()} start", or name its directory with --datadir or its port with --rpc-port.`
      : `The call to ${url} failed: ${toErrorMessage(error)}.`
  return new RpcClientError('rpc-unreachable', reason, { cause: error })
}

/** Sends a body and reads the answer. Connections are kept by Node.js's own agent. */
function post(options: RpcCallOptions, body: string): Promise<HttpReply> {
  const { auth, timeoutMs = DEFAULT_RPC_TIMEOUT_MS, signal } = options
  const path = options.wallet === undefined ? '/' : `/wallet/${encodeURIComponent(options.wallet)}`
  const url = new URL(path, options.url)
  const settings: RequestOptions = {
    method: 'POST',
    auth,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    ...(signal === undefined ? {} : { signal }),
  }
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const request: ClientRequest = send(url, settings, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size <= MAX_REPLY_BYTES) chunks.push(chunk)
        else request.destroy(new RpcClientError('rpc-bad-reply', 'The answer is too large.'))
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    const timer = setTimeout(() => {
      const message = `${options.url} did not answer ${options.method} within ${timeoutMs} ms.`
      request.destroy(new RpcClientError('rpc-timeout', message))
    }, timeoutMs)
    request.on('error', reject)
    request.on('close', () => clearTimeout(timer))
    request.end(body)
  })
}

/** The node does not know the user, or another password. */
export function createUnauthorizedError(url: string, auth: string): RpcClientError {
  return new RpcClientError(
    'rpc-unauthorized',
    isCookie(auth)
      ? `The node at ${url} refuses this cookie. It writes a new one at every start: check that --datadir is the directory of the node that listens there.`
      : `The node at ${url} refuses this user or password. "${findProgramName()} rpcauth" makes the line by which a node knows one (--rpc-auth).`,
  )
}

/** The answers that are about HTTP and not about the call. */
function checkStatus({ status, text }: HttpReply, { url, auth }: RpcCallOptions): void {
  if (status === 401) throw createUnauthorizedError(url, auth)
  if (status === 403 || status === 413 || status === 503) {
    throw new RpcClientError(
      'rpc-refused',
      `The node at ${url} refuses: ${text.trim()} (${status}).`,
    )
  }
}

function badReply({ status }: HttpReply, url: string): RpcClientError {
  return new RpcClientError(
    'rpc-bad-reply',
    `What listens at ${url} does not speak JSON-RPC (HTTP status ${status}).`,
  )
}

/**
 * Calls a method and gives the text of its result, with numbers exactly as the server wrote them.
 *
 * @throws {@link RpcError} with which the server answered.
 * @throws {@link RpcClientError} if no answer came.
 */
export async function callRpcForText(options: RpcCallOptions): Promise<string> {
  const { method, params = [] } = options
  const { origin: url, wallet } = parseRpcUrl(options.url)
  const call = { ...options, url, wallet: options.wallet ?? wallet }
  const body = encodeJson({ jsonrpc: '2.0', id: 1, method, params })
  let reply: HttpReply
  try {
    reply = await post(call, body)
  } catch (error) {
    throw explainConnectionError(error, url)
  }
  checkStatus(reply, call)
  let members: ReadonlyMap<string, string> | undefined
  let error: JsonValue
  try {
    parseJson(reply.text)
    members = splitJsonObject(reply.text)
    error = parseJson(members?.get('error') ?? 'null')
  } catch {
    throw badReply(reply, url)
  }
  if (typeof error === 'object' && error !== null && !Array.isArray(error)) {
    const { code, message } = error as { code?: unknown; message?: unknown }
    throw new RpcError(typeof code === 'number' ? code : -1, String(message))
  }
  const result = members?.get('result')
  if (result === undefined) throw badReply(reply, url)
  return result
}

/**
 * Calls a method. Amounts come as doubles; {@link callRpcForText} keeps their digits.
 *
 * @throws {@link RpcError} with which the server answered.
 * @throws {@link RpcClientError} if no answer came.
 */
export async function callRpc(options: RpcCallOptions): Promise<JsonValue> {
  return parseJson(await callRpcForText(options))
}

/** What `quarry rpc` was told, and where it writes. */
export interface RpcCommandOptions extends NodeAccess {
  /** The method table, where it is at hand: it tells texts from numbers. */
  readonly methods?: Iterable<MethodSignature>
  readonly method: string
  readonly rawParams: readonly string[]
  /** Read `name=value`. */
  readonly isNamed?: boolean
  readonly wallet?: string | undefined
  readonly timeoutMs?: number
  readonly writeOut: (text: string) => void
  readonly writeError: (text: string) => void
}

/**
 * Prints as bitcoin-cli does: texts bare, the rest as indented JSON, and nothing at all, not even an empty line,
 * for null and for an empty text.
 */
function formatResult(result: string): string {
  const text = result.startsWith('"') ? String(parseJson(result)) : indentJson(result)
  return result === 'null' || text === '' ? '' : `${text}\n`
}

async function callForCommand(options: RpcCommandOptions): Promise<string> {
  const { method, rawParams, isNamed = false, wallet, timeoutMs } = options
  const known = [...(options.methods ?? [])].find(({ name }) => name === method)
  const params = convertTextArguments(known, rawParams, isNamed)
  return callRpcForText({
    ...(await readAccess(options)),
    ...{ method, params, wallet },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  })
}

/**
 * Runs `quarry rpc <method> [params…]`: finds the node by its directory, calls and prints.
 *
 * @returns The exit code: 0; an RPC error's code without its sign, as bitcoin-cli; 1 if the node was
 * not reached.
 */
export async function runRpcCommand(options: RpcCommandOptions): Promise<number> {
  try {
    options.writeOut(formatResult(await callForCommand(options)))
    return 0
  } catch (error) {
    if (error instanceof RpcError) {
      const hint = error.code === RPC_CODES.WALLET_NOT_SPECIFIED ? WALLET_HINT : ''
      options.writeError(`error code: ${error.code}\nerror message:\n${error.message}${hint}\n`)
      return Math.abs(error.code) || 1
    }
    if (error instanceof RpcClientError || error instanceof ConfigError) {
      options.writeError(`error: ${error.message}\n`)
      return 1
    }
    throw error
  }
}
