/** @module What one line of a miner says. */

/** The longest text that is echoed as an id. */
const MAX_ID_LENGTH = 64

/** The id of a request, echoed as it came. */
export type RequestId = string | number | null

/** A call, with or without the wish for an answer. */
export interface StratumRequest {
  readonly kind: 'request'
  readonly id: RequestId
  readonly method: string
  /** Empty if they are missing or no list. */
  readonly params: readonly unknown[]
}

/** An answer to something that we asked; to a server no more than a sign of life. */
export interface StratumResponse {
  readonly kind: 'response'
  readonly id: RequestId
  readonly result: unknown
  readonly error: unknown
}

/** A line that is no JSON object, or whose id or method cannot be used. */
export interface BadLine {
  readonly kind: 'bad'
  readonly id: RequestId
}

function readId(id: unknown): RequestId | undefined {
  if (id === undefined || id === null) return null
  if (typeof id === 'string') return id.length <= MAX_ID_LENGTH ? id : undefined
  return typeof id === 'number' && Number.isFinite(id) ? id : undefined
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

/**
 * Reads a line. Liberal as pools have to be: ids of any kind, parameters that are missing or null, unknown fields.
 *
 * @param line - At most `MAX_LINE_BYTES` long.
 */
export function parseLine(line: string): StratumRequest | StratumResponse | BadLine {
  const message = parseObject(line)
  if (message === undefined) return { kind: 'bad', id: null }
  const id = readId(message['id'])
  const { method, params } = message
  if (id === undefined) return { kind: 'bad', id: null }
  if (method === undefined && ('result' in message || 'error' in message)) {
    return { kind: 'response', id, result: message['result'], error: message['error'] }
  }
  if (typeof method !== 'string') return { kind: 'bad', id }
  return { kind: 'request', id, method, params: Array.isArray(params) ? params : [] }
}

/** A line that asks for something. */
export function formatRequest(id: number, method: string, params: readonly unknown[]): string {
  return `${JSON.stringify({ id, method, params })}\n`
}

/** A line with an answer. */
export function formatResult(id: RequestId, result: unknown): string {
  return `${JSON.stringify({ id, result, error: null })}\n`
}

/** A line with a refusal. @param error - See `StratumError.toJson`. */
export function formatError(id: RequestId, error: readonly [number, string, null]): string {
  return `${JSON.stringify({ id, result: null, error })}\n`
}

/** A line that tells the miner something and wants no answer. */
export function formatNotification(method: string, params: readonly unknown[]): string {
  return `${JSON.stringify({ id: null, method, params })}\n`
}
