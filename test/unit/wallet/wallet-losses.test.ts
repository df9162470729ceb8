import { secp256k1 } from '@noble/curves/secp256k1.js'
import { HDKey } from '@scure/bip32'
import { describe, expect, it, vi } from 'vitest'
import { fromDisplayHex, type Txid } from '../../../src/primitives/index.ts'
import type { Timer } from '../../../src/util/index.ts'
import { selectCoins } from '../../../src/wallet/coin-selection.ts'
import {
  createKeyNetwork,
  createMnemonic,
  deriveAccounts,
  describeKeyHash,
  signTransaction,
} from '../../../src/wallet/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { TestWallet } from '../../support/wallet.ts'
import { createWalletNodeForTest, type WalletTestNode } from '../../support/wallet-node.ts'

const stranger = new TestWallet('stranger')
const STRANGER = stranger.address('p2wpkh')

/** On which every step takes long. Counts the turns that are left to others. */
class SlowClock extends FakeClock {
  turns = 0
  #ms = 0
  override monotonic(): number {
    this.#ms += 15
    return this.#ms
  }
  override schedule(delayMs: number, action: () => void): Timer {
    this.turns += 1
    return super.schedule(delayMs, action)
  }
}

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

describe('payments', () => {
  it('that pay nobody, or less than is relayed, are refused before coins are touched', async () => {
    const node = await createRichNode()
    const none = '-6 Transaction must have at least one recipient'
    expect(await node.refusal('sendmany', '', {})).toBe(none)
    const low = 'Fee rate (0.050 sat/vB) is lower than the minimum fee rate setting (0.100 sat/vB)'
    const args = ['', '', false, true, null, 'unset', null, 0.05]
    expect(await node.refusal('sendtoaddress', STRANGER, 1, ...args)).toBe(`-6 ${low}`)
    const raw = await node.call('createrawtransaction', [], [{ [STRANGER]: 1 }])
    expect(await node.refusal('fundrawtransaction', raw, { fee_rate: 0 })).toMatch(/^-4 Fee rate/)
    expect(await node.call('getbalance')).toBe(50)
  })

  it('say so where more would have to wait for too many others', async () => {
    const node = await createRichNode()
    for (let count = 0; count < 25; count++) await node.call('sendtoaddress', STRANGER, 0.1)
    expect(await node.refusal('sendtoaddress', STRANGER, 0.1)).toBe(
      '-6 Unconfirmed UTXOs are available, but spending them creates a chain of transactions that will be rejected by the mempool',
    )
    expect(await node.refusal('sendtoaddress', STRANGER, 60)).toBe('-6 Insufficient funds')
  })

  it('of an input that somebody else has to sign stay unfinished', async () => {
    const node = await createRichNode()
    const block = await node.call('getblock', await node.call('getbestblockhash'), 1)
    await node.mineTo(100, STRANGER)
    const inputs = [{ txid: block.tx[0], vout: 0, weight: 272 }]
    const outputs = [{ [STRANGER]: 60 }]
    const sent = await node.call('send', outputs, null, 'unset', null, { inputs, add_inputs: true })
    expect(sent).toMatchObject({ complete: false })
    expect((await node.call('decodepsbt', sent.psbt)).inputs).toHaveLength(2)
    expect(await node.call('getrawmempool')).toEqual([])
  })

  it('count a coin once that was named twice', async () => {
    const node = await createRichNode(2)
    const [{ txid, vout }] = await node.call('listunspent')
    const twice = [
      { txid, vout },
      { txid, vout },
    ]
    const outputs = [{ [STRANGER]: 60 }]
    expect(await node.refusal('walletcreatefundedpsbt', twice, outputs)).toMatch(
      /^-4 The preselected coins total amount does not cover the transaction target/,
    )
    const added = { add_inputs: true }
    const { psbt } = await node.call('walletcreatefundedpsbt', twice, outputs, 0, added)
    const { tx } = await node.call('decodepsbt', psbt)
    expect(new Set(tx.vin.map((input: { txid: string }) => input.txid)).size).toBe(2)
    expect(tx.vin).toHaveLength(2)
  })

  it('are borne by each output once', async () => {
    const node = await createRichNode()
    const outputs = [{ [STRANGER]: 1 }]
    const refusalOf = (...positions: readonly number[]) =>
      node.refusal('walletcreatefundedpsbt', [], outputs, 0, { subtractFeeFromOutputs: positions })
    const begin = "-8 Invalid parameter 'subtract fee from output', "
    expect(await refusalOf(0, 0)).toBe(`${begin}duplicated position: 0`)
    expect(await refusalOf(1)).toBe(`${begin}position too large: 1`)
  })

  it('leave alone what is locked, until it is unlocked', async () => {
    const node = await createRichNode()
    const [{ txid, vout }] = await node.call('listunspent')
    const coin = { txid, vout }
    expect(await node.refusal('lockunspent', true, [coin])).toBe(
      '-8 Invalid parameter, expected locked output',
    )
    expect(await node.call('lockunspent', false, [coin])).toBe(true)
    expect(await node.refusal('lockunspent', false, [coin])).toBe(
      '-8 Invalid parameter, output already locked',
    )
    expect(await node.call('listlockunspent')).toEqual([coin])
    expect(await node.refusal('sendtoaddress', STRANGER, 1)).toBe('-6 Insufficient funds')
    expect(await node.call('lockunspent', true)).toBe(true)
    expect(await node.call('sendtoaddress', STRANGER, 1)).toHaveLength(64)
    const unknown = { txid: '00'.repeat(32), vout: 0 }
    expect(await node.refusal('lockunspent', false, [unknown])).toBe(
      '-8 Invalid parameter, unknown transaction',
    )
  })

  it('of a coin that was locked, and named all the same, unlock it', async () => {
    const node = await createRichNode()
    const [{ txid, vout }] = await node.call('listunspent')
    await node.call('lockunspent', false, [{ txid, vout }])
    const inputs = [{ txid, vout }]
    await node.call('send', [{ [STRANGER]: 1 }], null, 'unset', null, { inputs })
    expect(await node.call('listlockunspent')).toEqual([])
  })

  it('are made of thousands of coins without trying each number of them', async () => {
    const coins = Array.from({ length: 20_000 }, () => ({ value: 1_000n, weight: 272, tier: 0 }))
    let reads = 0
    const counted = coins.map((coin) => ({
      ...coin,
      get value() {
        reads += 1
        return coin.value
      },
    }))
    const outputs = [{ value: 15_000_000n, scriptPubKey: stranger.script('p2wpkh') }]
    const changeScript = stranger.script('p2tr')
    const payment = { outputs, subtractFrom: [], feeRate: 100n, changeScript }
    expect(selectCoins([], counted, payment).coins.length).toBeGreaterThan(15_000)
    expect(reads).toBeLessThan(20_000_000)
  })

  it('whose fee cannot be raised for want of coins say so', async () => {
    const node = await createRichNode()
    const txid = await node.call('sendtoaddress', STRANGER, 50, '', '', true)
    expect(await node.refusal('bumpfee', txid)).toBe(
      '-4 Unable to create transaction. Insufficient funds',
    )
  })
})

describe('addresses', () => {
  it('of a form that no descriptor makes, or of none at all', async () => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    expect(await node.refusal('getnewaddress', '', 'legacy')).toBe(
      '-12 Error: No legacy addresses available.',
    )
    await node.call('unloadwallet', 'w')
    await node.call('createwallet', 'blank', false, true)
    expect(await node.refusal('getnewaddress')).toBe('-4 Error: This wallet has no available keys')
  })

  it('are not told of if the disk is full, nor is the wallet lost', async () => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    const { files } = node.disk
    const set = files.set.bind(files)
    files.set = () => {
      throw new RangeError('no space left on device')
    }
    const refusal = '-4 Error: The wallet could not be written. no space left on device'
    expect(await node.refusal('getnewaddress')).toBe(refusal)
    expect(await node.refusal('encryptwallet', 'a passphrase')).toBe(refusal)
    files.set = set
    expect((await node.call('getwalletinfo')).unlocked_until).toBeUndefined()
    expect(await node.call('getnewaddress')).toMatch(/^bcrt1q/)
    await node.restartWallets()
    expect(await node.call('loadwallet', 'w')).toEqual({ name: 'w' })
  })

  it('are not backed up where no file can be', async () => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    expect(await node.refusal('backupwallet', 'a\0b')).toMatch(/^-8 .*no path has a NUL/)
  })

  it('are labelled within limits', async () => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    expect(await node.refusal('getnewaddress', 'x'.repeat(1_001))).toMatch(/^-8 /)
    expect(await node.call('getnewaddress', 'x'.repeat(1_000))).toMatch(/^bcrt1q/)
  })

  it('are not derived by the billion for an import', async () => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    const [{ desc }] = (await node.call('listdescriptors', true)).descriptors
    const far = { desc, timestamp: 'now', active: true, next_index: 2_000_000_000 }
    const [refused] = await node.call('importdescriptors', [far])
    expect(refused.error).toEqual({ code: -8, message: 'next_index is out of range' })
    const [taken] = await node.call('importdescriptors', [{ desc, timestamp: 'now' }])
    expect(taken.warnings).toEqual(['Range not given, using default keypool range'])
  })

  it('let others have a turn while many are derived', async () => {
    const clock = new SlowClock()
    const network = createKeyNetwork(false, 0xef)
    const [account] = deriveAccounts(createMnemonic(new Uint8Array(16)), network)
    expect(await account?.descriptor.deriveRange(5, 15, clock)).toHaveLength(10)
    expect(clock.turns).toBeGreaterThanOrEqual(5)
  })
})

describe('many coins', () => {
  it('are listed and chosen from without a key being derived for each', async () => {
    const node = await createRichNode(40)
    const derive = vi.spyOn(HDKey.prototype, 'deriveChild')
    expect(await node.call('listunspent')).toHaveLength(40)
    expect(derive).not.toHaveBeenCalled()
    await node.call('sendtoaddress', STRANGER, 1)
    expect(derive.mock.calls.length).toBeLessThan(20)
    derive.mockRestore()
  })

  it('are signed for with turns for others', async () => {
    const key = new Uint8Array(32).fill(7)
    const scriptPubKey = describeKeyHash(secp256k1.getPublicKey(key, true))
    const output = { value: 1_000n, scriptPubKey }
    const inputs = Array.from({ length: 5 }, (_, vout) => ({
      prevout: { txid: fromDisplayHex<Txid>('00'.repeat(32)), vout },
      scriptSig: new Uint8Array(),
      sequence: 0,
      witness: [],
    }))
    const tx = { version: 2, inputs, outputs: [output], lockTime: 0 }
    const clock = new SlowClock()
    const spent = inputs.map(() => ({ output }))
    const { failures } = await signTransaction(tx, spent, () => [key], clock)
    expect(failures).toEqual([])
    expect(clock.turns).toBeGreaterThanOrEqual(5)
  })
})
