/** @module One request's envelope: which dialect it speaks, and what an answer in that dialect is. */

import type { RpcParams } from './bind-arguments.ts'
import { type ExactJson, isJsonObject, JsonMembers, JsonNumber } from './exact-json.ts'
import type { RpcValue } from './json-text.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/**
 * Bitcoin Core speaks two. `legacy` is whatever does not say `"jsonrpc":"2.0"`: both `result` and
 * `error` are always present and errors change the HTTP status. In `2.0` one of the two is present
 * and the status stays 200.
 *
 * @see Bitcoin Core `JSONRPCVersion`, doc/JSON-RPC-interface.md
 */
export type Dialect = 'legacy' | '2.0'

/** How an answer must look. */
export interface Envelope {
  readonly dialect: Dialect
  /** Undefined: the request had none, and neither has its answer. */
  readonly id: ExactJson | undefined
}

/** A well-formed request. */
export interface RpcRequest extends Envelope {
  readonly method: string
  readonly params: RpcParams
}

/** A request that is none, and how to say so. */
export interface MalformedRequest extends Envelope {
  readonly error: RpcError
}

/** The envelope of an answer to something whose own could not be read. */
export const UNKNOWN_ENVELOPE: Envelope = { dialect: 'legacy', id: null }

function invalid(envelope: Envelope, message: string): MalformedRequest {
  return { ...envelope, error: new RpcError(RPC_CODES.INVALID_REQUEST, message) }
}

function isOne(version: ExactJson | undefined): boolean {
  return version === 1 || (version instanceof JsonNumber && Number(version.text) === 1)
}

/**
 * Reads a request's envelope. Never throws: even a malformed one is answered in its own dialect.
 *
 * @see Bitcoin Core `JSONRPCRequest::parse`
 */
export function readRequest(request: unknown): RpcRequest | MalformedRequest {
  if (!isJsonObject(request)) return invalid(UNKNOWN_ENVELOPE, 'Invalid Request object')
  // No key of these is inherited by anything, and a null is as good as nothing but for the id.
  const fields = request instanceof JsonMembers ? request.toObject() : request
  const { id, jsonrpc, method, params } = fields as { readonly [key: string]: ExactJson }
  // npm rpc-bitcoin, the client of pools, writes the number; Bitcoin Core took it until its version 28.
  const version = isOne(jsonrpc) ? '1.0' : (jsonrpc ?? undefined)
  const dialect: Dialect = version === '2.0' ? '2.0' : 'legacy'
  const envelope = { dialect, id }
  if (version !== undefined && typeof version !== 'string') {
    return invalid(envelope, 'jsonrpc field must be a string')
  }
  // "1.0" was never a value of this field, but old documentation made clients send it.
  if (version !== undefined && version !== '1.0' && version !== '2.0') {
    return invalid(envelope, 'JSON-RPC version not supported')
  }
  if (method === undefined || method === null) return invalid(withId(envelope), 'Missing method')
  if (typeof method !== 'string') return invalid(withId(envelope), 'Method must be a string')
  const given = params ?? []
  if (typeof given !== 'object' || given instanceof JsonNumber) {
    return invalid(withId(envelope), 'Params must be an array or object')
  }
  return { dialect, id, method, params: given as RpcParams }
}

/** In 2.0 an invalid request is answered with a null id: only a valid one can be a notification. */
function withId(envelope: Envelope): Envelope {
  return envelope.dialect === '2.0' ? { ...envelope, id: envelope.id ?? null } : envelope
}

/** Whether a request wants no answer. Only 2.0 has such; a legacy request without id is answered. */
export function isNotification({ dialect, id }: Envelope): boolean {
  return dialect === '2.0' && id === undefined
}

/** The answer that carries a result. */
export function resultReply({ dialect, id }: Envelope, result: RpcValue): RpcValue {
  return dialect === '2.0' ? { jsonrpc: '2.0', result, id } : { result, error: null, id }
}

/** The answer that carries an error. */
export function errorReply({ dialect, id }: Envelope, error: RpcError): RpcValue {
  const body = { code: error.code, message: error.message }
  return dialect === '2.0' ? { jsonrpc: '2.0', error: body, id } : { result: null, error: body, id }
}

/**
 * The HTTP status that goes with an error.
 *
 * @see Bitcoin Core `JSONErrorReply`
 */
export function errorStatus({ dialect }: Envelope, error: RpcError): 200 | 400 | 404 | 500 {
  if (dialect === '2.0') return 200
  if (error.code === RPC_CODES.INVALID_REQUEST) return 400
  return error.code === RPC_CODES.METHOD_NOT_FOUND ? 404 : 500
}
