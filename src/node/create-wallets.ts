/** @module The wallets of a node, if it has any. */

import type { Chain } from '../chain/index.ts'
import { FeeEstimator, type Mempool } from '../mempool/index.ts'
import type { Transaction } from '../primitives/index.ts'
import type { NodeStore } from '../store/index.ts'
import type { Synchronizer } from '../sync/index.ts'
import type { WalletManager } from '../wallet/index.ts'
import { createWalletNode } from './chain-wallet-node.ts'
import { openDevnetWallet } from './devnet-wallet.ts'
import type { Platform } from './platform.ts'

/** What wallets work on. */
export interface WalletParts {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly sync: Synchronizer
  readonly memory: NodeStore
}

/** What a node knows of money that is not consensus. */
export interface NodeWallets {
  readonly feeEstimator: FeeEstimator
  /** Undefined if the node has none. */
  readonly wallets: WalletManager | undefined
}

/** Creates the wallets of a node, not started. Without `hasWallet` none of their libraries is loaded. */
export async function createWallets(
  init: {
    readonly platform: Pick<Platform, 'walletFiles' | 'clock' | 'random' | 'log'>
    readonly options: { readonly hasWallet: boolean }
  },
  { chain, mempool, memory, sync }: WalletParts,
): Promise<NodeWallets> {
  const feeEstimator = new FeeEstimator(mempool.events)
  if (!init.options.hasWallet) return { feeEstimator, wallets: undefined }
  const { WalletManager } = await import('../wallet/index.ts')
  const { walletFiles: files, clock, random, log } = init.platform
  const submit = async (tx: Transaction): Promise<void> => {
    await sync.submitTransaction(tx)
  }
  const node = createWalletNode({ chain, mempool, feeEstimator, submit })
  const store = memory.namespace('wallet')
  const logger = log.child('wallet')
  const wallets = new WalletManager({ node, files, store, clock, random, logger })
  return { feeEstimator, wallets }
}

/** Loads the wallets that are to be loaded at every start, and the one of devnets if it is wished for. */
export async function startWallets(
  init: {
    readonly platform: Pick<Platform, 'log'>
    readonly options: { readonly hasDevWallet: boolean }
  },
  { wallets }: NodeWallets,
): Promise<void> {
  if (wallets === undefined) return
  await wallets.start()
  if (init.options.hasDevWallet) await openDevnetWallet(wallets, init.platform.log.child('wallet'))
}
