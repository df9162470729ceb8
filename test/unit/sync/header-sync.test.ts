import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BlockEntry } from '../../../src/chain/index.ts'
import {
  type ConsensusParams,
  computeNextBits,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import { type BlockHeader, computeBlockHash, toDisplayHex } from '../../../src/primitives/index.ts'
import { MAX_LOOSE_HEADERS } from '../../../src/sync/loose-headers.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
  solveHeader,
} from '../../support/chain-generator.ts'
import { createMemoryDatabases, openMemoryChain } from '../../support/memory-chain.ts'
import {
  createPeer,
  type ScriptedPeer,
  type SyncedNode,
  startSyncedNode,
} from '../../support/scripted-network.ts'

const MAX_HEADERS = 2_000
const regtest = createConsensusParams(REGTEST_SPEC)
/** Proof of work that begins with regtest's and becomes harder by up to four times every ten blocks. */
const steep: ConsensusParams = { ...regtest, noRetargeting: false, retargetWindowBlocks: 10 }

let node: SyncedNode
afterEach(async () => {
  expect(node.failures).toEqual([])
  await node.stop()
})

function entryOf(header: BlockHeader, prev: BlockEntry | undefined): BlockEntry {
  return new BlockEntry({ header, hash: computeBlockHash(header), prev, firstSeenMs: 0 })
}

/** Valid headers without blocks. */
function createHeaders(
  params: ConsensusParams,
  from: BlockEntry,
  count: number,
  wishes: { spacing: number; salt: number },
): readonly BlockEntry[] {
  const entries: BlockEntry[] = []
  const merkleRoot = new Uint8Array(32).fill(wishes.salt) as BlockHeader['merkleRoot']
  let last = from
  for (let i = 0; i < count; i++) {
    const time = last.time + wishes.spacing
    const bits = computeNextBits(last, time, params)
    const header = { version: 4, prevBlockHash: last.hash, merkleRoot, time, bits, nonce: 0 }
    last = entryOf(solveHeader(header), last)
    entries.push(last)
  }
  return entries
}

/** A peer with headers and no blocks. */
function createBodiless(id: string, entries: readonly BlockEntry[]): ScriptedPeer {
  const places = new Map(entries.map(({ hashHex }, index) => [hashHex, index]))
  return createPeer(id, [], {
    status: () => ({
      tipHash: entries.at(-1)?.hash ?? regtest.genesisHash,
      tipHeight: entries.length,
      chainWork: 2n ** 60n,
    }),
    headers: async (locator) => {
      const fork = locator.find((hash) => places.has(toDisplayHex(hash)))
      const start = fork === undefined ? 0 : (places.get(toDisplayHex(fork)) ?? 0) + 1
      return entries.slice(start, start + MAX_HEADERS).map(({ header }) => header)
    },
  })
}

describe('HeaderSync with a tip of much work', () => {
  const genesis = entryOf(steep.genesis.header, undefined)
  const cheap = createHeaders(steep, genesis, 10_000, { spacing: 700, salt: 1 })
  const strong: PlacedBlock[] = []
  // A chain that is as cheap for 2,009 blocks, and then becomes costly.
  const begin = cheap.slice(0, 2_009)
  const slope = createHeaders(steep, begin.at(-1) ?? genesis, 40, { spacing: 60, salt: 1 })
  const end = createHeaders(steep, slope.at(-1) ?? genesis, 60, { spacing: 667, salt: 1 })
  const costly = [...begin, ...slope, ...end]

  beforeAll(() => {
    let last = placeGenesis(steep)
    let entry = genesis
    for (let i = 0; i < 340; i++) {
      const time = entry.time + (entry.height < 30 ? 60 : 667)
      last = createBlock(last, steep, { time, bits: computeNextBits(entry, time, steep) })
      entry = entryOf(last.block.header, entry)
      strong.push(last)
    }
  })
  beforeEach(async () => {
    node = await startSyncedNode(steep)
    for (const { block } of strong) await node.chain.acceptBlock(block)
  })

  it('keeps nothing of 200,000 headers with little work', async () => {
    let sent = 0
    for (let i = 0; i < 20; i++) {
      const peer = createBodiless(`cheap ${i}`, cheap)
      node.network.join({
        ...peer,
        headers: async (locator) => {
          const headers = await peer.headers(locator)
          sent += headers.length
          return headers
        },
      })
      await node.advanceUntil(() => sent >= (i + 1) * cheap.length, 2_000)
      expect(node.chain.headerCount).toBe(strong.length + 1)
    }
    expect(sent).toBe(200_000)
    expect(node.network.dropped.size).toBe(0)
  }, 60_000)

  it('takes a chain whose beginning has little work and whose end has much', async () => {
    node.network.join(createBodiless('other', costly))
    await node.advanceUntil(() => node.chain.headerCount > strong.length + 2_100, 2_000)
    expect(node.chain.headerCount).toBe(strong.length + costly.length + 1)
    expect(node.chain.getEntry(costly.at(-1)?.hashHex ?? '')?.height).toBe(costly.length)
    expect(node.network.dropped.size).toBe(0)
  })

  it('takes nothing if other headers come the second time', async () => {
    const honest = createBodiless('shifty', costly)
    const others = createHeaders(steep, genesis, 2_000, { spacing: 700, salt: 2 })
    let requests = 0
    node.network.join({
      ...honest,
      headers: async (locator) => {
        requests += 1
        if (requests <= 2) return honest.headers(locator)
        return others.map(({ header }) => header)
      },
    })
    await node.advanceUntil(() => requests >= 3, 2_000)
    await node.advanceUntil(() => false, 500)
    expect(requests).toBe(3)
    expect(node.chain.headerCount).toBe(strong.length + 1)
  })
})

describe('HeaderSync where work is free', () => {
  const genesis = entryOf(regtest.genesis.header, undefined)
  const blocks = createBlocks(placeGenesis(regtest), regtest, 2_300)
  const branches = Array.from({ length: 7 }, (_, salt) =>
    createHeaders(regtest, genesis, 8_000, { spacing: 1, salt }),
  )

  /** Lets peers in that have more headers than there is room for. Returns how many the node took. */
  async function flood(): Promise<number> {
    let taken = 0
    for (const [i, entries] of branches.entries()) {
      node.network.join(createBodiless(`bodiless ${i}`, entries))
      await node.advanceUntil(() => false, 500)
      if (node.chain.getEntry(entries.at(-1)?.hashHex ?? '') !== undefined) taken += entries.length
      expect(node.chain.looseHeaderCount).toBeLessThan(MAX_LOOSE_HEADERS + MAX_HEADERS)
    }
    return taken
  }

  it('goes on following an honest peer among many with headers alone', async () => {
    const databases = createMemoryDatabases()
    node = await startSyncedNode(regtest, databases)
    node.network.join(createPeer('honest', blocks.slice(0, 2_100)))
    await node.advanceUntil(() => node.chain.tip.height === 2_100, 10_000)
    expect(await flood()).toBeGreaterThan(MAX_LOOSE_HEADERS)
    node.network.join(createPeer('honest', blocks))
    await node.advanceUntil(() => node.chain.tip.height === blocks.length, 20_000)
    expect(node.chain.tip.height).toBe(blocks.length)
    // Nor is there anything of them left after a restart.
    const again = await openMemoryChain(regtest, node.clock, databases)
    expect(again.headerCount).toBe(blocks.length + 1)
  }, 60_000)

  it('makes room for an honest newcomer, and lets nothing refer to what it forgets', async () => {
    node = await startSyncedNode(regtest)
    expect(await flood()).toBeGreaterThan(MAX_LOOSE_HEADERS)
    node.network.join(createPeer('honest', blocks))
    await node.advanceUntil(() => node.chain.tip.height === blocks.length, 30_000)
    expect(node.chain.tip.height).toBe(blocks.length)
    for (const { entry } of node.chain.getChainTips()) {
      expect(node.chain.getEntry(entry.hashHex)).toBe(entry)
    }
    expect(node.chain.getEntry(node.chain.bestHeader.hashHex)).toBe(node.chain.bestHeader)
  }, 60_000)
})
