/** @module Who is paid by a coinbase, and how much. */

import { type TxOut, WITNESS_SCALE_FACTOR } from '../primitives/index.ts'
import { countLegacySigops } from '../script/index.ts'
import { assertInvariant, ConfigError } from '../util/index.ts'
import { RESERVED_SIGOPS_COST } from './block-template.ts'

/** The most payees of a coinbase. */
export const MAX_PAYOUTS = 32
/** The most bytes of their scripts together: what the weight that templates keep free has room for. */
export const MAX_PAYOUT_SCRIPT_BYTES = 1_200

/** One payee: paid so many satoshis, or so large a share of what is left when those are paid. */
export type Payout =
  | { readonly scriptPubKey: Uint8Array; readonly amount: bigint }
  | { readonly scriptPubKey: Uint8Array; readonly share: bigint }

/** One payee who gets everything. */
export function payAllTo(scriptPubKey: Uint8Array): readonly Payout[] {
  return [{ scriptPubKey, share: 1n }]
}

/**
 * Checks that payees fit into a coinbase: their number, the size and the signature operations of their
 * scripts, amounts that are not negative, and at least one share, so that nothing of the reward is lost.
 *
 * @throws {@link ConfigError} `bad-payouts`
 */
export function checkPayouts(payouts: readonly Payout[]): void {
  const scripts = payouts.map(({ scriptPubKey }) => scriptPubKey)
  const size = scripts.reduce((sum, { length }) => sum + length, 0)
  const sigops = scripts.reduce((sum, script) => sum + countLegacySigops(script, false), 0)
  const refuse = (why: string): never => {
    throw new ConfigError('bad-payouts', `The payees of mined coins are not usable: ${why}.`)
  }
  if (payouts.length > MAX_PAYOUTS) refuse(`there are more than ${MAX_PAYOUTS}`)
  if (size > MAX_PAYOUT_SCRIPT_BYTES) {
    refuse(`their scripts have more than ${MAX_PAYOUT_SCRIPT_BYTES} bytes`)
  }
  if (sigops * WITNESS_SCALE_FACTOR > RESERVED_SIGOPS_COST) {
    refuse('their scripts have too many signature operations')
  }
  const isAnyNegative = payouts.some((payout) =>
    'amount' in payout ? payout.amount < 0n : payout.share < 0n,
  )
  if (isAnyNegative) refuse('an amount or share is below 0')
  if (!payouts.some((payout) => 'share' in payout && payout.share > 0n)) {
    refuse('nobody has a share in what is left when fixed amounts are paid')
  }
}

interface Part {
  readonly payout: Payout
  value: bigint
}

/**
 * Splits a reward: fixed amounts first, in their order and as far as it goes; of the rest each share gets its
 * part, rounded down, and the satoshis that rounding leaves go to those who lost most by it.
 *
 * @param reward - Satoshis.
 * @param payouts - That pass {@link checkPayouts}.
 * @returns Outputs in the order of the payouts, whose values are exactly the reward; those of 0 are left out,
 * unless there is no other.
 */
export function splitReward(reward: bigint, payouts: readonly Payout[]): readonly TxOut[] {
  const parts: readonly Part[] = payouts.map((payout) => ({ payout, value: 0n }))
  let left = reward
  for (const part of parts) {
    if (!('amount' in part.payout)) continue
    const { amount } = part.payout
    const isEnough = amount <= left
    part.value = isEnough ? amount : left
    left -= part.value
  }
  shareOut(left, parts)
  const paid = parts.filter(({ value }) => value > 0n)
  return (paid.length > 0 ? paid : parts.slice(0, 1)).map(({ payout, value }) => ({
    value,
    scriptPubKey: payout.scriptPubKey,
  }))
}

/** By the method of the largest remainder. */
function shareOut(sats: bigint, parts: readonly Part[]): void {
  const shared = parts.flatMap((part) =>
    'share' in part.payout && part.payout.share > 0n ? [{ part, share: part.payout.share }] : [],
  )
  const total = shared.reduce((sum, { share }) => sum + share, 0n)
  assertInvariant(total > 0n, 'somebody has a share in the reward')
  let left = sats
  for (const { part, share } of shared) {
    part.value = (sats * share) / total
    left -= part.value
  }
  const remainderOf = (share: bigint): bigint => (sats * share) % total
  // The sort is stable: of equal remainders the first in order wins.
  const byRemainder = shared.sort((a, b) => {
    const difference = remainderOf(b.share) - remainderOf(a.share)
    return difference === 0n ? 0 : difference > 0n ? 1 : -1
  })
  for (const { part } of byRemainder.slice(0, Number(left))) part.value += 1n
}
