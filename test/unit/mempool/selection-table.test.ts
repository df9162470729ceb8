import { describe, expect, it } from 'vitest'
import { WaitingTransaction } from '../../../src/mempool/mempool-entry.ts'
import { WaitingTransactions } from '../../../src/mempool/waiting-transactions.ts'
import {
  computeTxid,
  computeWtxid,
  type Transaction,
  type Txid,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { concatBytes } from '../../../src/util/index.ts'

let made = 0

function createEntry(fee: bigint, parents: readonly WaitingTransaction[] = []): WaitingTransaction {
  made += 1
  const tx: Transaction = {
    version: 2,
    inputs: [
      {
        prevout: { txid: new Uint8Array(32).fill(made) as Txid, vout: made },
        scriptSig: new Uint8Array(0),
        sequence: 0,
        witness: [Uint8Array.of(made & 0xff)],
      },
    ],
    outputs: [],
    lockTime: made,
  }
  const [txid, wtxid] = [toDisplayHex(computeTxid(tx)), toDisplayHex(computeWtxid(tx))]
  const sizes = { weight: 400, virtualSize: 100, size: 110, sigopsCost: 4 }
  return new WaitingTransaction({
    ...{ tx, txid, wtxid, fee, parents, ...sizes },
    ...{ feeDelta: 0n, height: 0, addedMs: 0 },
  })
}

/** What is at the places that are taken, in their order. */
function list({ table }: WaitingTransactions) {
  const places = Array.from({ length: table.length }, (_, place) => place)
  return places.filter((place) => !table.isFree(place)).map((place) => table.at(place))
}

describe('the table for choosing', () => {
  it('keeps the order in which transactions came, however many come and go', () => {
    const waiting = new WaitingTransactions()
    let left: WaitingTransaction[] = []
    for (let round = 0; round < 6; round++) {
      const next = Array.from({ length: 900 }, () => createEntry(1_000n))
      for (const entry of next) waiting.add(entry)
      const all = [...left, ...next]
      left = all.filter((_, i) => i % 3 === round % 3)
      for (const entry of all) if (!left.includes(entry)) waiting.remove(entry)
      expect(list(waiting)).toEqual(left)
    }
    // Room is made for what is there, not for all that ever was.
    expect(waiting.table.length).toBeLessThan(4_096)
    waiting.clear()
    expect(waiting.table.length).toBe(0)
  })

  it('knows who has relatives, and what mining counts', () => {
    const waiting = new WaitingTransactions()
    const parent = createEntry(1_000n)
    const child = createEntry(2_000n, [parent])
    const other = createEntry(3_000n)
    for (const entry of [parent, child, other]) waiting.add(entry)
    const { table } = waiting
    expect([0, 1, 2].map((place) => table.hasRelatives(place))).toEqual([true, true, false])
    waiting.addFeeDelta(other, 1_000n)
    expect([0, 1, 2].map((place) => table.feeRateAt(place))).toEqual([2.5, 5, 10])
    waiting.remove(child)
    expect(table.hasRelatives(0)).toBe(false)
    expect(table.isFree(1)).toBe(true)
  })

  it('gathers hashes and fees, exactly', () => {
    const waiting = new WaitingTransactions()
    // Their sum is more than a number holds exactly.
    const fees = [2_099_999_999_999_999n, 1n, 2_099_999_999_999_997n, 2_099_999_999_999_999n]
    const entries = [...fees, ...fees, 7n].map((fee) => createEntry(fee))
    for (const entry of entries) waiting.add(entry)
    const places = [8, 0, 1, 2, 3, 4, 5, 6, 7]
    const chosen = places.map((place) => entries[place] as WaitingTransaction)
    expect(waiting.table.select(places)).toEqual({
      transactions: chosen,
      fees: chosen.reduce((sum, { fee }) => sum + fee, 0n),
      txids: concatBytes(...chosen.map(({ tx }) => computeTxid(tx))),
      wtxids: concatBytes(...chosen.map(({ tx }) => computeWtxid(tx))),
    })
    expect(waiting.table.select([])).toMatchObject({ transactions: [], fees: 0n })
  })
})
