/** @module What a runtime must supply so that a node can run on it. */

import type { SpawnVerifyWorker } from '../chain/index.ts'
import type { HashEngine, SpawnHashWorker } from '../mining/index.ts'
import type { RpcFiles } from '../rpc/index.ts'
import type { SignatureEngine } from '../script/index.ts'
import type { ByteDatabase } from '../store/index.ts'
import type { Clock, LoggerSource, RandomSource } from '../util/index.ts'
import type { WalletFiles } from '../wallet/index.ts'

/** Databases that a node opens by name: those of the chain, and what it remembers of other nodes. */
export type DatabaseName = 'blocks' | 'state' | 'node'

/** Secrets that a node keeps: nobody else on the machine may read them. */
export type SecretName = 'identity' | 'miner'

/** Small secrets, kept over restarts. */
export interface SecretStore {
  read(name: SecretName): Promise<Uint8Array | undefined>
  write(name: SecretName, bytes: Uint8Array): Promise<void>
}

/**
 * The runtime under a node: Node.js today, a browser tab later. The only thing that differs between
 * them.
 */
export interface Platform {
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: LoggerSource
  readonly secrets: SecretStore
  /** Opens a database, or rejects with a `StoreError` that says why it cannot. */
  openDatabase(name: DatabaseName): Promise<ByteDatabase>
  /** Puts a database that is not open aside, so that the next one of its name is new. */
  putDatabaseAside(name: DatabaseName): Promise<void>
  /** Takes back what was put aside, in place of what has come since, which is not open. */
  takeDatabaseBack(name: DatabaseName): Promise<void>
  /** Deletes what was put aside, if there is any. */
  dropDatabaseAside(name: DatabaseName): Promise<void>
  /** Bytes that a database takes on the disk. */
  measureDatabaseSize(name: DatabaseName): Promise<number>
  /** Files that RPC methods name. */
  readonly files: RpcFiles
  /** Files of wallets. */
  readonly walletFiles: WalletFiles
  readonly spawnHashWorker: SpawnHashWorker
  /** An engine for this thread, the fastest that the runtime can run. */
  loadHashEngine(): Promise<HashEngine>
  readonly spawnVerifyWorker: SpawnVerifyWorker
  /** Verifies signatures on this thread, the fastest way that the runtime can. */
  loadSignatureEngine(): Promise<SignatureEngine>
}

/** What a chain without a network needs of the runtime. */
export type ChainPlatform = Pick<
  Platform,
  | 'clock'
  | 'log'
  | 'openDatabase'
  | 'putDatabaseAside'
  | 'takeDatabaseBack'
  | 'dropDatabaseAside'
  | 'loadSignatureEngine'
  | 'spawnVerifyWorker'
>
