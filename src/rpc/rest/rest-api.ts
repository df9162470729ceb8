/** @module REST under `/rest/`: what Bitcoin Core's answers to whoever asks, by path and form. No transport. */

import type { RpcParams } from '../bind-arguments.ts'
import { RpcError } from '../rpc-error.ts'
import {
  findBlockHash,
  findBlockWithTxids,
  findDeployments,
  findHeaders,
  findTransaction,
  findWholeBlock,
  type RestDeps,
} from './rest-chain.ts'
import {
  RestError,
  type RestReply,
  type RestRequest,
  type RestResource,
  readRestQuery,
  refuseRest,
  renderResource,
  splitFormat,
} from './rest-reply.ts'
import { findUtxos } from './rest-utxos.ts'

/** REST of one node. */
export interface RestApi {
  /** Answers a request. Rejects only for faults of the node. */
  handle(request: RestRequest): Promise<RestReply>
}

type Endpoint = (
  deps: RestDeps,
  subject: string,
  request: RestRequest,
) => RestResource | Promise<RestResource>

function answerCall(method: string, params: RpcParams = []): Endpoint {
  return ({ dispatcher }) => ({ json: () => dispatcher.execute(method, params) })
}

/** @throws {@link RestError} 400 for what is neither yes nor no. */
function readSwitch(
  query: ReadonlyMap<string, string>,
  name: string,
  fallback: 'true' | 'false',
): boolean {
  const text = query.get(name) ?? fallback
  if (text === 'true' || text === 'false') return text === 'true'
  const message = `The "${name}" query parameter must be either "true" or "false".`
  throw new RestError(400, message)
}

const findMempool: Endpoint = (deps, subject, request) => {
  if (subject === 'info') return answerCall('getmempoolinfo')(deps, subject, request)
  if (subject !== 'contents') {
    throw new RestError(400, 'Invalid URI format. Expected /rest/mempool/<info|contents>.json')
  }
  const query = readRestQuery(request.query)
  const isVerbose = readSwitch(query, 'verbose', 'true')
  const hasSequence = readSwitch(query, 'mempool_sequence', 'false')
  if (isVerbose && hasSequence) {
    throw new RestError(
      400,
      'Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")',
    )
  }
  return answerCall('getrawmempool', [isVerbose, hasSequence])(deps, subject, request)
}

/** By the beginning of the path; the first that fits answers. @see Bitcoin Core `uri_prefixes` */
const ENDPOINTS: readonly (readonly [string, Endpoint])[] = [
  ['tx/', findTransaction],
  ['block/notxdetails/', findBlockWithTxids],
  ['block/', findWholeBlock],
  ['blockhashbyheight/', findBlockHash],
  ['chaininfo', answerCall('getblockchaininfo')],
  ['deploymentinfo/', findDeployments],
  ['deploymentinfo', findDeployments],
  [
    'getutxos',
    ({ context }, subject, { path, body }) =>
      findUtxos(context, subject, splitFormat(path).format, body),
  ],
  ['headers/', (deps, subject, { query }) => findHeaders(deps, subject, query)],
  ['mempool/', findMempool],
]

async function answer(deps: RestDeps, request: RestRequest): Promise<RestReply> {
  const { subject, format } = splitFormat(request.path)
  const [prefix, endpoint] = ENDPOINTS.find(([start]) => subject.startsWith(start)) ?? []
  if (prefix === undefined || endpoint === undefined) throw new RestError(404, 'Not found')
  return renderResource(await endpoint(deps, subject.slice(prefix.length), request), format)
}

/** Creates the REST face of a node. @see Bitcoin Core `doc/REST-interface.md` */
export function createRestApi(deps: RestDeps): RestApi {
  return {
    handle: async (request) => {
      try {
        return await answer(deps, request)
      } catch (error) {
        if (error instanceof RestError) return refuseRest(error)
        // What a method refuses is the caller's to know; anything else was logged by whoever met it.
        if (error instanceof RpcError) return refuseRest(new RestError(500, error.message))
        throw error
      }
    },
  }
}
