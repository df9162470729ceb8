/** @module By how much an operator has mining count transactions as paying more, or less. */

import { MAX_MONEY_SATS } from '../consensus/index.ts'
import type { TxidHex } from '../primitives/index.ts'
import { MempoolError } from './mempool-error.ts'

/** How many transactions may have a delta at a time: each takes some two hundred bytes. */
export const MAX_FEE_DELTAS = 100_000

function clamp(sats: bigint): bigint {
  if (sats > MAX_MONEY_SATS) return MAX_MONEY_SATS
  return sats < -MAX_MONEY_SATS ? -MAX_MONEY_SATS : sats
}

/** Satoshis by transaction, whether it waits already or not. Deltas of 0 are none. */
export class FeeDeltas {
  readonly #deltas = new Map<TxidHex, bigint>()

  get(txid: TxidHex): bigint {
    return this.#deltas.get(txid) ?? 0n
  }

  /**
   * Adds to a transaction's delta, up to all the money there is.
   *
   * @returns By how much the delta has changed.
   * @throws {@link MempoolError} `too-many-prioritised`
   */
  add(txid: TxidHex, sats: bigint): bigint {
    const before = this.get(txid)
    const after = clamp(before + sats)
    if (after === 0n) this.#deltas.delete(txid)
    else if (this.#deltas.has(txid) || this.#deltas.size < MAX_FEE_DELTAS) {
      this.#deltas.set(txid, after)
    } else throw new MempoolError('too-many-prioritised', { limit: MAX_FEE_DELTAS })
    return after - before
  }

  delete(txid: TxidHex): void {
    this.#deltas.delete(txid)
  }

  entries(): IterableIterator<[TxidHex, bigint]> {
    return this.#deltas.entries()
  }
}
