/** @module The known name that a mistyped one was probably meant to be. */

/** Longer names are not compared: no name of ours is longer. */
const MAX_NAME_LENGTH = 64
/** Slips of the finger that a name may contain. */
const MAX_SLIPS = 3
/** The share of a name that must be right. */
const MIN_LIKENESS = 0.5

/**
 * Counts the slips between two names: letters left out, added, replaced, or swapped with the next one.
 *
 * @see https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance (optimal string alignment)
 */
function countSlips(a: string, b: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? (beforeLast[j - 2] ?? 0) + 1 : replaced
      row[j] = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/**
 * Finds the name that is most like another, without regard to case.
 *
 * @returns Undefined if none is like it.
 */
export function findClosestName(name: string, names: Iterable<string>): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return undefined
  let closest: string | undefined
  let fewest = MAX_SLIPS + 1
  for (const candidate of names) {
    const slips = countSlips(name.toLowerCase(), candidate.toLowerCase())
    const longer = Math.max(name.length, candidate.length)
    if (slips >= fewest || (longer - slips) / longer < MIN_LIKENESS) continue
    closest = candidate
    fewest = slips
  }
  return closest
}
