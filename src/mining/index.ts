/**
 * Block templates, the search for proof of work, and the miner that drives it.
 *
 * Sees neither chain nor mempool: what to build on and which transactions to take come through the ports
 * `ChainSource` and `TxSource`, hashing through `HashEngine`, threads through `SpawnHashWorker`. Decides
 * nothing about validity: solved blocks take the same path as any other. A `HashEngineError` means that
 * an engine is unusable; it says nothing about a block.
 *
 * Purity: isomorphic; runs alone in a worker.
 *
 * @module
 */
export {
  BLOCK_VERSION,
  type BlockTemplate,
  type ChainSource,
  createBlockTemplate,
  type NextBlock,
  RESERVED_SIGOPS_COST,
  RESERVED_WEIGHT,
  retimeTemplate,
  selectAll,
  type TemplateTransaction,
  type TxSelection,
  type TxSource,
  WITNESS_RESERVED_VALUE,
} from './block-template.ts'
export { checkHit } from './check-hit.ts'
export {
  assembleBlock,
  computeWorkMerkleRoot,
  createCandidate,
  createCoinbaseParts,
  createWorkUnit,
  type ExtraNonceLayout,
  type HeaderParts,
  MAX_TAG_LENGTH,
  MINER_EXTRA_NONCE,
  type UnitWishes,
} from './coinbase.ts'
export { createFastestEngine } from './engine-choice.ts'
export { type SolveOptions, solveBlock } from './generate-block.ts'
export {
  type HashEngine,
  HashEngineError,
  type ScanHit,
  type ScanJob,
  type ScanResult,
} from './hash-engine.ts'
export { HashWorkerLoop, type HashWorkerLoopDeps } from './hash-worker-loop.ts'
export type {
  EngineChoice,
  HashWorker,
  HashWorkerCommand,
  HashWorkerReport,
  SpawnHashWorker,
} from './hash-worker-messages.ts'
export type { HashWorkerState, HashWorkerStats } from './hash-worker-pool.ts'
export {
  type Job,
  type JobHit,
  JobManager,
  type Lease,
  MAX_WORKERS,
} from './job-manager.ts'
export {
  type CurrentWork,
  Miner,
  type MinerDeps,
  type MinerEvents,
  type MinerOptions,
  type MinerSettings,
  type MinerStats,
} from './miner.ts'
export { MiningError, type MiningErrorCode } from './mining-error.ts'
export { checkPayouts, MAX_PAYOUTS, type Payout, payAllTo, splitReward } from './payout.ts'
export type { HashRates } from './rate-meter.ts'
export { ReferenceHashEngine } from './reference-hash-engine.ts'
export { SearchCursor } from './search-cursor.ts'
export { TemplateCache, type TemplateCacheDeps } from './template-cache.ts'
export {
  type KnownTemplate,
  type TemplateChange,
  TemplateFeed,
  type TemplateFeedDeps,
  type TemplateListener,
  type TipSource,
} from './template-feed.ts'
export { TEMPLATE_PRIORITY, TemplateJob, type TemplateJobOptions } from './template-job.ts'
export { PACED_ADVICE, TemplateKeeper, type TemplateKeeperDeps } from './template-keeper.ts'
export { WasmHashEngine } from './wasm-hash-engine.ts'
export type { SolvedWork, WorkUnit } from './work-unit.ts'
