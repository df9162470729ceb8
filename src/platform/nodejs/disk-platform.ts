/** @module A runtime for nodes that keep what they have in a data directory. */

import type { Platform } from '../../node/index.ts'
import type { LoggerSource } from '../../util/index.ts'
import { systemClock, systemRandom } from '../system.ts'
import type { OpenDataDirectory } from './data-directory.ts'
import {
  dropLevelDatabaseAside,
  measureDatabaseSize,
  openLevelDatabase,
  putLevelDatabaseAside,
  takeLevelDatabaseBack,
} from './databases.ts'
import { createHashEngine, loadHashModule } from './hash-engine-loader.ts'
import { createHashWorkerSpawner } from './hash-worker-pool.ts'
import { createRpcFiles } from './rpc-files.ts'
import { SecretFiles } from './secret-files.ts'
import {
  chooseSignatureEngines,
  createSignatureEngine,
  loadSignatureSource,
  type SignatureEngineChoice,
} from './signature-engine-loader.ts'
import { createVerifyWorkerSpawner } from './verify-worker-spawner.ts'
import { createWalletFiles } from './wallet-files.ts'

/** What differs from one start to another. */
export interface DiskPlatformOptions {
  /** Whether a damaged database of blocks is mended when it is opened. */
  readonly reindex: boolean
  readonly signatureEngine: SignatureEngineChoice
}

/** What a node in a data directory works with. */
export async function createDiskPlatform(
  directory: OpenDataDirectory,
  { reindex, signatureEngine }: DiskPlatformOptions,
  log: LoggerSource,
): Promise<Platform> {
  const [module, signatureSource] = await Promise.all([
    loadHashModule(),
    loadSignatureSource(log.child('node'), chooseSignatureEngines(signatureEngine)),
  ])
  return {
    clock: systemClock,
    random: systemRandom,
    log,
    secrets: new SecretFiles({ identity: directory.identityKey, miner: directory.minerKey }),
    openDatabase: (name) => openLevelDatabase(directory.databases, name, { isMended: reindex }),
    putDatabaseAside: (name) => putLevelDatabaseAside(directory.databases, name),
    takeDatabaseBack: (name) => takeLevelDatabaseBack(directory.databases, name),
    dropDatabaseAside: (name) => dropLevelDatabaseAside(directory.databases, name),
    measureDatabaseSize: (name) => measureDatabaseSize(directory.databases, name),
    files: createRpcFiles(directory.root),
    walletFiles: createWalletFiles(directory.wallets),
    spawnHashWorker: createHashWorkerSpawner(module),
    loadHashEngine: async () => createHashEngine(module),
    spawnVerifyWorker: createVerifyWorkerSpawner(signatureSource),
    loadSignatureEngine: async () => createSignatureEngine(signatureSource),
  }
}
