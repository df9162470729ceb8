/** @module The least fee rate of a mempool that has been full. */

import type { MempoolPolicy } from './mempool-policy.ts'

/** The rate halves in this time, unless there is much room. @see Bitcoin Core `ROLLING_FEE_HALFLIFE` */
const HALF_LIFE_MS = 12 * 3_600_000
/** The rate is not worked out again sooner. */
const MIN_UPDATE_MS = 10_000

/**
 * Goes up to what was pushed out for want of room, and comes down with time once blocks are found: what pays less would
 * be pushed out again, after everybody has relayed it.
 *
 * @see Bitcoin Core `CTxMemPool::GetMinFee`
 */
export class RollingFee {
  /** Satoshis per 1,000 virtual bytes. */
  #rate = 0
  #updatedMs = 0
  #hasBlockSince = false
  readonly #incrementalFeeRate: bigint

  constructor({ incrementalFeeRate }: Pick<MempoolPolicy, 'incrementalFeeRate'>) {
    this.#incrementalFeeRate = incrementalFeeRate
  }

  /** A block has come: from now on the rate comes down. */
  onBlock(nowMs: number): void {
    this.#updatedMs = nowMs
    this.#hasBlockSince = true
  }

  /** Something of this rate, satoshis per 1,000 virtual bytes, was pushed out. */
  raise(rate: bigint): void {
    if (Number(rate) <= this.#rate) return
    this.#rate = Number(rate)
    this.#hasBlockSince = false
  }

  /**
   * The rate now, satoshis per 1,000 virtual bytes; 0 if it does not bind.
   *
   * @param fill - How full the mempool is, from 0 to 1.
   */
  current(fill: number, nowMs: number): bigint {
    if (this.#rate === 0) return 0n
    if (this.#hasBlockSince && nowMs > this.#updatedMs + MIN_UPDATE_MS) this.#decay(fill, nowMs)
    if (!this.#hasBlockSince || this.#rate === 0) return BigInt(Math.round(this.#rate))
    const rate = BigInt(Math.round(this.#rate))
    return rate > this.#incrementalFeeRate ? rate : this.#incrementalFeeRate
  }

  #decay(fill: number, nowMs: number): void {
    const speed = fill < 1 / 4 ? 4 : fill < 1 / 2 ? 2 : 1
    this.#rate /= 2 ** (((nowMs - this.#updatedMs) * speed) / HALF_LIFE_MS)
    this.#updatedMs = nowMs
    if (this.#rate < Number(this.#incrementalFeeRate) / 2) this.#rate = 0
  }
}
