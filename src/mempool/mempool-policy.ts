/** @module What a node is willing to keep and relay, as far as its operator may choose. */

import { DEFAULT_FAMILY_LIMITS, type FamilyLimits } from './family-limits.ts'

/** How a mempool decides where consensus leaves it free. Fee rates are satoshis per 1,000 virtual bytes. */
export interface MempoolPolicy {
  /** The most memory that all waiting transactions together may take, in bytes. @see Bitcoin Core `-maxmempool` */
  readonly maxBytes: number
  /** How long a transaction may wait, in milliseconds. @see Bitcoin Core `-mempoolexpiry` */
  readonly expiryMs: number
  /** Whether only standard forms are taken. @see Bitcoin Core `-acceptnonstdtxn`, its opposite */
  readonly requiresStandard: boolean
  /** @see Bitcoin Core `-limitancestorcount` and its kind */
  readonly familyLimits: FamilyLimits
  /** The least fee rate that is ever relayed. @see Bitcoin Core `-minrelaytxfee` */
  readonly minRelayFeeRate: bigint
  /**
   * What a transaction has to pay more than those that it pushes out, for its own room.
   *
   * @see Bitcoin Core `-incrementalrelayfee`
   */
  readonly incrementalFeeRate: bigint
  /** Fee rate by which an output is too small to be worth spending. @see Bitcoin Core `-dustrelayfee` */
  readonly dustFeeRate: bigint
  /** The least fee rate that goes into a block template. @see Bitcoin Core `-blockmintxfee` */
  readonly blockMinFeeRate: bigint
  /** Bytes of all OP_RETURN outputs together; 0 for none. @see Bitcoin Core `-datacarrier`, `-datacarriersize` */
  readonly maxDataCarrierBytes: number
  /** @see Bitcoin Core `-permitbaremultisig` */
  readonly permitsBareMultisig: boolean
  /** Virtual bytes that a signature operation counts for at the least. @see Bitcoin Core `-bytespersigop` */
  readonly bytesPerSigop: number
}

/** What Bitcoin Core 30 does. */
export const DEFAULT_MEMPOOL_POLICY: MempoolPolicy = {
  maxBytes: 300_000_000,
  expiryMs: 336 * 3_600_000,
  requiresStandard: true,
  familyLimits: DEFAULT_FAMILY_LIMITS,
  minRelayFeeRate: 100n,
  incrementalFeeRate: 100n,
  dustFeeRate: 3_000n,
  blockMinFeeRate: 1n,
  maxDataCarrierBytes: 100_000,
  permitsBareMultisig: true,
  bytesPerSigop: 20,
}

/** Fills a policy with what Bitcoin Core does. A higher incremental fee rate alone raises the least fee rate to itself. */
export function createMempoolPolicy(given: Partial<MempoolPolicy>): MempoolPolicy {
  const policy = { ...DEFAULT_MEMPOOL_POLICY, ...given }
  const { minRelayFeeRate, incrementalFeeRate } = policy
  if (given.minRelayFeeRate !== undefined || incrementalFeeRate <= minRelayFeeRate) return policy
  return { ...policy, minRelayFeeRate: incrementalFeeRate }
}
