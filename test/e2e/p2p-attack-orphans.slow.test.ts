/** Transactions whose parents do not exist, from many at once. */

import { afterEach, expect, it } from 'vitest'
import {
  computeTxid,
  computeWtxid,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { AttackScene, startPeer } from '../support/attack-scene.ts'
import { createBlocks, placeGenesis } from '../support/chain-generator.ts'
import { waitFor } from '../support/node-process.ts'
import { createBallast, spendOpen } from '../support/open-spends.ts'

const SENDERS = 40
const ORPHANS_PER_SENDER = 250
const BALLAST_BYTES = 20_000
const MATURITY_BLOCKS = 100
const FEE = 10_000n

let scene: AttackScene
afterEach(() => scene.stop())

/** A transaction that spends what there is not. */
function createOrphan(coinbase: Transaction, seed: number): Transaction {
  const parent = { ...coinbase, lockTime: seed + 1 }
  return spendOpen([{ tx: parent, vout: 0 }], FEE, 1, [createBallast(BALLAST_BYTES)])
}

it('10,000 orphans of 20 kB over 40 connections cost others nothing', async () => {
  const blocks = { created: [] as ReturnType<typeof createBlocks> }
  scene = await AttackScene.start({
    createChain: (params) => {
      blocks.created = createBlocks(placeGenesis(params), params, MATURITY_BLOCKS + 5)
      return blocks.created
    },
    flags: ['--accept-nonstd-txn'],
  })
  const { params, victim } = scene
  const coinbase = blocks.created[0]?.block.transactions[0]
  if (coinbase === undefined) throw new RangeError('no coinbase')
  let served = 0
  const attack = async (): Promise<void> => {
    const senders = Array.from({ length: SENDERS }, async (_, index) => {
      const orphans = Array.from({ length: ORPHANS_PER_SENDER }, (_orphan, at) =>
        createOrphan(coinbase, index * ORPHANS_PER_SENDER + at),
      )
      const byId = new Map(orphans.map((tx) => [toDisplayHex(computeWtxid(tx)), tx]))
      const peer = scene.keep(
        await startPeer(params, {
          serveData: async ({ hash }) => {
            const tx = byId.get(toDisplayHex(hash))
            if (tx !== undefined) served += 1
            return tx && encodeTransaction(tx)
          },
        }),
      )
      await peer.dialOnce(victim.ready.multiaddr)
      // Until its gossip flows nobody hears anything.
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      const items = orphans.map((tx) => ({ kind: 'tx', hash: computeWtxid(tx) }) as const)
      await peer.publishAnnouncements(items)
    })
    await Promise.all(senders)
    await waitFor('most have been fetched', async () => served > 5_000, 60_000)
    expect((await victim.call('getmempoolinfo')).size).toBe(0)
    // An honest one comes in all the same.
    const tx = spendOpen([{ tx: coinbase, vout: 0 }], FEE)
    const honest = scene.keep(
      await startPeer(params, { serveData: async () => encodeTransaction(tx) }),
    )
    await honest.dialOnce(victim.ready.multiaddr)
    await waitFor('the honest one is in the mempool', async () => {
      await honest.publishAnnouncements([{ kind: 'tx', hash: computeWtxid(tx) }])
      const ids: string[] = await victim.call('getrawmempool')
      return ids.includes(toDisplayHex(computeTxid(tx)))
    })
  }
  // 200 MB have passed through in pieces that the allocator keeps for the next ones; seen: 154 to 264 MB.
  await scene.endure('10,000 orphan transactions', attack, { waiting: 1, rssMarginMb: 350 })
  expect(served).toBeGreaterThan(5_000)
})
