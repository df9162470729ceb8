/** @module The median time past of BIP-0113. */

/** How many blocks the median is taken over. */
export const MEDIAN_TIME_SPAN_BLOCKS = 11

/**
 * Median of the times of a block and its ten ancestors, fewer near genesis.
 *
 * @returns Unix seconds.
 * @see Bitcoin Core `CBlockIndex::GetMedianTimePast`
 */
export function computeMedianTimePast(last: TimeLink): number {
  const times: number[] = []
  let link: TimeLink | undefined = last
  while (link !== undefined && times.length < MEDIAN_TIME_SPAN_BLOCKS) {
    times.push(link.time)
    link = link.prev
  }
  times.sort((a, b) => a - b)
  return times[times.length >> 1] ?? last.time
}

/** What {@link computeMedianTimePast} needs of a block in the index. */
export interface TimeLink {
  /** Unix seconds. */
  readonly time: number
  readonly prev: TimeLink | undefined
}
