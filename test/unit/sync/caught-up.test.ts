import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { type BlockHash, toDisplayHex } from '../../../src/primitives/index.ts'
import { MAX_CLAIMS_WAIT_MS } from '../../../src/sync/level-watch.ts'
import { CLAIM_PATIENCE_MS } from '../../../src/sync/peer-state.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import {
  createPeer,
  never,
  type ScriptedPeer,
  type SyncedNode,
  startSyncedNode,
} from '../../support/scripted-network.ts'

const params = createConsensusParams(REGTEST_SPEC)
const blocks = createBlocks(placeGenesis(params), params, 30)
/** How long p2p waits for an answer to GETHEADERS. */
const REQUEST_TIMEOUT_MS = 15_000

let node: SyncedNode
let claims = 0

/** A peer that claims more work than anybody has, under ever new hashes. */
function createClaimant(id: string, headers: ScriptedPeer['headers']): ScriptedPeer {
  return createPeer(id, [], {
    headers,
    status: () => ({
      tipHash: new Uint8Array(32).fill(++claims % 256) as BlockHash,
      tipHeight: 9_999,
      chainWork: 2n ** 60n,
    }),
  })
}

/** Does not answer until p2p gives up, then has nothing. */
async function answerLate(): Promise<[]> {
  await new Promise<void>((resolve) => node.clock.schedule(REQUEST_TIMEOUT_MS - 1, resolve))
  return []
}

beforeEach(async () => {
  node = await startSyncedNode(params)
})
afterEach(async () => {
  await node.stop()
})

describe('Synchronizer.isCaughtUp', () => {
  it('comes true although peers repeat claims that they never prove', async () => {
    node.network.join(createPeer('honest', blocks))
    const claimants = ['a', 'b', 'c'].map((id) => createClaimant(id, answerLate))
    let passed = 0
    for (; passed < 2 * CLAIM_PATIENCE_MS && !node.sync.isCaughtUp; passed += 500) {
      // They come one after another, and each repeats itself twice a second.
      for (const peer of claimants.slice(0, 1 + passed / 4_000)) node.network.join(peer)
      await node.clock.advance(500)
    }
    expect(node.sync.isCaughtUp).toBe(true)
    expect(passed).toBeGreaterThanOrEqual(CLAIM_PATIENCE_MS)
    expect(node.chain.tip.height).toBe(blocks.length)
  })

  it('comes true although the claimants come back under new names', async () => {
    let passed = 0
    for (; passed < 2 * MAX_CLAIMS_WAIT_MS && !node.sync.isCaughtUp; passed += 500) {
      if (passed % 10_000 === 0) {
        node.network.leave(`claimant ${passed - 20_000}`)
        node.network.join(createClaimant(`claimant ${passed}`, never))
      }
      await node.clock.advance(500)
    }
    expect(node.sync.isCaughtUp).toBe(true)
    expect(passed).toBeGreaterThanOrEqual(MAX_CLAIMS_WAIT_MS)
  })

  it('waits for an honest peer that takes long to answer', async () => {
    const honest = createPeer('honest', blocks)
    node.network.join({
      ...honest,
      headers: async (locator) => {
        await new Promise<void>((resolve) => node.clock.schedule(12_000, resolve))
        return honest.headers(locator)
      },
    })
    await node.advanceUntil(() => node.sync.isCaughtUp, 20_000)
    expect(node.sync.isCaughtUp).toBe(true)
    expect(node.chain.tip.height).toBe(blocks.length)
  })
})

describe('Synchronizer that counts as level and is far behind', () => {
  it('announces the end of what it fetches, and no flood of blocks that its peers have', async () => {
    await node.advanceUntil(() => node.sync.isCaughtUp, 10_000)
    const long = createBlocks(placeGenesis(params), params, 400)
    node.network.join(createPeer('ahead', long))
    await node.advanceUntil(() => node.chain.tip.height === long.length, 10_000)
    await node.advanceUntil(() => false, 1_000)
    const { announcements } = node.network
    expect(node.chain.tip.height).toBe(long.length)
    expect(announcements.length).toBeLessThan(20)
    const last = announcements.flat().at(-1)?.hash ?? new Uint8Array()
    expect(toDisplayHex(last)).toBe(node.chain.tip.hashHex)
  })
})
