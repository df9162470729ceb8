/** @module A node's chain, opened: databases, verification, and the rebuild of a state that is of no use. */

import { Chain, ScriptCheckPool, StoreError } from '../chain/index.ts'
import type { ConsensusParams } from '../consensus/index.ts'
import { SignatureCache, type SignatureEngine } from '../script/index.ts'
import { type ByteDatabase, LevelChainStore } from '../store/index.ts'
import type { CancelSignal } from '../util/index.ts'
import type { ChainPlatform } from './platform.ts'

/** How a node's chain behaves. */
export interface NodeChainOptions {
  /** Memory for coins, in bytes. */
  readonly coinCacheBytes: number
  /** Whether to rebuild the state from the stored blocks, without those that are damaged. */
  readonly reindex: boolean
  /** A block up to which scripts are not verified; display hex. */
  readonly assumedValid: string | undefined
  /** Whether to keep an index of all transactions. */
  readonly hasTxIndex: boolean
  /** Threads that verify the scripts of large blocks; 0 for none but the node's own. */
  readonly verifyThreads: number
}

/** What a node's chain is made from, with or without a network round it. */
export interface NodeChainInit {
  readonly params: ConsensusParams
  readonly platform: ChainPlatform
  readonly options: NodeChainOptions
  /** Told what the start is at, in words for people. */
  readonly onProgress?: (status: string) => void
  /** Ends a long start. */
  readonly signal?: CancelSignal
}

/** A node's chain, opened on its own. */
export interface NodeChain {
  readonly chain: Chain
  readonly scriptChecker: ScriptCheckPool
  /** Whose verdicts the checker of blocks remembers, so that no signature is verified twice. */
  readonly mempoolSignatures: SignatureEngine
  /** Stores what is left to store and closes the databases. Idempotent only once it has resolved. */
  close(): Promise<void>
}

async function createVerification(
  init: NodeChainInit,
): Promise<Pick<NodeChain, 'scriptChecker' | 'mempoolSignatures'>> {
  const { platform, options } = init
  const signatures = await platform.loadSignatureEngine()
  const cache = new SignatureCache()
  const { spawnVerifyWorker, clock } = platform
  return {
    scriptChecker: new ScriptCheckPool(
      {
        spawnVerifyWorker,
        signatures: cache.createEngine(signatures, false),
        cache,
        clock,
        log: platform.log.child('chain'),
      },
      { maxWorkers: options.verifyThreads },
    ),
    mempoolSignatures: cache.createEngine(signatures, true),
  }
}

/** Whether an error says that the state database is of no use any more: all of it follows from the blocks. */
function isStateLost(error: unknown): error is StoreError {
  return (
    error instanceof StoreError &&
    error.part === 'state' &&
    (error.code === 'corrupt' || error.code === 'old-schema')
  )
}

async function openChainOn(
  { params, platform, options, signal }: NodeChainInit,
  blocks: ByteDatabase,
  scriptChecker: ScriptCheckPool,
): Promise<Chain> {
  const state = await platform.openDatabase('state')
  try {
    const store = await LevelChainStore.open({ blocks, state }, params.chainId)
    const { clock, log } = platform
    const { coinCacheBytes, assumedValid, hasTxIndex, reindex: keepsWhatItCan } = options
    const deps = { store, scriptChecker, clock, log: log.child('chain') }
    const chainOptions = { coinCacheBytes, keepsWhatItCan, assumedValid, hasTxIndex }
    const chain = new Chain(deps, params, chainOptions)
    await chain.open(signal)
    return chain
  } catch (error) {
    await state.close()
    throw error
  }
}

async function openOrRebuild(
  init: NodeChainInit,
  blocks: ByteDatabase,
  scriptChecker: ScriptCheckPool,
): Promise<Chain> {
  try {
    return await openChainOn(init, blocks, scriptChecker)
  } catch (error) {
    if (!isStateLost(error)) throw error
    const reason = error.message
    const log = init.platform.log.child('chain')
    log.warn('the chain state is of no use and is rebuilt', { reason })
    return await rebuildChain(init, blocks, scriptChecker, error)
  }
}

/**
 * Makes the state anew. The old one is kept until that is done: where blocks were pruned nothing can be rebuilt.
 *
 * @param cause - Why, if nobody asked for it.
 */
async function rebuildChain(
  init: NodeChainInit,
  blocks: ByteDatabase,
  scriptChecker: ScriptCheckPool,
  cause?: StoreError,
): Promise<Chain> {
  const { platform } = init
  init.onProgress?.('Rebuilding the chain state from the stored blocks…')
  await platform.putDatabaseAside('state')
  try {
    return await openChainOn(init, blocks, scriptChecker)
  } catch (error) {
    // What cannot be rebuilt is left as it was; what failed for another reason is gone on with at the next start.
    const isHopeless = error instanceof StoreError && error.part === 'blocks'
    if (isHopeless) await platform.takeDatabaseBack('state')
    if (!isHopeless || cause === undefined) throw error
    throw new StoreError(
      'corrupt',
      `${cause.message}; it cannot be rebuilt, and is left as it was: ${error.message}`,
      { cause: error, part: 'blocks' },
    )
  }
}

/** Opens the chain; a state that is damaged, or of an older program, is rebuilt from the blocks. */
async function openChain(init: NodeChainInit, scriptChecker: ScriptCheckPool): Promise<Chain> {
  const { platform, options } = init
  const blocks = await platform.openDatabase('blocks')
  try {
    const chain = options.reindex
      ? await rebuildChain(init, blocks, scriptChecker)
      : await openOrRebuild(init, blocks, scriptChecker)
    // Of a rebuild now, or of one that was killed before its end.
    await platform.dropDatabaseAside('state')
    return chain
  } catch (error) {
    await blocks.close()
    await scriptChecker.stop()
    throw error
  }
}

/**
 * Opens the chain of a data directory: for a node, or without one, to import blocks or to export them.
 *
 * @throws {@link StoreError} if the data directory cannot be used.
 */
export async function openNodeChain(init: NodeChainInit): Promise<NodeChain> {
  // In Bitcoin Core's words, which clients look for.
  init.onProgress?.('Loading block index…')
  const { scriptChecker, mempoolSignatures } = await createVerification(init)
  const chain = await openChain(init, scriptChecker)
  return {
    chain,
    scriptChecker,
    mempoolSignatures,
    close: async () => {
      await chain.close()
      await scriptChecker.stop()
    },
  }
}
