/** @module Warnings at the start of a chain that cannot become useful. */

import type { Chain } from '../chain/index.ts'
import { type ConsensusParams, findChainWarnings } from '../consensus/index.ts'
import type { Platform } from './platform.ts'

/** Warns before the first block only: afterwards the chain has shown what it does. */
export function warnOfChainSpec(
  { params, platform }: { readonly params: ConsensusParams; readonly platform: Platform },
  chain: Chain,
): void {
  if (chain.tip.height > 0) return
  const log = platform.log.child('node')
  const now = Math.floor(platform.clock.now() / 1_000)
  for (const reason of findChainWarnings(params, now)) log.warn('the chain spec', { reason })
}
