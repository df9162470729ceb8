/** @module The chain of a data directory on which no node runs. */

import { availableParallelism } from 'node:os'
import { type ConsensusParams, createConsensusParams } from '../../consensus/index.ts'
import { type NodeChain, openNodeChain } from '../../node/index.ts'
import { systemClock } from '../system.ts'
import { loadChainSpec } from './chain-choice.ts'
import { openDataDirectory } from './data-directory.ts'
import {
  dropLevelDatabaseAside,
  openLevelDatabase,
  putLevelDatabaseAside,
  takeLevelDatabaseBack,
} from './databases.ts'
import { resolveDataDirectory } from './home-directory.ts'
import { createProcessLog } from './logger.ts'
import { CHAIN_NAMES, toEnvironmentName } from './settings.ts'
import { createSignatureEngine, loadSignatureSource } from './signature-engine-loader.ts'
import { supportsColor } from './terminal.ts'
import { createVerifyWorkerSpawner } from './verify-worker-spawner.ts'

/** Standard error: what a command prints is its result alone. */
const LOG_FD = 2
/** Nothing else runs beside it. */
const COIN_CACHE_BYTES = 128 * 1_048_576

/** Which chain; what is undefined comes from the environment or a default. */
export interface OfflineChainChoice {
  readonly datadir?: string | undefined
  readonly chain?: string | undefined
}

/** A chain that this process alone uses until it is closed. */
export interface OfflineChain extends Pick<NodeChain, 'chain' | 'close'> {
  readonly params: ConsensusParams
  /** Where it is kept. */
  readonly folder: string
}

/**
 * Opens the chain of a data directory and keeps nodes from using it meanwhile. Warnings go to standard error.
 *
 * @throws {@link ConfigError} `datadir-in-use`, `datadir-unusable` or `bad-chain-spec`.
 * @throws {@link StoreError} if the databases cannot be used.
 */
export async function openOfflineChain(choice: OfflineChainChoice): Promise<OfflineChain> {
  const name = choice.chain ?? process.env[toEnvironmentName('chain')] ?? CHAIN_NAMES[0]
  const params = createConsensusParams(await loadChainSpec(name))
  const log = await createProcessLog({
    levels: { fallback: 'warn', bySubsystem: {} },
    format: 'auto',
    fd: LOG_FD,
    isTerminal: process.stderr.isTTY === true,
    isColored: supportsColor(process.stderr, process.env),
  })
  const directory = await openDataDirectory(resolveDataDirectory(choice.datadir), params.rpcChain)
  try {
    const source = await loadSignatureSource(log.child('node'))
    const { chain, close } = await openNodeChain({
      params,
      platform: {
        clock: systemClock,
        log,
        openDatabase: (database) => openLevelDatabase(directory.databases, database),
        putDatabaseAside: (database) => putLevelDatabaseAside(directory.databases, database),
        takeDatabaseBack: (database) => takeLevelDatabaseBack(directory.databases, database),
        dropDatabaseAside: (database) => dropLevelDatabaseAside(directory.databases, database),
        loadSignatureEngine: async () => createSignatureEngine(source),
        spawnVerifyWorker: createVerifyWorkerSpawner(source),
      },
      options: {
        verifyThreads: availableParallelism(),
        coinCacheBytes: COIN_CACHE_BYTES,
        // An index that lags behind catches up when a node starts with it.
        hasTxIndex: false,
        reindex: false,
        assumedValid: undefined,
      },
    })
    return {
      params,
      folder: directory.root,
      chain,
      close: async () => {
        await close()
        await directory.release()
        log.flush()
      },
    }
  } catch (error) {
    await directory.release()
    throw error
  }
}
