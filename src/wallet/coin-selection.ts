/** @module Which coins to spend, what is left over, and what the network gets. */

import type { TxOut } from '../primitives/index.ts'
import { dustThreshold, estimateVirtualSize, feeAt } from './input-weight.ts'
import { WalletError } from './wallet-error.ts'

/** A coin that may be spent. */
export interface Candidate {
  /** Satoshis. */
  readonly value: bigint
  /** Of the input that spends it. */
  readonly weight: number
  /** How sure it is that it stays: the lowest number is taken first. */
  readonly tier: number
}

/** What is to be paid, and how. */
export interface Payment {
  /** In their order; change comes behind them. */
  readonly outputs: readonly TxOut[]
  /** Outputs that bear the fee, by number; none if we do. */
  readonly subtractFrom: readonly number[]
  /** Satoshis per 1,000 virtual bytes. */
  readonly feeRate: bigint
  readonly changeScript: Uint8Array
}

/** How it is paid. */
export interface Selection<Coin extends Candidate> {
  readonly coins: readonly Coin[]
  /** With what is subtracted for the fee taken off. */
  readonly outputs: readonly TxOut[]
  /** Undefined if there is too little left for an output of its own. */
  readonly change: TxOut | undefined
  /** Satoshis. */
  readonly fee: bigint
}

function sumOf(coins: readonly { readonly value: bigint }[]): bigint {
  return coins.reduce((sum, { value }) => sum + value, 0n)
}

/** Takes a fee off outputs in equal parts; the first bears what does not divide. */
function subtractFee(
  outputs: readonly TxOut[],
  bearers: readonly number[],
  fee: bigint,
): readonly TxOut[] {
  if (bearers.length === 0) return outputs
  const count = BigInt(bearers.length)
  const result = [...outputs]
  for (const [i, bearer] of bearers.entries()) {
    const output = outputs[bearer]
    if (output === undefined) continue
    const value = output.value - fee / count - (i === 0 ? fee % count : 0n)
    if (value < 0n) {
      throw new WalletError('bad-payment', 'The transaction amount is too small to pay the fee')
    }
    if (value < dustThreshold(output.scriptPubKey)) {
      throw new WalletError(
        'bad-payment',
        'The transaction amount is too small to send after the fee has been deducted',
      )
    }
    result[bearer] = { ...output, value }
  }
  return result
}

/** Pays with just these coins; undefined if they are too few. */
export function payWith<Coin extends Candidate>(
  coins: readonly Coin[],
  payment: Payment,
): Selection<Coin> | undefined {
  const { outputs, subtractFrom, feeRate, changeScript } = payment
  const wanted = outputs.reduce((sum, { value }) => sum + value, 0n)
  const left = sumOf(coins) - wanted
  if (coins.length === 0 || left < 0n) return undefined
  const weights = coins.map(({ weight }) => weight)
  const feeAlone = feeAt(feeRate, estimateVirtualSize(weights, outputs))
  const withChange = [...outputs, { value: 0n, scriptPubKey: changeScript }]
  const feeWithChange = feeAt(feeRate, estimateVirtualSize(weights, withChange))
  const isSubtracted = subtractFrom.length > 0
  const changeValue = isSubtracted ? left : left - feeWithChange
  if (changeValue >= dustThreshold(changeScript)) {
    return {
      coins,
      outputs: subtractFee(outputs, subtractFrom, feeWithChange),
      change: { value: changeValue, scriptPubKey: changeScript },
      fee: feeWithChange,
    }
  }
  // What is too little for change goes towards the fee.
  if (isSubtracted) {
    const missing = feeAlone > left ? feeAlone - left : 0n
    const fee = left + missing
    return { coins, outputs: subtractFee(outputs, subtractFrom, missing), change: undefined, fee }
  }
  return left < feeAlone ? undefined : { coins, outputs, change: undefined, fee: left }
}

/** What a coin is worth beyond what it costs to spend it, satoshis. */
function effectiveValue({ value, weight }: Candidate, feeRate: bigint): bigint {
  return value - feeAt(feeRate, Math.ceil(weight / 4))
}

/** The smallest coin that does alone, else the largest until there are enough. */
function selectAmong<Coin extends Candidate>(
  preset: readonly Coin[],
  candidates: readonly Coin[],
  payment: Payment,
): Selection<Coin> | undefined {
  const worth = candidates
    .filter((coin) => effectiveValue(coin, payment.feeRate) > 0n)
    .sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0))
  const missing = sumOf(payment.outputs) - sumOf(preset)
  for (const coin of worth) {
    if (coin.value < missing) continue
    const selection = payWith([...preset, coin], payment)
    if (selection !== undefined) return selection
  }
  const taken = [...preset]
  let sum = 0n
  for (const coin of worth.reverse()) {
    taken.push(coin)
    sum += coin.value
    // Of thousands, most are not worth a try.
    if (sum < missing) continue
    const selection = payWith(taken, payment)
    if (selection !== undefined) return selection
  }
  return undefined
}

/**
 * Chooses coins for a payment: those that are surest to stay, and few of them.
 *
 * @param preset - Coins that have to be spent.
 * @param candidates - Others that may be.
 * @throws {@link WalletError} `insufficient-funds`; `bad-payment` if an output cannot bear its part of the fee.
 */
export function selectCoins<Coin extends Candidate>(
  preset: readonly Coin[],
  candidates: readonly Coin[],
  payment: Payment,
): Selection<Coin> {
  const enough = payWith(preset, payment)
  if (enough !== undefined) return enough
  const tiers = [...new Set(candidates.map(({ tier }) => tier))].sort((a, b) => a - b)
  for (const tier of tiers) {
    const usable = candidates.filter((coin) => coin.tier <= tier)
    const selection = selectAmong(preset, usable, payment)
    if (selection !== undefined) return selection
  }
  throw new WalletError('insufficient-funds', 'Insufficient funds')
}
