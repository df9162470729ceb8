/** @module The chain and the mempool as wallets see them. */

import { type BlockEntry, type Chain, findForkPoint } from '../chain/index.ts'
import {
  type FeeEstimator,
  MAX_FEE_TARGET,
  type Mempool,
  type MempoolEntry,
} from '../mempool/index.ts'
import type { Transaction } from '../primitives/index.ts'
import type { BlockPosition, WaitingInfo, WalletNode } from '../wallet/index.ts'

/** What it looks at. */
export interface ChainWalletNodeDeps {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly feeEstimator: FeeEstimator
  readonly submit: (tx: Transaction) => Promise<void>
}

/** Nobody can promise the next block. */
const MIN_TARGET = 2

function toPosition({ hashHex, height, time }: BlockEntry): BlockPosition {
  return { hash: hashHex, height, time }
}

function toWaiting({ tx, fee, virtualSize, ancestors, descendants }: MempoolEntry): WaitingInfo {
  return {
    tx,
    fee,
    virtualSize,
    ancestorCount: ancestors.count,
    ancestorSize: ancestors.virtualSize,
    ancestorFees: ancestors.modifiedFee,
    descendantCount: descendants.count,
  }
}

/** Shows wallets no more of the node than they need. */
export function createWalletNode(deps: ChainWalletNodeDeps): WalletNode {
  const { chain, mempool, feeEstimator, submit } = deps
  const findActive = (hash: string): BlockEntry | undefined => {
    const entry = chain.getEntry(hash)
    return entry !== undefined && chain.isActive(entry) ? entry : undefined
  }
  return {
    params: chain.params,
    tip: () => toPosition(chain.tip),
    at: (height) => {
      const entry = chain.getActiveEntry(height)
      return entry === undefined ? undefined : toPosition(entry)
    },
    find: (hash) => {
      const entry = findActive(hash)
      return entry === undefined ? undefined : toPosition(entry)
    },
    findFork: (hash) => {
      const entry = chain.getEntry(hash)
      return entry === undefined ? undefined : findForkPoint(entry, chain.tip)?.height
    },
    readBlock: async (hash) => {
      const entry = chain.getEntry(hash)
      return entry === undefined ? undefined : chain.readBlock(entry.hash)
    },
    readCoins: (outPoints) => chain.readCoins(outPoints),
    getWaiting: (txid) => {
      const entry = mempool.get(txid)
      return entry === undefined ? undefined : toWaiting(entry)
    },
    waiting: function* () {
      for (const { tx } of mempool.entries()) yield tx
    },
    minFeeRate: () => mempool.minFeeRate,
    estimateFeeRate: (blocks, isConservative) => {
      const target = Math.min(Math.max(blocks, MIN_TARGET), MAX_FEE_TARGET)
      const rate = feeEstimator.estimate(target, isConservative ? 'conservative' : 'economical')
      return rate === undefined ? undefined : BigInt(Math.ceil(rate))
    },
    submit,
    listen: (listener) => {
      const offs = [
        chain.events.on('blockConnected', ({ block, entry }) =>
          listener.onBlockConnected(block, toPosition(entry)),
        ),
        chain.events.on('blockDisconnected', ({ entry }) =>
          listener.onBlockDisconnected(entry.hashHex),
        ),
        mempool.events.on('added', ({ tx }) => listener.onTransactionWaiting(tx)),
      ]
      return () => {
        for (const off of offs) off()
      }
    },
  }
}
