import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkPayouts,
  MAX_PAYOUTS,
  type Payout,
  payAllTo,
  splitReward,
} from '../../../src/mining/index.ts'

const script = (byte: number, size = 22): Uint8Array => new Uint8Array(size).fill(byte)
const fixed = (amount: bigint, byte = 1): Payout => ({ scriptPubKey: script(byte), amount })
const share = (value: bigint, byte = 2): Payout => ({ scriptPubKey: script(byte), share: value })

function values(reward: bigint, payouts: readonly Payout[]): readonly bigint[] {
  return splitReward(reward, payouts).map(({ value }) => value)
}

describe('splitReward', () => {
  it.each([
    { name: 'all to one', payouts: payAllTo(script(1)), reward: 5n, paid: [5n] },
    {
      name: 'thirds',
      payouts: [share(1n), share(1n), share(1n)],
      reward: 100n,
      paid: [34n, 33n, 33n],
    },
    { name: 'the largest remainder', payouts: [share(1n), share(5n)], reward: 10n, paid: [2n, 8n] },
    {
      name: 'a fee, then shares',
      payouts: [fixed(10n), share(3n), share(1n)],
      reward: 50n,
      paid: [10n, 30n, 10n],
    },
    {
      name: 'fixed amounts in order',
      payouts: [share(1n), fixed(30n), fixed(30n)],
      reward: 50n,
      paid: [30n, 20n],
    },
    { name: 'nothing to pay', payouts: [fixed(30n), share(1n)], reward: 0n, paid: [0n] },
  ])('pays $name', ({ payouts, reward, paid }) => {
    expect(values(reward, payouts)).toEqual(paid)
  })

  it('pays exactly the reward, and to each within a satoshi of its share', () => {
    const arbitraryPayout = fc.oneof(
      fc.bigInt(0n, 10n ** 9n).map((amount) => fixed(amount)),
      fc.bigInt(0n, 10n ** 12n).map((value) => share(value)),
    )
    void fc.assert(
      fc.property(
        fc.bigInt(0n, 21n * 10n ** 14n),
        fc.array(arbitraryPayout, { maxLength: MAX_PAYOUTS - 1 }),
        fc.bigInt(1n, 10n ** 12n),
        (reward, others, last) => {
          const payouts = [...others, share(last)].map((payout, i) => ({
            ...payout,
            scriptPubKey: script(i),
          }))
          const outputs = splitReward(reward, payouts)
          expect(outputs.reduce((sum, { value }) => sum + value, 0n)).toBe(reward)
          const paid = new Map(outputs.map(({ value, scriptPubKey }) => [scriptPubKey[0], value]))
          const fixedSum = payouts.reduce(
            (sum, payout, i) => sum + ('amount' in payout ? (paid.get(i) ?? 0n) : 0n),
            0n,
          )
          const total = payouts.reduce(
            (sum, payout) => sum + ('share' in payout ? payout.share : 0n),
            0n,
          )
          for (const [i, payout] of payouts.entries()) {
            if (!('share' in payout)) continue
            const exact = ((reward - fixedSum) * payout.share) / total
            const value = paid.get(i) ?? 0n
            expect(value === exact || value === exact + 1n).toBe(true)
          }
        },
      ),
    )
  })
})

describe('checkPayouts', () => {
  it('takes what a coinbase has room for', () => {
    expect(() =>
      checkPayouts(Array.from({ length: MAX_PAYOUTS }, (_, i) => share(1n, i))),
    ).not.toThrow()
  })

  it.each([
    { name: 'too many', payouts: Array.from({ length: MAX_PAYOUTS + 1 }, () => share(1n)) },
    { name: 'large scripts', payouts: [{ scriptPubKey: script(0x51, 1_201), share: 1n }] },
    {
      name: 'many signature operations',
      payouts: [{ scriptPubKey: script(0xac, 101), share: 1n }],
    },
    { name: 'nobody', payouts: [] },
    { name: 'fixed amounts alone', payouts: [fixed(1n)] },
    { name: 'shares of nothing', payouts: [share(0n)] },
    { name: 'a negative amount', payouts: [fixed(-1n), share(1n)] },
    { name: 'a negative share', payouts: [share(-1n), share(2n)] },
  ])('refuses $name', ({ payouts }) => {
    expect(() => checkPayouts(payouts)).toThrow(expect.objectContaining({ code: 'bad-payouts' }))
  })

  it('accepts amounts and shares from 0 on, as many as there may be', () => {
    expect(() => checkPayouts([fixed(0n), fixed(7n), share(0n), share(1n)])).not.toThrow()
    const payouts = Array.from({ length: MAX_PAYOUTS }, () => share(1n))
    expect(() => checkPayouts(payouts)).not.toThrow()
  })
})
