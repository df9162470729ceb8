/**
 * One node, put together from its parts on any runtime.
 *
 * The composition root: nothing else builds parts, and no part builds another. Owns the ports `Platform`
 * and `NodeNetwork`, which each runtime supplies. Has no errors of its own: what the parts throw at start comes through.
 *
 * Purity: isomorphic.
 *
 * @example
 * const node = await createNode({ params, platform, createNetwork, options, onFatal, onStopRequested })
 * await node.rpc.execute('getblockcount')
 * await node.stop()
 *
 * @module
 */
export { StoreError } from '../chain/index.ts'
export { type ByteDatabase, isDatabaseDamage } from '../store/index.ts'
export type { WalletFiles } from '../wallet/index.ts'
export {
  type CreateNodeInit,
  createNode,
  type QuarryNode,
} from './create-node.ts'
export { DEVNET_WALLET_ADDRESS, DEVNET_WALLET_NAME } from './devnet-wallet.ts'
export { type NodeChain, type NodeChainInit, openNodeChain } from './node-chain.ts'
export type {
  CreateNodeNetwork,
  NodeNetwork,
  NodeNetworkDeps,
  NodeNetworkOptions,
} from './node-network.ts'
export {
  createNodeOptions,
  type NodeMempoolOptions,
  type NodeMiningOptions,
  type NodeOptions,
  type NodeOptionsInit,
} from './node-options.ts'
export { loadPayoutScript } from './payout.ts'
export type { ChainPlatform, DatabaseName, Platform, SecretName, SecretStore } from './platform.ts'
