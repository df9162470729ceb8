/**
 * A whole node in a program of one's own, or in its tests: in place of a bitcoind on regtest.
 *
 * `ConfigError`: an option cannot be used; the message names it. `StoreError`: the folder cannot be used. `RpcError`
 * is what a call answers, with Bitcoin Core's codes.
 *
 * Purity: platform (Node.js).
 *
 * @example
 * import { startNode } from 'quarry'
 *
 * const node = await startNode()
 * await fetch(node.rpcUrl, { … }) // or node.call('getblockcount')
 * await node.stop()
 *
 * @module
 */
// Must stay first: what follows expects what it adds to older runtimes.
import './polyfills.ts'

export { StoreError } from '../../node/index.ts'
export { RpcError } from '../../rpc/index.ts'
export { ConfigError } from '../../util/index.ts'
export {
  type LogLine,
  type RunningNode,
  type StartNodeOptions,
  startNode,
} from './start-node.ts'
