/**
 * Transactions that wait for a block, and which of them are relayed.
 *
 * Policy only: what is valid is `consensus/`'s to say. No replacement, no eviction and no standardness
 * of output types yet: a full pool declines. `MempoolError` carries Bitcoin Core's reject reason and
 * blames nobody; `ConsensusError` means that no node could ever take the transaction.
 *
 * Purity: isomorphic.
 *
 * @module
 */
export { MAX_FEE_DELTAS } from './fee-deltas.ts'
export { type EstimateMode, FeeEstimator, MAX_FEE_TARGET } from './fee-estimator.ts'
export {
  MAX_ANCESTORS,
  MAX_DESCENDANTS,
  MAX_MEMPOOL_BYTES,
  MAX_STANDARD_TX_WEIGHT,
  Mempool,
  type MempoolDeps,
  type MempoolEvents,
  type MempoolTrial,
  MIN_RELAY_FEE_SATS_PER_KVB,
} from './mempool.ts'
export { collectRelatives, type MempoolEntry, type PackageTotals } from './mempool-entry.ts'
export { MempoolError, type MempoolErrorCode } from './mempool-error.ts'
export {
  BLOCK_MIN_FEE_SATS_PER_KVB,
  type SelectionLimits,
  selectTransactions,
} from './select-transactions.ts'
