import { describe, expect, it } from 'vitest'
import { formatHashRate, formatStatusLine, type NodeStatus } from '../../../src/devnet/index.ts'

function node(index: number, changes: Partial<NodeStatus> = {}): NodeStatus {
  return {
    index,
    height: 45,
    tip: `${'0'.repeat(58)}a1b2c3`,
    peers: 2,
    hashesPerSecond: 200_000,
    bits: '1d00ffff',
    reorgs: 0,
    ...changes,
  }
}

describe('formatHashRate', () => {
  it.each([
    [0, '0 H/s'],
    [12, '12 H/s'],
    [999, '999 H/s'],
    [999.9, '1.00 kH/s'],
    [1_234, '1.23 kH/s'],
    [56_780, '56.8 kH/s'],
    [412_345, '412 kH/s'],
    [1_240_000, '1.24 MH/s'],
    [9.99e15, '9990 TH/s'],
  ])('writes %d as %s', (rate, text) => {
    expect(formatHashRate(rate)).toBe(text)
  })
})

describe('formatStatusLine', () => {
  it('shows one tip when all agree', () => {
    expect(
      formatStatusLine({ nodes: [node(0), node(1), node(2)], gone: [], nextRetarget: 50 }),
    ).toBe(
      'height 45 45 45 · tip …a1b2c3 · peers 2 2 2 · 600 kH/s · diff 1.00 · retarget in 5 · reorgs 0 0 0',
    )
  })

  it('shows every tip of a fork and who is silent', () => {
    const nodes = [node(0), node(1, { height: 44, tip: `${'0'.repeat(58)}ffee99`, problem: 'x' })]
    const line = formatStatusLine({ nodes, gone: [], nextRetarget: null })
    expect(line).toContain('height 45 44 · 2 tips …a1b2c3 …ffee99')
    expect(line).toContain('silent: 1')
    expect(line).not.toContain('retarget')
  })

  it('stays short with many nodes', () => {
    const nodes = Array.from({ length: 50 }, (_, index) =>
      node(index, { height: 40 + (index % 3) }),
    )
    const line = formatStatusLine({ nodes, gone: [], nextRetarget: 50 })
    expect(line).toContain('height 40–42')
    expect(line.length).toBeLessThan(120)
  })

  it.each([
    [79, 'height 145 · peers 2 · 600 kH/s · diff 1.00 · retarget in 5 · reorgs 0 1 0'],
    [82, 'height 145 · peers 2 · 600 kH/s · diff 1.00 · retarget in 5 · reorgs 0 1 0'],
    [
      96,
      'height 145 · tip …a1b2c3 · peers 2 · 600 kH/s · diff 1.00 · retarget in 5 · reorgs 0 1 0',
    ],
    [70, 'height 145 · 600 kH/s · retarget in 5 · reorgs 0 1 0'],
  ])('leaves out what %d columns have no room for', (columns, line) => {
    const nodes = [0, 1, 2].map((index) => node(index, { height: 145, reorgs: index % 2 }))
    expect(formatStatusLine({ nodes, gone: [], nextRetarget: 150 }, columns)).toBe(line)
  })

  it('says so when nothing runs', () => {
    expect(formatStatusLine({ nodes: [], gone: [0], nextRetarget: 10 })).toBe('no node is up')
  })

  it('keeps the place of a node that is gone', () => {
    const status = { nodes: [node(0), node(2)], gone: [1], nextRetarget: 50 }
    expect(formatStatusLine(status)).toBe(
      'height 45 – 45 · tip …a1b2c3 · peers 2 – 2 · 400 kH/s · diff 1.00 · retarget in 5 · reorgs 0 – 0',
    )
    expect(formatStatusLine(status, 60)).toContain('height 45 – 45')
    const many = Array.from({ length: 9 }, (_, index) => node(index))
    const line = formatStatusLine({ nodes: many, gone: [9, 10], nextRetarget: null })
    expect(line).toMatch(/^height 45 · .* · gone: 9 10$/)
  })
})
