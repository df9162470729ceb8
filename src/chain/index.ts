/**
 * The block tree, the active chain and the unspent outputs.
 *
 * Decides which valid chain has the most work and moves the tip there, block by block; tip and coins are written
 * together, now and then, in one atomic write. Makes no rule (that is `consensus/`), keeps no bytes (that is its port `ChainStore`,
 * which `store/` implements), and knows neither peers nor mempool: it tells what happened by events.
 *
 * `ConsensusError` blames whoever made the block; `StoreError` means that the disk failed or the data
 * are damaged; `InvariantError` is a bug of ours.
 *
 * Purity: isomorphic.
 *
 * @example
 * const chain = new Chain({ store, scriptChecker, clock, log }, params)
 * await chain.open()
 * await chain.acceptBlock(decodeBlock(bytes))
 *
 * @module
 */
export { BlockEntry, type EntryValidity, findForkPoint, toUnixSeconds } from './block-entry.ts'
export { MIN_BLOCKS_TO_KEEP } from './block-history.ts'
export { MAX_STALE_SIBLINGS } from './block-intake.ts'
export type { AcceptedBlock, BlockOutcome } from './block-outcome.ts'
export type { ChainTipStatus } from './block-tree.ts'
export {
  Chain,
  type ChainDeps,
  type ChainOptions,
  type CoinSet,
} from './chain.ts'
export type { BlockEvent, ChainEvents, ChainTip, TipEvent } from './chain-events.ts'
export {
  type ChainStore,
  DAMAGE_CURES,
  type StoredBody,
  type StoredCoin,
  type StoredEntry,
  type StoredTip,
  StoreError,
  type StoreErrorCode,
  type StorePart,
  type TipChange,
  type TransactionPlace,
} from './chain-store.ts'
export { decodeCoin, encodeCoin } from './coin-codec.ts'
export { toElements } from './hash-coins.ts'
export { createLocator, findLocatorFork } from './locator.ts'
export { MUHASH_STATE_SIZE, MuHash } from './muhash.ts'
export { type RebuildDeps, rebuildIndex } from './rebuild.ts'
export {
  MIN_POOLED_INPUTS,
  ScriptCheckPool,
  type ScriptCheckPoolDeps,
  type ScriptCheckPoolOptions,
} from './script-check-pool.ts'
export {
  createInlineScriptChecker,
  isHeavyCheck,
  type ScriptChecker,
  type VerifyOptions,
  verifyTransactionScripts,
} from './script-checker.ts'
export {
  encodeSnapshot,
  encodeSnapshotHead,
  readSnapshot,
  type SnapshotContent,
  type SnapshotHead,
} from './snapshot-codec.ts'
export type { TxIndex } from './tx-index.ts'
export {
  answerVerifyCommand,
  type ScriptFailure,
  type SpawnVerifyWorker,
  type VerifyWorker,
  type VerifyWorkerCommand,
  type VerifyWorkerReport,
} from './verify-worker.ts'
