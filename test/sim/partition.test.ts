/** A network in one process that is parted, mines on, and heals. */

import { describe, expect, it } from 'vitest'
import { type Link, report, type SimNode, seedsOf, simulate } from './sim-network.ts'

/** Everybody knows everybody. */
const MESH: readonly Link[] = Array.from({ length: 6 }, (_, from) =>
  Array.from({ length: from }, (_, to) => [from, to] as const),
).flat()

/** Blocks whoever is on the other side. */
async function part(node: SimNode, others: readonly SimNode[]): Promise<void> {
  const rules = others.map((other) => ({ peer: other.node.network.selfId, blocked: true }))
  await node.node.rpc.execute('setfaults', [rules])
}

describe('six nodes', () => {
  it.each(seedsOf(1, 2))(
    'are parted 4 to 2 and heal: the lesser branch goes (seed %i)',
    async (seed) => {
      const options = { count: 6, links: MESH, seed, hasDevFaults: true }
      await simulate(options, async (network) => {
        await network.settle()
        const [left, right] = [network.nodes.slice(0, 4), network.nodes.slice(4)]
        for (const node of left) await part(node, right)
        for (const node of right) await part(node, left)
        for (const [side, blocks] of [
          [left, 5],
          [right, 3],
        ] as const) {
          for (let block = 0; block < blocks; block++) await network.mineAnywhere(side)
        }
        await network.waitForAgreement(left)
        await network.waitForAgreement(right)
        const [winner, loser] = [left[0]?.tip, right[0]?.tip]
        expect(winner).not.toBe(loser)
        expect(left.map(({ node }) => node.network.peers().length)).toEqual([3, 3, 3, 3])

        for (const node of network.nodes) await part(node, [])
        report(
          `six nodes on one tip ${(await network.waitForAgreement()).toFixed(0)} ms after the heal`,
        )
        expect(network.nodes.map(({ tip }) => tip)).toEqual(network.nodes.map(() => winner))
      })
    },
  )
})
