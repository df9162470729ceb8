/** @module Random order. */

import type { RandomSource } from './ports.ts'

/** The first `count` items, or all of them, of a random order. */
export function shuffle<Item>(
  random: RandomSource,
  items: readonly Item[],
  count: number = items.length,
): Item[] {
  const rest = [...items]
  for (let index = 0; index < count; index++) {
    const other = index + Math.floor(random.float() * (rest.length - index))
    const chosen = rest[other] as Item
    rest[other] = rest[index] as Item
    rest[index] = chosen
  }
  return rest.slice(0, count)
}
