/** @module A runtime for nodes that leave nothing behind. */

import { MemoryLevel } from 'memory-level'
import type { ByteDatabase, Platform, SecretName } from '../../node/index.ts'
import { RPC_CODES, RpcError } from '../../rpc/index.ts'
import type { LoggerSource } from '../../util/index.ts'
import { systemClock, systemRandom } from '../system.ts'
import { createHashEngine, loadHashModule } from './hash-engine-loader.ts'
import { createHashWorkerSpawner } from './hash-worker-pool.ts'
import { createSignatureEngine, loadSignatureSource } from './signature-engine-loader.ts'
import { createVerifyWorkerSpawner } from './verify-worker-spawner.ts'

function openMemoryDatabase(): ByteDatabase {
  const options = { keyEncoding: 'view', valueEncoding: 'view', storeEncoding: 'view' } as const
  // The same interface; only the type of what is stored is another.
  return new MemoryLevel<Uint8Array, Uint8Array>(options) as unknown as ByteDatabase
}

function refuseFile(): never {
  throw new RpcError(
    RPC_CODES.MISC_ERROR,
    'This node is in memory and has no files: give it a datadir.',
  )
}

/** Keeps everything in memory. */
export async function createMemoryPlatform(log: LoggerSource): Promise<Platform> {
  const [module, signatureSource] = await Promise.all([
    loadHashModule(),
    loadSignatureSource(log.child('node')),
  ])
  const secrets = new Map<SecretName, Uint8Array>()
  const wallets = new Map<string, Uint8Array>()
  return {
    clock: systemClock,
    random: systemRandom,
    log,
    secrets: {
      read: async (name) => secrets.get(name),
      write: async (name, bytes) => {
        secrets.set(name, bytes)
      },
    },
    openDatabase: async () => openMemoryDatabase(),
    // Each that is opened is a new one.
    putDatabaseAside: async () => undefined,
    takeDatabaseBack: async () => undefined,
    dropDatabaseAside: async () => undefined,
    measureDatabaseSize: async () => 0,
    files: { write: async () => refuseFile(), read: refuseFile },
    walletFiles: {
      list: async () => [...wallets.keys()],
      read: async (name) => wallets.get(name),
      write: async (name, bytes) => {
        wallets.set(name, bytes)
      },
      locate: (name) => name,
    },
    spawnHashWorker: createHashWorkerSpawner(module),
    loadHashEngine: async () => createHashEngine(module),
    spawnVerifyWorker: createVerifyWorkerSpawner(signatureSource),
    loadSignatureEngine: async () => createSignatureEngine(signatureSource),
  }
}
