/** @module Validates transactions on a tip that may move meanwhile. */

import type { BlockEntry } from '../chain/index.ts'
import type { Transaction, TxidHex } from '../primitives/index.ts'
import type { Clock } from '../util/index.ts'
import { judgePackage, type PackageVerdict } from './judge-package.ts'
import {
  type Candidate,
  checkScripts,
  checkSpends,
  type JudgeDeps,
  type JudgeOptions,
  judgeTransaction,
} from './judge-transaction.ts'
import type { WaitingTransaction } from './mempool-entry.ts'
import type { MempoolPolicy } from './mempool-policy.ts'

/** What may differ from one transaction to the next. */
export type JudgeWishes = Partial<Omit<JudgeOptions, 'tip' | 'before'>>

/** What is the same for all transactions, or changes with the mempool. */
export interface JudgeGrounds extends Pick<JudgeOptions, 'feeDeltaOf'> {
  readonly policy: MempoolPolicy
  readonly clock: Clock
  /** The least fee rate that a full mempool accepts now, satoshis per 1,000 virtual bytes. */
  readonly minFeeRate: () => bigint
}

const NO_TRANSACTIONS: ReadonlyMap<TxidHex, WaitingTransaction> = new Map()

/** Validates transactions until the tip has stayed the same: coins are read meanwhile, and it may move. Keeps nothing. */
export class TipJudge {
  readonly #deps: JudgeDeps
  readonly #grounds: JudgeGrounds

  constructor(deps: JudgeDeps, grounds: JudgeGrounds) {
    this.#deps = deps
    this.#grounds = grounds
  }

  /**
   * Validates one transaction by itself.
   *
   * @throws `ConsensusError` or `MempoolError` if it is refused.
   */
  judge(tx: Transaction, wishes: JudgeWishes): Promise<Candidate> {
    return this.#onTip(async (tip) => {
      const candidate = await this.#precheck(tx, { ...wishes, tip })
      checkSpends(candidate, this.#grounds.policy)
      await checkScripts(candidate, this.#deps)
      return candidate
    })
  }

  /**
   * Validates several transactions, parents first, each spending outputs of those before it as it likes.
   *
   * @param isFeeShared - Whether all together have to pay what a full mempool wants, in place of each.
   */
  judgeTogether(
    transactions: readonly Transaction[],
    wishes: JudgeWishes,
    isFeeShared: boolean,
  ): Promise<PackageVerdict> {
    const { policy, minFeeRate } = this.#grounds
    const shared = isFeeShared ? { minFeeRate: undefined } : {}
    return this.#onTip((tip) =>
      judgePackage(transactions, {
        judge: (tx, before) => this.#precheck(tx, { ...wishes, ...shared, tip, before }),
        checkScripts: (candidate) => checkScripts(candidate, this.#deps),
        policy,
        minFeeRate: isFeeShared ? minFeeRate() : undefined,
      }),
    )
  }

  #precheck(
    tx: Transaction,
    options: Partial<JudgeOptions> & Pick<JudgeOptions, 'tip'>,
  ): Promise<Candidate> {
    const { policy, clock, feeDeltaOf, minFeeRate } = this.#grounds
    return judgeTransaction(tx, this.#deps, {
      nowMs: clock.now(),
      policy,
      feeDeltaOf,
      minFeeRate: minFeeRate(),
      maxFeeRate: undefined,
      mayReplace: true,
      isReturning: false,
      mayExceedFamily: true,
      before: NO_TRANSACTIONS,
      ...options,
    })
  }

  async #onTip<Verdict>(judge: (tip: BlockEntry) => Promise<Verdict>): Promise<Verdict> {
    for (;;) {
      const { tip } = this.#deps.chain
      const isStill = (): boolean => this.#deps.chain.tip === tip
      try {
        const verdict = await judge(tip)
        if (isStill()) return verdict
      } catch (error) {
        if (isStill()) throw error
      }
    }
  }
}
