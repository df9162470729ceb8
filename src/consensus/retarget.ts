/** @module Which `bits` the next header must carry. */

import type { ConsensusParams } from './params/consensus-params.ts'
import { decodeBits, encodeBits } from './target.ts'

/** What retargeting needs of a block that is already in the index. */
export interface ChainLink {
  readonly height: number
  /** Unix seconds. */
  readonly time: number
  readonly bits: number
  readonly prev: ChainLink | undefined
  /** The ancestor at a height, itself included; undefined if there is none. */
  getAncestor(height: number): ChainLink | undefined
}

/**
 * Bitcoin's adjustment at the end of a window, with its truncations and its span of N−1 intervals.
 *
 * Consensus: integer division towards zero, the clamp before the multiplication, the compact
 * encoding's loss of precision: all are part of the rule.
 *
 * @param bits - Of the last block, or of the window's first with BIP-0094.
 * @param actualSpanSeconds - Time of the window's last block minus time of its first.
 * @see Bitcoin Core `CalculateNextWorkRequired`
 */
export function computeRetargetedBits(
  bits: number,
  actualSpanSeconds: number,
  params: ConsensusParams,
): number {
  const targetSpan = params.targetSpacingSeconds * params.retargetWindowBlocks
  const minSpan = Math.trunc(targetSpan / params.retargetClamp)
  const maxSpan = targetSpan * params.retargetClamp
  const span = Math.min(Math.max(actualSpanSeconds, minSpan), maxSpan)
  const target = (decodeBits(bits).target * BigInt(span)) / BigInt(targetSpan)
  return encodeBits(target > params.powLimit ? params.powLimit : target)
}

function computeBitsAtWindowEnd(last: ChainLink, params: ConsensusParams): number {
  if (params.noRetargeting) return last.bits
  const first = last.getAncestor(last.height - (params.retargetWindowBlocks - 1))
  if (first === undefined) return last.bits
  const bits = params.bip94 ? first.bits : last.bits
  return computeRetargetedBits(bits, last.time - first.time, params)
}

/** Testnet's rule: a block that comes late may be easy; the others look past such blocks. */
function computeMinDifficultyBits(last: ChainLink, time: number, params: ConsensusParams): number {
  const limitBits = encodeBits(params.powLimit)
  if (time > last.time + params.targetSpacingSeconds * 2) return limitBits
  let link = last
  while (
    link.prev !== undefined &&
    link.height % params.retargetWindowBlocks !== 0 &&
    link.bits === limitBits
  ) {
    link = link.prev
  }
  return link.bits
}

/**
 * One step of aserti3-2d: an exponential in the schedule's error, with a cubic in 16-bit fixed point.
 *
 * @param anchorBits - Bits of the anchor block.
 * @param timeDelta - Seconds from the anchor's parent to the block before the new one.
 * @param heightDelta - Blocks from the anchor to the block before the new one.
 * @see The aserti3-2d specification of Bitcoin Cash (2020-11-15 upgrade)
 */
export function computeAsertBits(
  anchorBits: number,
  timeDelta: bigint,
  heightDelta: bigint,
  params: Pick<ConsensusParams, 'targetSpacingSeconds' | 'asertHalfLifeSeconds' | 'powLimit'>,
): number {
  const spacing = BigInt(params.targetSpacingSeconds)
  const halfLife = BigInt(params.asertHalfLifeSeconds)
  const limitBits = encodeBits(params.powLimit)
  // Consensus: this division truncates towards zero, as C++ does; the shift below floors.
  const exponent = ((timeDelta - spacing * (heightDelta + 1n)) * 65_536n) / halfLife
  const shifts = exponent >> 16n
  const fraction = exponent - (shifts << 16n)
  const factor =
    65_536n +
    ((195_766_423_245_049n * fraction +
      971_821_376n * fraction ** 2n +
      5_127n * fraction ** 3n +
      (1n << 47n)) >>
      48n)
  const scaled = decodeBits(anchorBits).target * factor
  const shift = shifts - 16n
  // A shift far beyond 256 bits is the limit (or zero) whatever the digits are.
  if (shift > 512n) return limitBits
  const target = shift < 0n ? scaled >> -shift : scaled << shift
  if (target === 0n) return encodeBits(1n)
  return target > params.powLimit ? limitBits : encodeBits(target)
}

/**
 * ASERT from the chain's own anchor, whose parent counts as one spacing older than the anchor.
 *
 * Differs from Bitcoin Cash: the real parent's time is not used. The parent of an anchor at height 1 is
 * genesis, whose time is written in the chain spec and can lie days before the first block.
 */
function computeAsertBitsAfter(last: ChainLink, params: ConsensusParams): number {
  const anchor = last.getAncestor(params.asertAnchorHeight)
  if (anchor === undefined) return last.bits
  const anchorParentTime = anchor.time - params.targetSpacingSeconds
  return computeAsertBits(
    anchor.bits,
    BigInt(last.time - anchorParentTime),
    BigInt(last.height - anchor.height),
    params,
  )
}

/**
 * The `bits` that the block after `last` must carry.
 *
 * @param time - The new header's time in Unix seconds: only the min-difficulty rule looks at it.
 * @see Bitcoin Core `GetNextWorkRequired`
 */
export function computeNextBits(last: ChainLink, time: number, params: ConsensusParams): number {
  if (params.retargetAlgorithm === 'asert' && !params.noRetargeting) {
    return computeAsertBitsAfter(last, params)
  }
  const isWindowEnd = (last.height + 1) % params.retargetWindowBlocks === 0
  if (isWindowEnd) return computeBitsAtWindowEnd(last, params)
  return params.minDifficulty ? computeMinDifficultyBits(last, time, params) : last.bits
}
