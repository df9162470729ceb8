import { describe, expect, it } from 'vitest'
import { TestWallet } from '../../support/wallet.ts'
import { createWalletNodeForTest, type WalletTestNode } from '../../support/wallet-node.ts'

const stranger = new TestWallet('stranger')
const STRANGER = stranger.address('p2wpkh')

/** A node with a wallet that has mined so many blocks that 50 coins each of the first are mature. */
async function createRichNode(matureCount = 1): Promise<WalletTestNode> {
  const node = await createWalletNodeForTest()
  await node.call('createwallet', 'w')
  await node.mineTo(matureCount, await node.call('getnewaddress'))
  await node.mineTo(100, STRANGER)
  return node
}

describe('coins that come back', () => {
  it('after a payment that also spent a mined coin whose block was taken back', async () => {
    const node = await createRichNode(2)
    const txid = await node.call('sendtoaddress', STRANGER, 99)
    await node.call('invalidateblock', await node.call('getblockhash', 2))
    await node.mineTo(101, STRANGER)
    expect((await node.call('gettransaction', txid)).details[0]).toMatchObject({ abandoned: true })
    expect(await node.call('getbalance')).toBe(50)
    expect(await node.call('sendtoaddress', STRANGER, 40)).toHaveLength(64)
  })
})
