/** What a devnet is for: nodes that mine, agree and retarget, and a chain that is still there tomorrow. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DevnetBench } from '../support/devnet-process.ts'

let bench: DevnetBench

beforeEach(() => {
  bench = new DevnetBench()
})

afterEach(() => bench.close())

describe('quarry devnet', () => {
  it('mines to a height with three nodes that retarget and agree', {
    timeout: 240_000,
  }, async () => {
    const flags = ['--nodes', '3', '--spacing', '1', '--window', '10']
    const devnet = bench.start(...flags, '--until-height', '45', '--timeout', '180')
    const code = await devnet.ended
    expect(devnet.lines.at(-1)).toMatchObject({ type: 'done' })
    expect(code).toBe(0)

    const nodes = devnet.all('node')
    expect(nodes.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(new Set(nodes.map(({ pid }) => pid)).size).toBe(3)
    for (const { rpcUrl, cookiePath, multiaddr } of nodes) {
      expect(rpcUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      expect(cookiePath).toMatch(/\.cookie$/)
      expect(multiaddr).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/)
    }

    const statuses = devnet.all('status')
    const last = statuses.at(-1)
    expect(new Set(last?.nodes.map(({ tip }) => tip)).size).toBe(1)
    expect(last?.nodes.every(({ height, peers }) => height >= 45 && peers === 2)).toBe(true)

    // Statuses come once a second: a window may pass between two, and a fork may show other bits for a moment.
    const bitsByWindow = new Map<number, string>()
    for (const { height, bits } of statuses.flatMap((status) => status.nodes)) {
      bitsByWindow.set(Math.floor(height / 10), bits)
    }
    expect([0, 1, 2, 3, 4]).toEqual(expect.arrayContaining([...bitsByWindow.keys()]))
    // That each change follows the rule is for feature-network.test.ts to recompute from headers.
    expect(new Set(bitsByWindow.values()).size).toBeGreaterThanOrEqual(3)

    const again = bench.start(...flags, '--until-height', '46', '--timeout', '60')
    expect(await again.ended).toBe(0)
    expect(again.all('status')[0]?.nodes[0]?.height).toBeGreaterThanOrEqual(45)
  })
})
