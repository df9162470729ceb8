import { describe, expect, it } from 'vitest'
import { createConsensusParams } from '../../../src/consensus/index.ts'
import { MAX_PAYOUTS } from '../../../src/mining/index.ts'
import { loadStartableChainSpec } from '../../../src/platform/nodejs/chain-choice.ts'
import { readPayouts } from '../../../src/platform/nodejs/payee-list.ts'
import { TestWallet } from '../../support/wallet.ts'

const params = createConsensusParams(await loadStartableChainSpec('regtest'))
const wallet = new TestWallet('payees')
const one = wallet.address('p2wpkh')
const other = wallet.address('p2tr')

describe('readPayouts', () => {
  it('reads addresses with and without shares, in their order', () => {
    expect(readPayouts([one, `${other}=999999`], params)).toEqual([
      { scriptPubKey: wallet.script('p2wpkh'), share: 1n },
      { scriptPubKey: wallet.script('p2tr'), share: 999_999n },
    ])
    expect(readPayouts([], params)).toBeUndefined()
  })

  it.each([
    'nobody',
    '',
    '=1',
    `${one}=`,
    `${one}=0`,
    `${one}=01`,
    `${one}=-1`,
    `${one}=1.5`,
    `${one}=1e3`,
    `${one}=1000000`,
    `${one}=1=1`,
    `${one} = 1`,
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
  ])('refuses %j', (text) => {
    const refusal = expect.objectContaining({ code: 'bad-settings' })
    expect(() => readPayouts([one, text], params)).toThrow(refusal)
  })

  it('refuses more payees than a coinbase has room for', () => {
    const many = (count: number) => Array.from({ length: count }, () => one)
    expect(readPayouts(many(MAX_PAYOUTS), params)).toHaveLength(MAX_PAYOUTS)
    expect(() => readPayouts(many(MAX_PAYOUTS + 1), params)).toThrow(
      expect.objectContaining({ code: 'bad-payouts' }),
    )
  })
})
