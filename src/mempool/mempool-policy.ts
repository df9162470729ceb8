/** @module What a node is willing to keep and relay, as far as its operator may choose. */

import { DEFAULT_FAMILY_LIMITS, type FamilyLimits } from './family-limits.ts'

/** How a mempool decides where consensus leaves it free. */
export interface MempoolPolicy {
  /** The most memory that all waiting transactions together may take, in bytes. @see Bitcoin Core `-maxmempool` */
  readonly maxBytes: number
  /** How long a transaction may wait, in milliseconds. @see Bitcoin Core `-mempoolexpiry` */
  readonly expiryMs: number
  /** Whether only standard forms are taken. @see Bitcoin Core `-acceptnonstdtxn`, its opposite */
  readonly requiresStandard: boolean
  readonly familyLimits: FamilyLimits
}

/** Two weeks, 300 MB, standard forms only: what Bitcoin Core does. */
export const DEFAULT_MEMPOOL_POLICY: MempoolPolicy = {
  maxBytes: 300_000_000,
  expiryMs: 336 * 3_600_000,
  requiresStandard: true,
  familyLimits: DEFAULT_FAMILY_LIMITS,
}
