/** @module What payments are unless callers say otherwise. */

import type { PaymentWishes, Wallet } from '../../wallet/index.ts'
import type { FeeChoice } from './payment-arguments.ts'

/** More confirmations than any coin has. */
const ANY_DEPTH = 9_999_999
const VERSION = 2

/** A payment of which nothing special is asked. */
export const USUAL_PAYMENT: Omit<PaymentWishes, 'outputs' | 'feeRate'> = {
  subtractFrom: [],
  inputs: [],
  mayAddInputs: true,
  changeScript: undefined,
  changePosition: undefined,
  includesUnsafe: false,
  minDepth: 0,
  maxDepth: ANY_DEPTH,
  isReplaceable: true,
  lockTime: undefined,
  version: VERSION,
}

/** A fee rate, and where it comes from in Bitcoin Core's words. */
export interface ResolvedFeeRate {
  /** Satoshis per 1,000 virtual bytes. */
  readonly feeRate: bigint
  readonly reason: string
}

/** The fee rate that was asked for, or one that is enough. */
export function resolveFeeRate(
  wallet: Wallet,
  { feeRate, targetBlocks, isConservative }: FeeChoice,
): ResolvedFeeRate {
  if (feeRate !== undefined) return { feeRate, reason: 'Fee rate set manually' }
  const chosen = wallet.spender.chooseFeeRate(targetBlocks, isConservative)
  return { feeRate: chosen, reason: 'Fee estimation or fallback' }
}
