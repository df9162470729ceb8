/** @module How a devnet asks its nodes: one JSON-RPC batch over HTTP with the node's cookie. */

import { readFile } from 'node:fs/promises'
import { type CallNode, DevnetError, type NodeAddress, type NodeCall } from '../../devnet/index.ts'

/** Longer than the devnet waits for a status, so that sockets of silent nodes are not kept for ever. */
const REQUEST_TIMEOUT_MS = 5_000
const UNAUTHORIZED = 401

interface RpcReply {
  readonly id?: unknown
  readonly result?: unknown
  readonly error?: { readonly message?: string } | null
}

async function post(address: NodeAddress, cookie: string, body: string): Promise<Response> {
  return fetch(address.rpcUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(cookie).toString('base64')}`,
    },
    body,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
}

/** Puts the replies into the order of the calls; a batch's order means nothing. */
function sortReplies(replies: unknown, calls: readonly NodeCall[]): unknown[] {
  const byId = new Map<unknown, RpcReply>(
    Array.isArray(replies) ? replies.map((reply: RpcReply) => [reply.id, reply]) : [],
  )
  return calls.map(({ method }, id) => {
    const reply = byId.get(id)
    if (reply === undefined) throw new DevnetError('bad-answer', `no answer to ${method}`)
    if (reply.error)
      throw new DevnetError('bad-answer', `${method}: ${reply.error.message ?? 'error'}`)
    return reply.result
  })
}

/** Creates the calls. Cookies are read once, and again when a node says that they are old. */
export function createNodeCaller(): CallNode {
  const cookies = new Map<string, string>()
  const readCookie = async (path: string): Promise<string> => {
    const cookie = (await readFile(path, 'utf8')).trim()
    cookies.set(path, cookie)
    return cookie
  }
  return async (address, calls) => {
    const { cookiePath } = address
    const body = JSON.stringify(calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call })))
    let response = await post(
      address,
      cookies.get(cookiePath) ?? (await readCookie(cookiePath)),
      body,
    )
    if (response.status === UNAUTHORIZED) {
      await response.body?.cancel()
      response = await post(address, await readCookie(cookiePath), body)
    }
    if (!response.ok) {
      await response.body?.cancel()
      throw new DevnetError('bad-answer', `HTTP status ${response.status}`)
    }
    return sortReplies(await response.json(), calls)
  }
}
