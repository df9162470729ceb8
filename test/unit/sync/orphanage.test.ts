import { describe, expect, it } from 'vitest'
import { MAX_STANDARD_TX_WEIGHT } from '../../../src/mempool/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  computeWtxid,
  type Transaction,
  type Txid,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import {
  MAX_ORPHAN_WEIGHT,
  MAX_ORPHANS,
  ORPHAN_LIFETIME_MS,
  Orphanage,
} from '../../../src/sync/orphanage.ts'
import { PeerState } from '../../../src/sync/peer-state.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createBallast, spendOpen } from '../../support/open-spends.ts'
import { createPeerInfo } from '../../support/scripted-network.ts'

function createPeer(id: string): PeerState {
  return new PeerState(createPeerInfo(id))
}

let serial = 0

/** A transaction whose parent nobody has seen. */
function createOrphan(size = 0): Transaction {
  serial += 1
  const base = spendOpen([], 0n, 1, size === 0 ? [] : [createBallast(size)])
  const txid = new Uint8Array(32) as Txid
  new DataView(txid.buffer).setUint32(0, serial)
  const prevout = { txid, vout: 0 }
  const input = { prevout, scriptSig: new Uint8Array(0), sequence: 0, witness: [] }
  return { ...base, inputs: [input] }
}

function parentOf(tx: Transaction): string {
  return toDisplayHex(tx.inputs[0]?.prevout.txid ?? new Uint8Array(32))
}

const idOf = (tx: Transaction): string => toDisplayHex(computeWtxid(tx))

describe('Orphanage', () => {
  it('gives an orphan out when the last of its parents comes, and once', () => {
    const orphanage = new Orphanage(new FakeClock())
    const peer = createPeer('a')
    const [one, two] = [createOrphan(), createOrphan()]
    orphanage.add(one, ['p1', 'p2'], [peer])
    orphanage.add(two, ['p1'], [peer])
    expect(orphanage.takeChildren('p1').map(({ tx }) => tx)).toEqual([two])
    expect(orphanage.takeChildren('p1')).toEqual([])
    expect(orphanage.takeChildren('p2').map(({ tx }) => tx)).toEqual([one])
    expect(orphanage.size).toBe(0)
    expect(orphanage.countOf(peer)).toBe(0)
  })

  it('keeps an orphan until the last who has it leaves', () => {
    const orphanage = new Orphanage(new FakeClock())
    const [a, b] = [createPeer('a'), createPeer('b')]
    const tx = createOrphan()
    orphanage.add(tx, [parentOf(tx)], [a])
    orphanage.addHolder(b, idOf(tx))
    orphanage.forget(a)
    expect(orphanage.get(idOf(tx))?.tx).toBe(tx)
    orphanage.forget(b)
    expect(orphanage.size).toBe(0)
    expect(orphanage.hasTxid(toDisplayHex(computeTxid(tx)))).toBe(false)
    expect(orphanage.takeChildren(parentOf(tx))).toEqual([])
  })

  it('drops what has waited for twenty minutes', async () => {
    const clock = new FakeClock()
    const orphanage = new Orphanage(clock)
    const [old, young] = [createOrphan(), createOrphan()]
    orphanage.add(old, [parentOf(old)], [createPeer('a')])
    await clock.advance(ORPHAN_LIFETIME_MS - 1)
    orphanage.add(young, [parentOf(young)], [createPeer('a')])
    expect(orphanage.size).toBe(2)
    await clock.advance(1)
    orphanage.expire()
    expect(orphanage.get(idOf(old))).toBeUndefined()
    expect(orphanage.get(idOf(young))).toBeDefined()
  })

  it('lets floods from 50 peers cost nobody else anything', () => {
    const orphanage = new Orphanage(new FakeClock())
    const honest = createPeer('honest')
    const own = Array.from({ length: 20 }, () => createOrphan())
    for (const tx of own) orphanage.add(tx, [parentOf(tx)], [honest])
    const flooders = Array.from({ length: 50 }, (_, index) => createPeer(`flooder ${index}`))
    for (const flooder of flooders) {
      // Each spends the one before it, as a flood would that wants searches to take long.
      let parent = 'nowhere'
      for (let index = 0; index < 200; index++) {
        const tx = createOrphan()
        orphanage.add(tx, [parent], [flooder])
        parent = toDisplayHex(computeTxid(tx))
      }
    }
    expect(orphanage.size).toBe(MAX_ORPHANS)
    expect(own.every((tx) => orphanage.get(idOf(tx)) !== undefined)).toBe(true)
    const counts = flooders.map((flooder) => orphanage.countOf(flooder))
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  })

  it('bounds their weight, too, and counts an orphan for each who has it', () => {
    const orphanage = new Orphanage(new FakeClock())
    const [honest, flooder] = [createPeer('honest'), createPeer('flooder')]
    const large = MAX_STANDARD_TX_WEIGHT / 4 - 100
    const shared = createOrphan(large)
    const { weight } = computeTransactionSize(shared)
    orphanage.add(shared, [parentOf(shared)], [flooder, honest])
    for (let index = 0; index < 200; index++) {
      const tx = createOrphan(large)
      orphanage.add(tx, [parentOf(tx)], [flooder])
    }
    // One of the places is the honest peer's, who has kept what the flooder has lost.
    expect(orphanage.countOf(flooder)).toBe(Math.floor(MAX_ORPHAN_WEIGHT / weight) - 1)
    expect(orphanage.countOf(honest)).toBe(1)
    expect(orphanage.get(idOf(shared))).toBeDefined()
  })
})
