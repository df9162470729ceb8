import { describe, expect, it } from 'vitest'
import type { TemplateTransaction } from '../../../src/mining/index.ts'
import {
  computeTxid,
  computeWtxid,
  encodeTransaction,
  type Transaction,
  type Txid,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { TemplateTexts } from '../../../src/rpc/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createFixedClock } from '../../support/memory-chain.ts'

const ELSEWHERE = new Uint8Array(32).fill(9) as Txid

function spend(lockTime: number, ...parents: readonly Transaction[]): Transaction {
  const txids = [ELSEWHERE, ...parents.map(computeTxid)]
  return {
    version: 2,
    inputs: txids.map((txid, vout) => ({
      prevout: { txid, vout },
      scriptSig: Uint8Array.of(),
      sequence: 0,
      witness: lockTime % 2 === 0 ? [] : [Uint8Array.of(lockTime & 0xff)],
    })),
    outputs: [{ value: 5n, scriptPubKey: Uint8Array.of(0x51) }],
    lockTime,
  }
}

function choose(...txs: readonly Transaction[]): readonly TemplateTransaction[] {
  return txs.map((tx) => ({ tx, fee: BigInt(tx.lockTime), weight: 400, sigopsCost: 8 }))
}

/** What a template says, with nothing remembered. */
function expected(transactions: readonly TemplateTransaction[], scale: number) {
  const ids = transactions.map(({ tx }) => toDisplayHex(computeTxid(tx)))
  return transactions.map(({ tx, fee, weight, sigopsCost }, index) => ({
    data: Buffer.from(encodeTransaction(tx)).toString('hex'),
    txid: ids[index],
    hash: toDisplayHex(computeWtxid(tx)),
    depends: tx.inputs
      .map(({ prevout }) => ids.indexOf(toDisplayHex(prevout.txid)) + 1)
      .filter((place) => place > 0),
    fee: Number(fee),
    sigops: sigopsCost / scale,
    weight,
  }))
}

const a = spend(1)
const b = spend(2, a)
const c = spend(3, a, b)
const d = spend(4)

describe('TemplateTexts', () => {
  it('tells each template as if it were the first, and keeps no more than the last one', async () => {
    const texts = new TemplateTexts(createFixedClock(1))
    const templates = [choose(a, b, c), choose(d, a, c), choose(d, b), choose(), choose(a, b, d, c)]
    for (const scale of [4, 1]) {
      for (const template of templates) {
        const { text } = await texts.get(template, scale)
        expect(JSON.parse(text)).toEqual(expected(template, scale))
        expect(texts.size).toBe(template.length)
      }
    }
  })

  it('makes a text once for all who ask', async () => {
    const texts = new TemplateTexts(createFixedClock(1))
    const template = choose(a, d)
    const [first, second] = await Promise.all([texts.get(template, 1), texts.get(template, 1)])
    expect(second).toBe(first)
    expect(first?.bytes).toBe(second?.bytes)
    expect(Buffer.from(first?.bytes ?? []).toString()).toBe(first?.text)
  })

  it('lets others work between, and one template be told after the other', async () => {
    const clock = new FakeClock()
    let looks = 0
    const slow = {
      now: () => clock.now(),
      // Each look at the time takes 11 milliseconds.
      monotonic: () => 11 * ++looks,
      schedule: (_ms: number, action: () => void) => {
        turns += 1
        queueMicrotask(action)
        return { cancel() {} }
      },
    }
    let turns = 0
    const texts = new TemplateTexts(slow)
    const many = choose(...Array.from({ length: 600 }, (_, i) => spend(10 + i)))
    const [all, few] = await Promise.all([texts.get(many, 1), texts.get(choose(a, b), 1)])
    expect(turns).toBeGreaterThanOrEqual(3)
    expect(JSON.parse(all?.text ?? '')).toEqual(expected(many, 1))
    expect(JSON.parse(few?.text ?? '')).toEqual(expected(choose(a, b), 1))
    expect(texts.size).toBe(2)
  })
})
