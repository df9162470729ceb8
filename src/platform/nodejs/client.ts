/**
 * A client of a node's JSON-RPC whose calls are typed: names, arguments and results come from the table that the node
 * itself answers from.
 *
 * `RpcError` is the node's answer that it cannot; `RpcClientError` says that no answer came.
 *
 * Purity: Node.js.
 *
 * @example
 * import { createRpcClient } from 'quarry/client'
 *
 * const client = createRpcClient({ url: 'http://127.0.0.1:18443', auth: 'user:password' })
 * const { blocks } = await client.getblockchaininfo()
 * const block = await client.getblock(await client.getbestblockhash(), 1)
 *
 * @module
 */
export {
  type RpcArguments,
  type RpcCalls,
  RpcError,
  type RpcMethodName,
  type RpcResult,
} from '../../rpc/index.ts'
export { ConfigError } from '../../util/index.ts'
export { createRpcClient, type RpcClient, type RpcClientOptions } from './create-rpc-client.ts'
export { RpcClientError, type RpcClientErrorCode } from './rpc-client.ts'
