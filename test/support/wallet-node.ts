/** @module A regtest node with wallets, in memory; its files and records outlive it, as a disk would. */

import { FeeEstimator } from '../../src/mempool/index.ts'
import { createWalletNode } from '../../src/node/chain-wallet-node.ts'
import { systemRandom } from '../../src/platform/system.ts'
import type { Transaction } from '../../src/primitives/index.ts'
import type { Clock, KeyValueChange, KeyValueStore } from '../../src/util/index.ts'
import { encodeHex } from '../../src/util/index.ts'
import { type WalletFiles, WalletManager } from '../../src/wallet/index.ts'
import { silentLog } from './memory-chain.ts'
import { createRegtestNode, type RegtestNode, type RegtestNodeWishes } from './regtest-node.ts'

/** What a disk keeps of wallets. */
export interface WalletDisk {
  readonly files: Map<string, Uint8Array>
  readonly records: Map<string, readonly [Uint8Array, Uint8Array]>
}

/** An empty disk. */
export function createWalletDisk(): WalletDisk {
  return { files: new Map(), records: new Map() }
}

function createFiles({ files }: WalletDisk): WalletFiles {
  return {
    list: async () => [...files.keys()],
    read: async (name) => files.get(name),
    write: async (name, bytes) => {
      files.set(name, bytes)
    },
    locate: (name) => `/wallets/${name}`,
  }
}

function createStore({ records }: WalletDisk): KeyValueStore {
  return {
    entries: async function* () {
      yield* [...records.values()]
    },
    write: async (changes: readonly KeyValueChange[]) => {
      for (const { key, value } of changes) {
        if (value === undefined) records.delete(encodeHex(key))
        else records.set(encodeHex(key), [key.slice(), value.slice()])
      }
    },
  }
}

/** What a test may choose about a node with wallets. */
export interface WalletNodeWishes extends RegtestNodeWishes {
  readonly disk?: WalletDisk
  readonly clock?: Clock
  /** Takes what wallets send; the mempool, unless told otherwise. */
  readonly submit?: (tx: Transaction) => Promise<void>
}

/** A node whose wallets are at hand. */
export interface WalletTestNode extends RegtestNode {
  readonly wallets: WalletManager
  readonly disk: WalletDisk
  /** Mines blocks to an address. */
  mineTo(count: number, address: string): Promise<readonly string[]>
  /** Starts wallets anew with what the disk has, as after a kill. */
  restartWallets(): Promise<WalletManager>
}

/** Makes a node at genesis, with wallets and none loaded. */
export async function createWalletNodeForTest(
  wishes: WalletNodeWishes = {},
): Promise<WalletTestNode> {
  const disk = wishes.disk ?? createWalletDisk()
  let wallets: WalletManager | undefined
  const node = await createRegtestNode({ ...wishes, wallets: () => wallets })
  const start = async (): Promise<WalletManager> => {
    const { chain, mempool } = node
    const accept = async (tx: Transaction): Promise<void> => {
      await mempool.accept(tx)
    }
    const submit = wishes.submit ?? accept
    const feeEstimator = new FeeEstimator(mempool.events)
    const manager = new WalletManager({
      node: createWalletNode({ chain, mempool, feeEstimator, submit }),
      files: createFiles(disk),
      store: createStore(disk),
      clock: wishes.clock ?? node.clock,
      random: systemRandom,
      logger: silentLog,
    })
    await manager.start()
    wallets = manager
    return manager
  }
  const manager = await start()
  return {
    ...node,
    wallets: manager,
    disk,
    mineTo: (count, address) => node.call('generatetoaddress', count, address),
    restartWallets: start,
  }
}
