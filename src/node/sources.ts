/** @module Adapters: chain and mempool as mining's ports see them. */

import { type Chain, toUnixSeconds } from '../chain/index.ts'
import { computeNextBits } from '../consensus/index.ts'
import type { Mempool } from '../mempool/index.ts'
import type { ChainSource, NextBlock, TipSource, TxSource } from '../mining/index.ts'
import type { Clock } from '../util/index.ts'

/** The earliest time that the block after the tip may carry, Unix seconds. @see Bitcoin Core `GetMinimumTime` */
export function computeMinTime(chain: Chain): number {
  const { tip, params } = chain
  const minTime = tip.medianTimePast + 1
  const isWindowStart = (tip.height + 1) % params.retargetWindowBlocks === 0
  if (!params.bip94 || !isWindowStart) return minTime
  return Math.max(minTime, tip.time - params.maxTimewarpSeconds)
}

/** The active chain as what to build on. */
export function createChainSource(chain: Chain, clock: Clock): ChainSource {
  return {
    nextBlock(): NextBlock {
      const { tip } = chain
      const minTime = computeMinTime(chain)
      const time = Math.max(minTime, toUnixSeconds(clock.now()))
      return {
        height: tip.height + 1,
        prevBlockHash: tip.hash,
        prevTime: tip.time,
        bits: computeNextBits(tip, time, chain.params),
        minTime,
        time,
      }
    },
  }
}

/** The active chain's tip as what templates build on. */
export function createTipSource(chain: Chain): TipSource {
  return {
    get hash() {
      return chain.tip.hash
    },
    onMoved: (listener) => chain.events.on('tipChanged', () => listener()),
  }
}

/** The mempool as what to put into blocks. */
export function createTxSource(mempool: Mempool): TxSource {
  return {
    select: (limits) => mempool.select(limits),
    get sequence() {
      return mempool.sequence
    },
  }
}
