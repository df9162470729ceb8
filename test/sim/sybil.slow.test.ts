/** Four silent or lying peers for each honest node: every honest node gets every block all the same. */

import { memory } from '@libp2p/memory'
import { describe, expect, it } from 'vitest'
import { encodeInv } from '../../src/p2p/message-codec.ts'
import type { BlockHash } from '../../src/primitives/index.ts'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import type { SeededRandom } from '../crash/seeded-random.mjs'
import { type HostilePeer, startHostilePeer } from '../e2e/p2p-hostile-peer.support.ts'
import {
  type Link,
  report,
  ring,
  type SimNetwork,
  sample,
  seedsOf,
  simulate,
  waitFor,
} from './sim-network.ts'

const HONEST = 20
const SYBILS = 4 * HONEST
/** So many honest nodes does each of them dial. */
const DIALS = 6
/** Fewer slots than there are Sybils, so that these compete with honest nodes for them. */
const MAX_PEERS = 24
const BLOCKS = 20

/** What all of them claim: a chain that is far better, of which nobody has a block. */
function createLie(network: SimNetwork, random: SeededRandom) {
  return {
    genesisHash: network.params.genesisHash,
    tipHash: random.bytes(32) as BlockHash,
    tipHeight: 1_000_000,
    chainWork: 1n << 100n,
    userAgent: '/sybil/',
  }
}

/** Every second one never shakes hands; the others shake hands, claim a chain, and announce what nobody has. */
async function startSybils(
  network: SimNetwork,
  random: SeededRandom,
  sybils: HostilePeer[],
): Promise<number> {
  let connections = 0
  for (let index = 0; index < SYBILS; index++) {
    const sybil = await startHostilePeer(
      network.params.chainId,
      createLie(network, random),
      memory(),
    )
    sybils.push(sybil)
    const silent = index % 2 === 0
    const targets = sample(random, network.nodes, DIALS)
    const dials = await Promise.allSettled(
      targets.map(({ address }) => sybil.dial(address, { silent })),
    )
    connections += dials.filter(({ status }) => status === 'fulfilled').length
    if (!silent) await announceNothing(sybil, random)
  }
  return connections
}

async function announceNothing(sybil: HostilePeer, random: SeededRandom): Promise<void> {
  const items = [{ kind: 'block', hash: random.bytes(32) as BlockHash }] as const
  await sybil.publish(sybil.names.invTopic, encodeInv(sybil.idBytes, random.bytes(8), items))
}

describe('80 Sybils around 20 honest nodes', () => {
  it.each(seedsOf(1))('keep no block from any of them (seed %i)', async (seed) => {
    const chords: readonly Link[] = Array.from({ length: HONEST }, (_, at) => [
      at,
      (at + 7) % HONEST,
    ])
    const links = [...ring(HONEST), ...chords]
    await simulate({ count: HONEST, links, seed, maxPeers: MAX_PEERS }, async (network) => {
      const sybils: HostilePeer[] = []
      try {
        const connections = await startSybils(network, network.random, sybils)
        const delays: number[] = []
        for (let block = 0; block < BLOCKS; block++) {
          const start = performance.now()
          const miner = await network.mineAnywhere()
          const { tip } = miner
          await waitFor('every honest node has the block', () =>
            network.nodes.every((node) => node.tip === tip),
          )
          delays.push(performance.now() - start)
        }
        delays.sort((a, b) => a - b)
        report(
          `Sybils: ${sybils.length} made ${connections} connections; every honest node had each of ${BLOCKS} blocks within ${delays.at(-1)?.toFixed(0)} ms, half of them within ${delays[BLOCKS / 2]?.toFixed(0)} ms`,
        )
        expect(delays).toHaveLength(BLOCKS)
        expect(network.nodes.map(({ node }) => node.chain.tip.height)).toEqual(
          Array.from({ length: HONEST }, () => BLOCKS),
        )
      } finally {
        await Promise.all(sybils.map((sybil) => sybil.stop()))
      }
    })
  })
})
