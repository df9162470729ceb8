/** @module Blocks as retargeting and median times see them: heights, times and bits, no bodies. */

import type { ChainLink } from '../../src/consensus/index.ts'

/**
 * A run of links, the first of which has no parent.
 *
 * @param bits - Of all links, or of each.
 * @returns The last one.
 */
export function linkUp(
  times: readonly number[],
  bits: number | readonly number[],
  firstHeight = 0,
): ChainLink {
  let last: ChainLink | undefined
  for (const [i, time] of times.entries()) {
    const prev: ChainLink | undefined = last
    const height = firstHeight + i
    const link: ChainLink = {
      height,
      time,
      bits: typeof bits === 'number' ? bits : (bits[i] ?? 0),
      prev,
      getAncestor: (at) => (at === height ? link : prev?.getAncestor(at)),
    }
    last = link
  }
  if (last === undefined) throw new RangeError('no times')
  return last
}
