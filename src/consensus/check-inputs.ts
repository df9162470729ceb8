/** @module The rules for a transaction's inputs, given the coins that they spend. */

import {
  type OutPoint,
  outPointKey,
  type Transaction,
  WITNESS_SCALE_FACTOR,
} from '../primitives/index.ts'
import {
  countP2shSigops,
  countWitnessSigops,
  type ScriptFlags,
  VERIFY_P2SH,
} from '../script/index.ts'
import { formatMoney, isMoney } from './amount.ts'
import { countTransactionLegacySigops } from './check-block.ts'
import type { Coin } from './coin.ts'
import { ConsensusError } from './errors.ts'
import type { ConsensusParams } from './params/consensus-params.ts'

/** Set: the sequence is no relative lock time (BIP-0068). */
const SEQUENCE_LOCKTIME_DISABLE_FLAG = 0x8000_0000
/** Set: the lock counts units of 512 seconds; else blocks. */
const SEQUENCE_LOCKTIME_TYPE_FLAG = 0x0040_0000
const SEQUENCE_LOCKTIME_MASK = 0x0000_ffff
const SEQUENCE_LOCKTIME_GRANULARITY_SECONDS = 512

/**
 * The coins that a transaction spends, in the order of its inputs.
 *
 * @throws {@link ConsensusError} `bad-txns-inputs-missingorspent` (reject)
 */
export function findSpentCoins(
  tx: Transaction,
  get: (outPoint: OutPoint) => Coin | undefined,
): readonly Coin[] {
  return tx.inputs.map(({ prevout }) => {
    const coin = get(prevout)
    if (coin === undefined) {
      throw new ConsensusError('bad-txns-inputs-missingorspent', { prevout: outPointKey(prevout) })
    }
    return coin
  })
}

/**
 * Checks maturity and amounts.
 *
 * @param height - Of the block that the transaction is in, or would be.
 * @returns The fee in satoshis.
 * @throws {@link ConsensusError} `bad-txns-premature-spend-of-coinbase`,
 * `bad-txns-inputvalues-outofrange` or `bad-txns-in-belowout` (all reject).
 * @see Bitcoin Core `Consensus::CheckTxInputs`
 */
export function checkTransactionInputs(
  tx: Transaction,
  spent: readonly Coin[],
  height: number,
  params: ConsensusParams,
): bigint {
  let valueIn = 0n
  for (const coin of spent) {
    const depth = height - coin.height
    if (coin.isCoinbase && depth < params.coinbaseMaturityBlocks) {
      throw new ConsensusError('bad-txns-premature-spend-of-coinbase', {
        depth,
        detail: `tried to spend coinbase at depth ${depth}`,
      })
    }
    valueIn += coin.output.value
    if (!isMoney(coin.output.value) || !isMoney(valueIn)) {
      throw new ConsensusError('bad-txns-inputvalues-outofrange')
    }
  }
  const valueOut = tx.outputs.reduce((sum, output) => sum + output.value, 0n)
  if (valueIn < valueOut) {
    throw new ConsensusError('bad-txns-in-belowout', {
      in: valueIn.toString(),
      out: valueOut.toString(),
      detail: `value in (${formatMoney(valueIn)}) < value out (${formatMoney(valueOut)})`,
    })
  }
  return valueIn - valueOut
}

/**
 * Tells whether every relative lock time of a transaction has passed (BIP-0068).
 *
 * @param medianTimePastAt - Median time past, in Unix seconds, of the active chain's block at a height.
 * @param parentMedianTimePast - That of the parent of the block that the transaction is in.
 * @see Bitcoin Core `CalculateSequenceLocks`, `EvaluateSequenceLocks`
 */
export function areSequenceLocksMet(
  tx: Transaction,
  spent: readonly Coin[],
  height: number,
  parentMedianTimePast: number,
  medianTimePastAt: (height: number) => number,
): boolean {
  // BIP-0068 binds from version 2, read as unsigned.
  if (tx.version >>> 0 < 2) return true
  return tx.inputs.every(({ sequence }, i) => {
    const coin = spent[i]
    if (coin === undefined || (sequence & SEQUENCE_LOCKTIME_DISABLE_FLAG) !== 0) return true
    const lock = sequence & SEQUENCE_LOCKTIME_MASK
    if ((sequence & SEQUENCE_LOCKTIME_TYPE_FLAG) === 0) return coin.height + lock <= height
    const start = medianTimePastAt(Math.max(coin.height - 1, 0))
    return start + lock * SEQUENCE_LOCKTIME_GRANULARITY_SECONDS <= parentMedianTimePast
  })
}

/**
 * Cost of a transaction's signature operations (BIP-0141).
 *
 * @see Bitcoin Core `GetTransactionSigOpCost`
 */
export function computeSigopsCost(
  tx: Transaction,
  spent: readonly Coin[],
  flags: ScriptFlags,
): number {
  let cost = countTransactionLegacySigops(tx) * WITNESS_SCALE_FACTOR
  for (const [i, input] of tx.inputs.entries()) {
    const script = spent[i]?.output.scriptPubKey
    if (script === undefined) continue
    if ((flags & VERIFY_P2SH) !== 0) {
      cost += countP2shSigops(input.scriptSig, script) * WITNESS_SCALE_FACTOR
    }
    cost += countWitnessSigops(input.scriptSig, script, input.witness, flags)
  }
  return cost
}
