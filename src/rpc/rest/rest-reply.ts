/** @module What REST answers: one thing in three forms, and why it does not. */

import { encodeHex } from '../../util/index.ts'
import { encodeJson, type RpcValue } from '../json-text.ts'

/** A question, as it stands behind `/rest/`. */
export interface RestRequest {
  /** Without `/rest/` and without the query. */
  readonly path: string
  /** What stands behind the question mark: read it with {@link readRestQuery}. */
  readonly query: string
  /** Empty with GET. */
  readonly body: Uint8Array
}

/** An answer. */
export interface RestReply {
  readonly status: 200 | RestErrorCode
  readonly contentType: 'application/octet-stream' | 'text/plain' | 'application/json'
  readonly body: Uint8Array | string
}

/** HTTP statuses of refusals. */
export type RestErrorCode = 400 | 404 | 500 | 503

/** A question that is not answered; its message goes out as it is. */
export class RestError extends Error {
  override readonly name = 'RestError'
  readonly code: RestErrorCode

  constructor(code: RestErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The form that is asked for by the end of the path. */
export type RestFormat = 'bin' | 'hex' | 'json'

/** A query has no other characters. @see RFC 3986, 3.4 */
const QUERY = /^(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*$/i
/** Bitcoin Core's words for a URI that it cannot read. */
const BROKEN_URI = 'URI parsing failed, it likely contained RFC 3986 invalid characters'

/**
 * Reads a query. Of equal names the first counts.
 *
 * @throws {@link RestError} 400 if it is none.
 * @see Bitcoin Core `GetQueryParameterFromUri`
 */
export function readRestQuery(query: string): ReadonlyMap<string, string> {
  if (!QUERY.test(query)) throw new RestError(400, BROKEN_URI)
  const values = new Map<string, string>()
  for (const member of query.replaceAll('+', ' ').split('&')) {
    const [name = '', value = ''] = member.split(/=(.*)/s, 2).map(decodeEscapes)
    if (!values.has(name)) values.set(name, value)
  }
  return values
}

function decodeEscapes(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new RestError(400, BROKEN_URI, { cause: error })
  }
}

/** The refusal of a request whose path cannot be decoded. */
export function refuseBrokenUri(): RestReply {
  return refuseRest(new RestError(400, BROKEN_URI))
}

/** What there is to answer, in the forms that it has. */
export interface RestResource {
  readonly bin?: () => Uint8Array | Promise<Uint8Array>
  /** The bytes in hexadecimal, unless said otherwise. */
  readonly hex?: () => string
  readonly json?: () => RpcValue | Promise<RpcValue>
}

/** Cuts the form off a path. @see Bitcoin Core `ParseDataFormat` */
export function splitFormat(path: string): {
  readonly subject: string
  readonly format: RestFormat | undefined
} {
  const [, subject, format] = /^(.*)\.(bin|hex|json)$/s.exec(path) ?? []
  return { subject: subject ?? path, format: format as RestFormat | undefined }
}

/** Writes a resource in a form. @throws {@link RestError} 404 if it has no such form. */
export async function renderResource(
  resource: RestResource,
  format: RestFormat | undefined,
): Promise<RestReply> {
  const { bin, hex, json } = resource
  if (format === 'bin' && bin !== undefined) {
    return { status: 200, contentType: 'application/octet-stream', body: await bin() }
  }
  if (format === 'hex' && bin !== undefined) {
    const text = hex === undefined ? encodeHex(await bin()) : hex()
    return { status: 200, contentType: 'text/plain', body: `${text}\n` }
  }
  if (format === 'json' && json !== undefined) {
    const body = `${encodeJson(await json())}\n`
    return { status: 200, contentType: 'application/json', body }
  }
  const forms = bin === undefined ? 'json' : '.bin, .hex, .json'
  throw new RestError(404, `output format not found (available: ${forms})`)
}

/** A refusal, as Bitcoin Core's REST writes it. */
export function refuseRest({ code, message }: RestError): RestReply {
  return { status: code, contentType: 'text/plain', body: `${message}\r\n` }
}
