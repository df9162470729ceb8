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
export {
  MAX_ANCESTORS,
  MAX_MEMPOOL_BYTES,
  MAX_STANDARD_TX_WEIGHT,
  Mempool,
  type MempoolDeps,
  type MempoolEntry,
  type MempoolEvents,
  MIN_RELAY_FEE_SATS_PER_KVB,
} from './mempool.ts'
export { MempoolError, type MempoolErrorCode } from './mempool-error.ts'
export { type SelectionLimits, selectTransactions } from './select-transactions.ts'
