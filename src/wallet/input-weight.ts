/** @module What outputs and the inputs that spend them weigh, before there are any signatures. */

import {
  compactSizeLength,
  type Transaction,
  type TxOut,
  WITNESS_SCALE_FACTOR,
} from '../primitives/index.ts'
import { isUnspendable, readWitnessProgram } from '../script/index.ts'
import type { DescriptorKind } from './descriptor.ts'

/** Outpoint, empty script, sequence. */
const BARE_INPUT_SIZE = 41
/** The longest signature (72 bytes, and its kind) and a key, each behind its length. */
const KEY_SPEND_SIZE = 1 + 72 + 1 + 33
const SCHNORR_SPEND_SIZE = 1 + 64
/** A push of a version 0 program. */
const NESTED_SCRIPT_SIZE = 23

/** What an input weighs that spends an output of ours, its witness and that one's item count included. */
export const INPUT_WEIGHTS: Readonly<Record<DescriptorKind, number>> = {
  pkh: (BARE_INPUT_SIZE + KEY_SPEND_SIZE) * WITNESS_SCALE_FACTOR + 1,
  'sh-wpkh': (BARE_INPUT_SIZE + NESTED_SCRIPT_SIZE) * WITNESS_SCALE_FACTOR + 1 + KEY_SPEND_SIZE,
  wpkh: BARE_INPUT_SIZE * WITNESS_SCALE_FACTOR + 1 + KEY_SPEND_SIZE,
  tr: BARE_INPUT_SIZE * WITNESS_SCALE_FACTOR + 1 + SCHNORR_SPEND_SIZE,
}

/** Version, lock time; marker and flag weigh a quarter. */
const FIXED_WEIGHT = 8 * WITNESS_SCALE_FACTOR + 2
const BYTES_PER_KVB = 1_000n

/** Virtual bytes of an output. */
export function outputSize({ scriptPubKey }: TxOut): number {
  return 8 + compactSizeLength(scriptPubKey.length) + scriptPubKey.length
}

/** Virtual bytes of a transaction once it is signed. @param inputWeights - Of each input. */
export function estimateVirtualSize(
  inputWeights: readonly number[],
  outputs: readonly TxOut[],
): number {
  let weight = FIXED_WEIGHT
  weight += WITNESS_SCALE_FACTOR * compactSizeLength(inputWeights.length)
  weight += WITNESS_SCALE_FACTOR * compactSizeLength(outputs.length)
  for (const own of inputWeights) weight += own
  for (const output of outputs) weight += WITNESS_SCALE_FACTOR * outputSize(output)
  return Math.ceil(weight / WITNESS_SCALE_FACTOR)
}

/** What a signed input of a transaction weighs. */
export function measureInput({ inputs }: Transaction, index: number): number {
  const input = inputs[index]
  if (input === undefined) return 0
  const { scriptSig, witness } = input
  let weight = 1
  for (const item of witness) weight += compactSizeLength(item.length) + item.length
  const scriptSize = compactSizeLength(scriptSig.length) - 1 + scriptSig.length
  return weight + (BARE_INPUT_SIZE + scriptSize) * WITNESS_SCALE_FACTOR
}

/** Satoshis for so many virtual bytes, rounded up. @param rate - Satoshis per 1,000 virtual bytes. */
export function feeAt(rate: bigint, virtualSize: number): bigint {
  return (rate * BigInt(virtualSize) + BYTES_PER_KVB - 1n) / BYTES_PER_KVB
}

/** By which an output is worth spending. @see Bitcoin Core `DUST_RELAY_TX_FEE` */
const DUST_FEE_SATS_PER_KVB = 3_000n
const SPENDING_INPUT_SIZE = 148
const SPENDING_WITNESS_INPUT_SIZE = 67

/** The least amount that nodes relay in an output. @see Bitcoin Core `GetDustThreshold` */
export function dustThreshold(scriptPubKey: Uint8Array): bigint {
  if (isUnspendable(scriptPubKey)) return 0n
  const isWitness = readWitnessProgram(scriptPubKey) !== undefined
  const spending = isWitness ? SPENDING_WITNESS_INPUT_SIZE : SPENDING_INPUT_SIZE
  return feeAt(DUST_FEE_SATS_PER_KVB, outputSize({ value: 0n, scriptPubKey }) + spending)
}
