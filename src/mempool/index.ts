/**
 * Transactions that wait for a block, and which of them are relayed.
 *
 * Policy only, Bitcoin Core's: what is valid is `consensus/`'s to say. `MempoolError` carries Core's reject reason and
 * blames nobody; `ConsensusError` means that no node could ever take the transaction.
 *
 * Purity: isomorphic.
 *
 * @module
 */

export type { ChainView } from './chain-view.ts'
export { MAX_STANDARD_TX_WEIGHT } from './check-standard.ts'
export { DEFAULT_FAMILY_LIMITS, type FamilyLimits } from './family-limits.ts'
export { MAX_FEE_DELTAS } from './fee-deltas.ts'
export { type EstimateMode, FeeEstimator, MAX_FEE_TARGET } from './fee-estimator.ts'
export {
  createMember,
  type PackageMember,
  type PackageOutcome,
  type PackageVerdict,
  type Refusal,
} from './judge-package.ts'
export { Mempool, type MempoolDeps } from './mempool.ts'
export { collectRelatives, type MempoolEntry, type PackageTotals } from './mempool-entry.ts'
export { MempoolError, type MempoolErrorCode, MissingInputsError } from './mempool-error.ts'
export type {
  DropReason,
  MempoolEvents,
  MempoolRemoval,
  MempoolRemovalReason,
} from './mempool-events.ts'
export { DEFAULT_MEMPOOL_POLICY, type MempoolPolicy } from './mempool-policy.ts'
export { type LoadedMempool, loadMempool, type OwnRecords, saveMempool } from './mempool-store.ts'
export type { SelectionLimits } from './select-transactions.ts'
export type { Selection } from './selection-table.ts'
