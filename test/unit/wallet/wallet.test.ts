import { describe, expect, it } from 'vitest'
import { TestWallet } from '../../support/wallet.ts'
import { createWalletNodeForTest, type WalletTestNode } from '../../support/wallet-node.ts'

const stranger = new TestWallet('stranger')

/** A node with a wallet that has mined so many blocks that 50 coins each of the first are mature. */
async function createRichNode(matureCount = 1): Promise<WalletTestNode> {
  const node = await createWalletNodeForTest()
  await node.call('createwallet', 'w')
  await node.mineTo(matureCount, await node.call('getnewaddress'))
  await node.mineTo(100, stranger.address('p2wpkh'))
  return node
}

describe('a wallet', () => {
  it('knows what it was mined, and when that can be spent', async () => {
    const node = await createWalletNodeForTest()
    expect(await node.call('createwallet', 'w')).toEqual({ name: 'w' })
    const address = await node.call('getnewaddress')
    await node.mineTo(1, address)
    expect((await node.call('getbalances')).mine).toEqual({
      trusted: 0,
      untrusted_pending: 0,
      immature: 50,
    })
    await node.mineTo(99, stranger.address('p2wpkh'))
    expect(await node.call('getbalance')).toBe(0)
    await node.mineTo(1, stranger.address('p2wpkh'))
    expect(await node.call('getbalance')).toBe(50)
    expect(await node.call('listunspent')).toMatchObject([
      { address, amount: 50, confirmations: 101, spendable: true, safe: true, label: '' },
    ])
  })

  it.each(['p2pkh', 'p2wpkh', 'p2tr'] as const)('pays to %s', async (kind) => {
    const node = await createRichNode()
    const txid = await node.call('sendtoaddress', stranger.address(kind), 1.5, 'rent', 'landlord')
    const sent = await node.call('gettransaction', txid)
    expect(sent).toMatchObject({ amount: -1.5, confirmations: 0, comment: 'rent', to: 'landlord' })
    expect(sent.fee).toBeLessThan(0)
    expect(await node.call('getbalance')).toBeCloseTo(48.5 + sent.fee, 8)
    await node.mineTo(1, stranger.address('p2wpkh'))
    expect((await node.call('gettransaction', txid)).confirmations).toBe(1)
    expect(await node.call('getbalance')).toBeCloseTo(48.5 + sent.fee, 8)
  })

  it.each(['bech32', 'bech32m'])('spends what came to %s', async (type) => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    await node.mineTo(1, await node.call('getnewaddress', '', type))
    await node.mineTo(100, stranger.address('p2wpkh'))
    const txid = await node.call('sendtoaddress', stranger.address('p2wpkh'), 49)
    await node.mineTo(1, stranger.address('p2wpkh'))
    expect((await node.call('gettransaction', txid)).confirmations).toBe(1)
  })
})
