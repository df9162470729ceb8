/** @module Amounts of money: satoshis, their range, and how many are newly minted. */

import type { ConsensusParams } from './params/consensus-params.ts'

/** Satoshis in one coin. */
export const SATS_PER_COIN = 100_000_000n
/** No amount of money may exceed 21 million coins. @see Bitcoin Core `MAX_MONEY` */
export const MAX_MONEY_SATS = 21_000_000n * SATS_PER_COIN
/** After so many halvings nothing is left to halve. */
const MAX_HALVINGS = 64

/** Tells whether an amount is possible. @see Bitcoin Core `MoneyRange` */
export function isMoney(sats: bigint): boolean {
  return sats >= 0n && sats <= MAX_MONEY_SATS
}

/**
 * Satoshis that a block may mint.
 *
 * @see Bitcoin Core `GetBlockSubsidy`
 */
export function computeSubsidy(height: number, params: ConsensusParams): bigint {
  const halvings = Math.trunc(height / params.halvingBlocks)
  return halvings >= MAX_HALVINGS ? 0n : params.subsidySats >> BigInt(halvings)
}

/** Coins, with no more zeros at their end than two decimals have. @see Bitcoin Core `FormatMoney` */
export function formatMoney(sats: bigint): string {
  const digits = sats.toString().padStart(9, '0')
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`.replace(/0{1,6}$/, '')
}
