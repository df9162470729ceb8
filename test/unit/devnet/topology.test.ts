import { describe, expect, it } from 'vitest'
import { computeDialedNodes } from '../../../src/devnet/index.ts'

/** Hops from every node to the farthest one. */
function measureDiameter(nodeCount: number): number {
  const links = Array.from({ length: nodeCount }, () => new Set<number>())
  for (let index = 0; index < nodeCount; index++) {
    for (const dialed of computeDialedNodes(index, nodeCount)) {
      links[index]?.add(dialed)
      links[dialed]?.add(index)
    }
  }
  const distances = links.map((_, start) => {
    const seen = new Map([[start, 0]])
    for (const [node, hops] of seen) {
      for (const next of links[node] ?? []) if (!seen.has(next)) seen.set(next, hops + 1)
    }
    return seen.size === nodeCount ? Math.max(...seen.values()) : Number.POSITIVE_INFINITY
  })
  return Math.max(...distances)
}

describe('computeDialedNodes', () => {
  it('connects up to five nodes each with each', () => {
    expect([0, 1, 2, 3, 4].map((index) => computeDialedNodes(index, 5))).toEqual([
      [],
      [0],
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 3],
    ])
    for (const count of [2, 3, 4, 5]) expect(measureDiameter(count)).toBe(1)
  })

  it('keeps larger devnets within two hops and two dials', () => {
    for (const count of [6, 7, 20, 50]) {
      expect(measureDiameter(count)).toBe(2)
      for (let index = 0; index < count; index++) {
        expect(computeDialedNodes(index, count).length).toBeLessThanOrEqual(2)
      }
    }
  })

  it('dials only nodes that were started before', () => {
    for (let index = 0; index < 12; index++) {
      for (const dialed of computeDialedNodes(index, 12)) expect(dialed).toBeLessThan(index)
    }
  })
})
