/** Networks of many full nodes: whatever their form, all end on one tip. */

import { describe, expect, it } from 'vitest'
import { type Link, line, report, ring, sample, seedsOf, simulate, star } from './sim-network.ts'

/** The worst and the median of durations, in whole milliseconds. */
function summarise(durationsMs: readonly number[]): string {
  const sorted = durationsMs.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0)
  return `median ${at(0.5)} ms, worst ${at(1)} ms`
}

describe.each([
  ['a ring', 20, ring],
  ['a line', 20, line],
  ['a star', 20, star],
  ['a ring', 50, ring],
] as const)('%s of %i nodes', (form, count, link) => {
  it.each(seedsOf(1))('ends on one tip, wherever blocks are found (seed %i)', async (seed) => {
    await simulate({ count, links: link(count), seed }, async (network) => {
      const settled: number[] = []
      for (let round = 0; round < 10; round++) {
        // Up to three at once: rivals, of which one remains.
        const rivals = network.random.integer(1, 3)
        await Promise.all(Array.from({ length: rivals }, () => network.mineAnywhere()))
        settled.push(await network.settle())
      }
      report(`${form} of ${count}: one tip after ${summarise(settled)}`)
      const heights = new Set(network.up.map(({ node }) => node.chain.tip.height))
      expect(heights.size).toBe(1)
      expect([...heights][0]).toBeGreaterThanOrEqual(20)
    })
  })
})

describe('churn', () => {
  it.each(seedsOf(1, 2))('of three nodes in ten loses nobody (seed %i)', async (seed) => {
    const count = 20
    // A ring with chords: what is left stays in one piece more often than not, and heals when it does not.
    const chords: readonly Link[] = Array.from({ length: count }, (_, at) => [at, (at + 7) % count])
    await simulate({ count, links: [...ring(count), ...chords], seed }, async (network) => {
      const settled: number[] = []
      for (let round = 0; round < 5; round++) {
        const leaving = sample(network.random, network.nodes, 6)
        await Promise.all(leaving.map((node) => node.stop()))
        for (let block = 0; block < 3; block++) await network.mineAnywhere()
        await Promise.all(leaving.map((node) => network.restart(node)))
        settled.push(await network.settle())
      }
      report(`churn: all 20 on one tip after ${summarise(settled)}`)
      expect(network.up).toHaveLength(count)
      expect(network.nodes[0]?.node.chain.tip.height).toBeGreaterThanOrEqual(10)
    })
  })
})
