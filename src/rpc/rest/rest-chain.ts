/** @module REST on transactions, blocks and headers. */

import type { BlockEntry, Chain } from '../../chain/index.ts'
import { encodeHeader, HASH_SIZE } from '../../primitives/index.ts'
import { concatBytes, decodeHex, isHex } from '../../util/index.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { readBlockBytes } from '../methods/get-block.ts'
import { describeHeader } from '../methods/header-json.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { RestError, type RestResource, readRestQuery } from './rest-reply.ts'

/** What the answers are made from. */
export interface RestDeps {
  readonly context: RpcContext
  readonly dispatcher: Pick<Dispatcher, 'execute'>
}

/** The most headers in one answer. @see Bitcoin Core `MAX_REST_HEADERS_RESULTS` */
export const MAX_REST_HEADERS = 2_000
const DEFAULT_HEADER_COUNT = '5'
const VERBOSITY_TXIDS = 1
const VERBOSITY_PREVOUTS = 3

/** @throws {@link RestError} 400 if it is no hash as people spell it. */
export function requireHash(text: string): string {
  if (text.length === 2 * HASH_SIZE && isHex(text)) return text.toLowerCase()
  throw new RestError(400, `Invalid hash: ${text}`)
}

/** `/rest/tx/<txid>`: one that waits, or with `--txindex` any. */
export async function findTransaction(
  { dispatcher }: RestDeps,
  subject: string,
): Promise<RestResource> {
  const txid = requireHash(subject)
  const read = async (verbosity: number) => {
    try {
      return await dispatcher.execute('getrawtransaction', [txid, verbosity])
    } catch (error) {
      const isUnknown = error instanceof RpcError && error.code === RPC_CODES.INVALID_ADDRESS_OR_KEY
      throw isUnknown ? new RestError(404, `${txid} not found`, { cause: error }) : error
    }
  }
  const bytes = decodeHex(String(await read(0)))
  return { bin: () => bytes, json: () => read(1) }
}

async function findBlock(
  { context, dispatcher }: RestDeps,
  subject: string,
  verbosity: number,
): Promise<RestResource> {
  const hash = requireHash(subject)
  const entry = context.chain.getEntry(hash)
  if (entry === undefined) throw new RestError(404, `${hash} not found`)
  if (!entry.hasBody) {
    const reason = entry.isPruned ? 'pruned data' : 'not fully downloaded'
    throw new RestError(404, `${hash} not available (${reason})`)
  }
  return {
    bin: () => readBlockBytes(context, entry),
    json: () => dispatcher.execute('getblock', [hash, verbosity]),
  }
}

/** `/rest/block/<hash>` */
export function findWholeBlock(deps: RestDeps, subject: string): Promise<RestResource> {
  return findBlock(deps, subject, VERBOSITY_PREVOUTS)
}

/** `/rest/block/notxdetails/<hash>` */
export function findBlockWithTxids(deps: RestDeps, subject: string): Promise<RestResource> {
  return findBlock(deps, subject, VERBOSITY_TXIDS)
}

function readCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= MAX_REST_HEADERS) return count
  throw new RestError(
    400,
    `Header count is invalid or out of acceptable range (1-${MAX_REST_HEADERS}): ${text}`,
  )
}

/** Entries of the active chain from one of them on; none if it is not there. */
function collectEntries(chain: Chain, hash: string, count: number): readonly BlockEntry[] {
  const first = chain.getEntry(hash)
  if (first === undefined || !chain.isActive(first)) return []
  const entries: BlockEntry[] = []
  for (let height = first.height; entries.length < count; height++) {
    const entry = chain.getActiveEntry(height)
    if (entry === undefined) break
    entries.push(entry)
  }
  return entries
}

/** `/rest/headers/<hash>?count=<n>`, and of old `/rest/headers/<n>/<hash>` */
export function findHeaders(
  { context: { chain } }: RestDeps,
  subject: string,
  query: string,
): RestResource {
  const parts = subject.split('/')
  if (parts.length > 2) {
    throw new RestError(
      400,
      'Invalid URI format. Expected /rest/headers/<hash>.<ext>?count=<count>',
    )
  }
  const [countText, hashText] =
    parts.length === 2
      ? parts
      : [readRestQuery(query).get('count') ?? DEFAULT_HEADER_COUNT, subject]
  const count = readCount(countText ?? '')
  const entries = collectEntries(chain, requireHash(hashText ?? ''), count)
  return {
    bin: () => concatBytes(...entries.map(({ header }) => encodeHeader(header))),
    json: () => entries.map((entry) => describeHeader(chain, entry)),
  }
}

/** `/rest/blockhashbyheight/<height>` */
export function findBlockHash({ context: { chain } }: RestDeps, subject: string): RestResource {
  if (!/^\d{1,9}$/.test(subject)) throw new RestError(400, `Invalid height: ${subject}`)
  const entry = chain.getActiveEntry(Number(subject))
  if (entry === undefined) throw new RestError(404, 'Block height out of range')
  return {
    bin: () => entry.hash,
    hex: () => entry.hashHex,
    json: () => ({ blockhash: entry.hashHex }),
  }
}

/** `/rest/deploymentinfo` and `/rest/deploymentinfo/<hash>` */
export function findDeployments({ context, dispatcher }: RestDeps, subject: string): RestResource {
  const hash = subject === '' ? undefined : requireHash(subject)
  if (hash !== undefined && context.chain.getEntry(hash) === undefined) {
    throw new RestError(400, 'Block not found')
  }
  return { json: () => dispatcher.execute('getdeploymentinfo', hash === undefined ? [] : [hash]) }
}
