/**
 * Pools: who is paid for which block, and what counts as a share.
 *
 * Knows no socket and no protocol: sessions come through `stratum/`, templates and the chain through functions. What
 * it decides about a share is a `StratumError`; whether a block is valid is for the chain to say.
 *
 * Purity: isomorphic.
 *
 * @module
 */
export { MAX_DUPLICATE_KEYS } from './duplicate-guard.ts'
export {
  type BlockOutcome,
  computeShareHash,
  MAX_POOL_BLOCKS,
  type PoolBlock,
  SoloPool,
  type SoloPoolDeps,
  type SoloPoolEvents,
  type SoloPoolOptions,
} from './solo-pool.ts'
export { MAX_WORKERS_REMEMBERED, WorkerBook, type WorkerStats } from './worker-book.ts'
