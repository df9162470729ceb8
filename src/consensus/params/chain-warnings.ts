/** @module Chain specs that are valid, and on which no useful chain can start. */

import { countOf } from '../../util/index.ts'
import { computeAsertBits } from '../retarget.ts'
import { encodeBits } from '../target.ts'
import type { ConsensusParams } from './consensus-params.ts'

function findAsertWarnings(params: ConsensusParams, now: number): string[] {
  const warnings: string[] = []
  const { targetSpacingSeconds: spacing, asertHalfLifeSeconds: halfLife } = params
  if (params.noRetargeting) {
    return ['retarget.noRetargeting: the bits never change, so the algorithm "asert" has no effect']
  }
  if (params.minDifficulty) {
    warnings.push('retarget.minDifficulty: has no effect with the algorithm "asert"')
  }
  if (halfLife < spacing) {
    warnings.push(
      `retarget.halfLifeSeconds: ${halfLife} is less than one spacing (${countOf(spacing, 'second')}), so the target more than doubles with one late block`,
    )
  }
  const { bits, time } = params.genesis.header
  const delay = now - time
  const next = computeAsertBits(bits, BigInt(delay + spacing), 0n, params)
  const isAtLimit = next === encodeBits(params.powLimit)
  if (params.asertAnchorHeight === 0 && delay > halfLife && isAtLimit) {
    warnings.push(
      `version: 1 anchors ASERT at genesis, whose time is ${countOf(delay, 'second')} ago. With a half-life of ${countOf(halfLife, 'second')} a chain that starts now falls to the pow limit, until ${countOf(Math.floor(delay / spacing), 'block is', 'blocks are')} mined. Version 2 anchors ASERT at the first block`,
    )
  }
  return warnings
}

/**
 * Finds what makes a new chain of these parameters useless, though the rules allow it.
 *
 * @param now - Local time in Unix seconds.
 * @returns A line each, which starts with the field of the chain spec.
 */
export function findChainWarnings(params: ConsensusParams, now: number): string[] {
  const warnings: string[] = []
  const { time } = params.genesis.header
  const first = time + 1 - params.maxFutureSeconds
  if (first > now) {
    warnings.push(
      `genesis.time: ${time} is ahead of the local clock; no block is valid for another ${countOf(first - now, 'second')}`,
    )
  }
  if (params.retargetAlgorithm === 'asert') return [...warnings, ...findAsertWarnings(params, now)]
  const span = params.targetSpacingSeconds * params.retargetWindowBlocks
  if (!params.noRetargeting && span < params.retargetClamp) {
    warnings.push(
      `retarget.clamp: ${params.retargetClamp} is more than the seconds of a window (${span}), so one fast window makes the target zero and ends the chain`,
    )
  }
  return warnings
}
