import { describe, expect, it } from 'vitest'
import { TestWallet } from '../../support/wallet.ts'
import {
  createWalletNodeForTest,
  type WalletNodeWishes,
  type WalletTestNode,
} from '../../support/wallet-node.ts'

const stranger = new TestWallet('stranger')

/** A node with a wallet that has mined so many blocks that 50 coins each of the first are mature. */
async function createRichNode(
  matureCount = 1,
  wishes: WalletNodeWishes = {},
): Promise<WalletTestNode> {
  const node = await createWalletNodeForTest(wishes)
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

describe('reorganisations', () => {
  it('there and back leave the balances of before', async () => {
    const node = await createRichNode(2)
    await node.call('sendtoaddress', stranger.address('p2wpkh'), 1)
    await node.mineTo(1, await node.call('getnewaddress'))
    await node.mineTo(2, stranger.address('p2wpkh'))
    const before = await node.call('getbalances')
    const listed = await node.call('listtransactions', '*', 100)
    const fork = await node.call('getblockhash', 103)
    await node.call('invalidateblock', fork)
    const { mine } = await node.call('getbalances')
    expect(mine.trusted).toBe(before.mine.trusted)
    expect(mine.immature).toBe(0)
    expect((await node.call('listtransactions', '*', 100)).at(-1).category).toBe('orphan')
    await node.call('reconsiderblock', fork)
    expect(await node.call('getbalances')).toEqual(before)
    expect(await node.call('listtransactions', '*', 100)).toEqual(listed)
  })

  it('with another payment of the same coin make the first one a conflict, until it is back', async () => {
    const node = await createRichNode()
    const txid = await node.call('sendtoaddress', stranger.address('p2wpkh'), 1)
    const waiting = await node.call('getrawtransaction', txid, 1)
    await node.mineTo(1, stranger.address('p2wpkh'))
    const [coin] = waiting.vin
    const other = await node.call(
      'createrawtransaction',
      [{ txid: coin.txid, vout: coin.vout }],
      [{ [stranger.address('p2tr')]: 49.9 }],
    )
    const { hex, complete } = await node.call('signrawtransactionwithwallet', other)
    expect(complete).toBe(true)
    const block = await node.call('getbestblockhash')
    await node.call('invalidateblock', block)
    await node.call('generateblock', stranger.address('p2wpkh'), [hex])
    await node.mineTo(1, stranger.address('p2wpkh'))
    const lost = await node.call('gettransaction', txid)
    expect(lost.confirmations).toBe(-2)
    expect(lost.walletconflicts).toHaveLength(1)
    expect(await node.call('getbalance')).toBe(0)
    await node.call('reconsiderblock', block)
    await node.call('invalidateblock', await node.call('getblockhash', 102))
    await node.call('reconsiderblock', block)
    expect((await node.call('gettransaction', txid)).confirmations).toBe(1)
    expect(await node.call('getbalance')).toBeGreaterThan(48)
  })
})

describe('after a kill', () => {
  it('a wallet is what it was, without what the store had not written', async () => {
    const node = await createRichNode(2)
    const txid = await node.call('sendtoaddress', stranger.address('p2wpkh'), 1)
    const before = await node.call('getbalances')
    await node.restartWallets()
    await node.call('loadwallet', 'w')
    expect(await node.call('getbalances')).toEqual(before)
    expect((await node.call('gettransaction', txid)).amount).toBe(-1)
    // The store is lost: everything that is in blocks comes back.
    await node.mineTo(1, stranger.address('p2wpkh'))
    const mined = await node.call('getbalances')
    node.disk.records.clear()
    await node.restartWallets()
    await node.call('loadwallet', 'w')
    expect(await node.call('getbalances')).toEqual(mined)
  })

  it('a payment that was being sent is known: it was written first', async () => {
    let isSending = (): void => undefined
    const sending = new Promise<void>((resolve) => {
      isSending = resolve
    })
    const submit = (): Promise<never> => {
      isSending()
      return new Promise(() => undefined)
    }
    const node = await createRichNode(1, { submit })
    void node.call('sendtoaddress', stranger.address('p2wpkh'), 1)
    await sending
    await node.restartWallets()
    await node.call('loadwallet', 'w')
    const last = await node.call('listtransactions', '*', 1)
    expect(last).toEqual([expect.objectContaining({ category: 'send', amount: -1 })])
  })

  it('one lost record has the chain looked through anew', async () => {
    const node = await createRichNode(3)
    const before = await node.call('getbalances')
    const [first] = node.disk.records.keys()
    node.disk.records.delete(first ?? '')
    await node.restartWallets()
    await node.call('loadwallet', 'w')
    expect(await node.call('getbalances')).toEqual(before)
  })

  it('blocks that came and went meanwhile are taken into account', async () => {
    const node = await createRichNode(2)
    await node.call('unloadwallet', 'w')
    const tip = await node.call('getblockhash', 100)
    await node.call('invalidateblock', tip)
    await node.mineTo(5, stranger.address('p2tr'))
    await node.call('loadwallet', 'w')
    const { mine } = await node.call('getbalances')
    expect(mine).toEqual({ trusted: 100, untrusted_pending: 0, immature: 0 })
  })
})

describe('encryption', () => {
  it('locks what signs, and a wrong passphrase changes nothing', async () => {
    const node = await createRichNode()
    expect(await node.call('encryptwallet', 'correct horse')).toMatch(/^wallet encrypted;/)
    const file = new TextDecoder().decode(node.disk.files.get('w'))
    expect(file).not.toMatch(/tprv|mnemonic/)
    const pay = ['sendtoaddress', stranger.address('p2wpkh'), 1] as const
    expect(await node.refusal(...pay)).toBe(
      '-13 Error: Please enter the wallet passphrase with walletpassphrase first.',
    )
    expect(await node.refusal('walletpassphrase', 'wrong', 60)).toBe(
      '-14 Error: The wallet passphrase entered was incorrect.',
    )
    expect(await node.refusal('walletpassphrasechange', 'wrong', 'new')).toMatch(/^-14 /)
    expect(new TextDecoder().decode(node.disk.files.get('w'))).toBe(file)
    expect(await node.refusal(...pay)).toMatch(/^-13 /)
    await node.call('walletpassphrase', 'correct horse', 60)
    expect(await node.call(...pay)).toHaveLength(64)
    await node.call('walletlock')
    expect(await node.refusal(...pay)).toMatch(/^-13 /)
    expect((await node.call('getwalletinfo')).unlocked_until).toBe(0)
    await node.call('getnewaddress')
    await node.call('walletpassphrasechange', 'correct horse', 'battery staple')
    expect(await node.refusal('walletpassphrase', 'correct horse', 60)).toMatch(/^-14 /)
    await node.restartWallets()
    await node.call('loadwallet', 'w')
    expect(await node.refusal(...pay)).toMatch(/^-13 /)
    await node.call('walletpassphrase', 'battery staple', 60)
    expect(await node.call(...pay)).toHaveLength(64)
    expect(await node.refusal('encryptwallet', 'again')).toBe(
      '-15 Error: running with an encrypted wallet, but encryptwallet was called.',
    )
  })

  it('refuses what only an encrypted wallet can do', async () => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    expect(await node.refusal('walletpassphrase', 'x', 1)).toBe(
      '-15 Error: running with an unencrypted wallet, but walletpassphrase was called.',
    )
    expect(await node.refusal('walletlock')).toBe(
      '-15 Error: running with an unencrypted wallet, but walletlock was called.',
    )
  })
})

describe('which wallet', () => {
  it('none is loaded', async () => {
    const node = await createWalletNodeForTest()
    expect(await node.call('listwallets')).toEqual([])
    expect(await node.refusal('getbalance')).toBe(
      '-18 No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. (Note: A default wallet is no longer automatically created)',
    )
  })

  it('of several has to be said in the path', async () => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'a')
    await node.call('createwallet', 'b')
    expect(await node.call('listwallets')).toEqual(['a', 'b'])
    expect(await node.refusal('getbalance')).toMatch(/^-19 Multiple wallets are loaded/)
    expect(await node.rpc.execute('getwalletinfo', [], { wallet: 'b' })).toMatchObject({
      walletname: 'b',
    })
    await expect(node.rpc.execute('getbalance', [], { wallet: 'c' })).rejects.toMatchObject({
      code: -18,
      message: 'Requested wallet does not exist or is not loaded',
    })
    expect(await node.refusal('createwallet', 'a')).toMatch(/^-4 .*Database already exists\.$/)
    expect(await node.refusal('loadwallet', 'a')).toBe('-35 Wallet "a" is already loaded.')
    expect(await node.refusal('loadwallet', 'nobody')).toMatch(/^-18 .*Path does not exist\.$/)
    expect(await node.refusal('createwallet', '../up')).toMatch(/^-4 Wallet name/)
    await node.call('unloadwallet', 'a')
    expect(await node.call('listwallets')).toEqual(['b'])
    expect(await node.call('listwalletdir')).toEqual({ wallets: [{ name: 'a' }, { name: 'b' }] })
  })
})

describe('fees', () => {
  it('are raised by another transaction in place of the first', async () => {
    const node = await createRichNode()
    const txid = await node.call('sendtoaddress', stranger.address('p2wpkh'), 1)
    const bumped = await node.call('bumpfee', txid)
    expect(bumped.fee).toBeGreaterThan(bumped.origfee)
    expect(await node.call('getrawmempool')).toEqual([bumped.txid])
    expect((await node.call('gettransaction', txid)).replaced_by_txid).toBe(bumped.txid)
    expect(await node.refusal('bumpfee', txid)).toMatch(/^-4 Cannot bump transaction/)
    await node.mineTo(1, stranger.address('p2wpkh'))
    expect((await node.call('gettransaction', bumped.txid)).confirmations).toBe(1)
    expect((await node.call('gettransaction', txid)).confirmations).toBe(-1)
    expect(await node.call('getbalance')).toBeCloseTo(49 - bumped.fee, 8)
  })

  it('come out of the amount if that is asked for', async () => {
    const node = await createRichNode()
    const address = stranger.address('p2wpkh')
    const txid = await node.call('sendtoaddress', address, 50, '', '', true)
    const { fee, details } = await node.call('gettransaction', txid)
    expect(details).toMatchObject([{ address, category: 'send' }])
    expect(details[0].amount).toBeCloseTo(-50 - fee, 8)
    expect(await node.call('getbalance')).toBe(0)
  })

  it('are what was asked for', async () => {
    const node = await createRichNode()
    const txid = await node.call(
      'sendmany',
      '',
      { [stranger.address('p2tr')]: 1, [stranger.address('p2pkh')]: 2 },
      null,
      '',
      [],
      true,
      null,
      'unset',
      7,
    )
    const { fees, vsize } = await node.call('getmempoolentry', txid)
    expect(Math.round(fees.base * 1e8) / vsize).toBeGreaterThanOrEqual(7)
    expect(Math.round(fees.base * 1e8) / vsize).toBeLessThan(7.2)
    expect(await node.refusal('sendtoaddress', stranger.address('p2tr'), 100)).toBe(
      '-6 Insufficient funds',
    )
  })
})

describe('payments in steps', () => {
  it('raw: create, fund, sign, send', async () => {
    const node = await createRichNode()
    for (const outputs of [1, 2]) {
      const list = [stranger.address('p2wpkh'), stranger.address('p2tr')].slice(0, outputs)
      const raw = await node.call(
        'createrawtransaction',
        [],
        list.map((address) => ({ [address]: 1 })),
      )
      expect(await node.refusal('fundrawtransaction', raw, {}, true)).toBe('-22 TX decode failed')
      const funded = await node.call('fundrawtransaction', raw, {}, false)
      const signed = await node.call('signrawtransactionwithwallet', funded.hex)
      expect(signed.complete).toBe(true)
      await node.call('sendrawtransaction', signed.hex)
      await node.mineTo(1, stranger.address('p2wpkh'))
    }
    expect(await node.call('getbalance')).toBeLessThan(47)
  })

  it('are refused where sequence numbers, lock time or version do not fit', async () => {
    const node = await createRichNode()
    const [coin] = await node.call('listunspent')
    const inputs = [{ txid: coin.txid, vout: coin.vout, sequence: 0xffff_fffe }]
    const outputs = [{ [stranger.address('p2tr')]: 1 }]
    const psbt = (...more: readonly unknown[]) =>
      node.refusal('walletcreatefundedpsbt', inputs, outputs, ...more)
    const send = (options: object, version = 2) =>
      node.refusal('send', outputs, null, 'unset', null, options, version)
    const contradiction =
      '-8 Invalid parameter combination: Sequence number(s) contradict replaceable option'
    expect(await psbt()).toBe(contradiction)
    expect(await psbt(0, { replaceable: true })).toBe(contradiction)
    expect(await psbt(0, { replaceable: false })).toMatch(/^no refusal/)
    expect(await send({ inputs })).toBe(contradiction)
    const rest = { inputs, add_to_wallet: false }
    expect(await send({ ...rest, replaceable: false })).toMatch(/^no refusal/)
    const badTime = '-8 Invalid parameter, locktime out of range'
    expect(await psbt(2 ** 32)).toBe(badTime)
    expect(await send({ locktime: -1 })).toBe(badTime)
    const weight = (value: unknown) => [{ ...inputs[0], sequence: 0, weight: value }]
    const tooLight =
      '-8 Invalid parameter, weight cannot be less than 165 (41 bytes (size of outpoint + sequence + empty scriptSig) * 4 (witness scaling factor)) + 1 (empty witness)'
    const tooHeavy =
      '-8 Invalid parameter, weight cannot be greater than the maximum standard tx weight of 400000'
    for (const [value, error] of [
      [164, tooLight],
      [400_001, tooHeavy],
      ['heavy', '-8 Invalid parameter, missing weight key'],
    ] as const) {
      expect(await node.refusal('walletcreatefundedpsbt', weight(value), outputs)).toBe(error)
      expect(await send({ inputs: weight(value) })).toBe(error)
    }
    const badVersion = '-8 Invalid parameter, version out of range(1~3)'
    expect(await psbt(0, {}, true, 4)).toBe(badVersion)
    expect(await send({}, 0)).toBe(badVersion)
  })

  it('ask for the amounts of segwit coins that only the caller knows', async () => {
    const node = await createRichNode()
    const address = await node.call('getnewaddress')
    const { scriptPubKey } = await node.call('getaddressinfo', address)
    const prevTx = { txid: '11'.repeat(32), vout: 0, scriptPubKey }
    const raw = await node.call('createrawtransaction', [prevTx], {})
    expect(await node.refusal('signrawtransactionwithwallet', raw, [prevTx])).toMatch(
      /^-3 Missing amount for CTxOut/,
    )
    const known = [{ ...prevTx, amount: 1 }]
    expect((await node.call('signrawtransactionwithwallet', raw, known)).complete).toBe(true)
  })

  it.each(['bech32', 'bech32m'])('PSBT of a %s coin', async (type) => {
    const node = await createWalletNodeForTest()
    await node.call('createwallet', 'w')
    await node.mineTo(1, await node.call('getnewaddress', '', type))
    await node.mineTo(100, stranger.address('p2wpkh'))
    const created = await node.call(
      'walletcreatefundedpsbt',
      [],
      [{ [stranger.address('p2tr')]: 3 }],
    )
    const decoded = await node.call('decodepsbt', created.psbt)
    expect(decoded.fee).toBe(created.fee)
    expect(decoded.inputs[0].witness_utxo.amount).toBe(50)
    expect(await node.call('finalizepsbt', created.psbt)).toMatchObject({ complete: false })
    const signed = await node.call('walletprocesspsbt', created.psbt, true, 'ALL', true, false)
    expect(signed.complete).toBe(true)
    const combined = await node.call('combinepsbt', [created.psbt, signed.psbt])
    const { hex, complete } = await node.call('finalizepsbt', combined)
    expect(complete).toBe(true)
    const txid = await node.call('sendrawtransaction', hex)
    await node.mineTo(1, stranger.address('p2wpkh'))
    expect((await node.call('gettransaction', txid)).confirmations).toBe(1)
  })

  it('send', async () => {
    const node = await createRichNode()
    const sent = await node.call('send', { [stranger.address('p2wpkh')]: 1 })
    expect(sent.complete).toBe(true)
    expect(await node.call('getrawmempool')).toEqual([sent.txid])
    const kept = await node.call('send', [{ [stranger.address('p2wpkh')]: 1 }], null, 'unset', 2, {
      add_to_wallet: false,
    })
    expect(kept.complete).toBe(true)
    expect(await node.call('sendrawtransaction', kept.hex)).toBe(kept.txid)
  })
})

describe('keys from elsewhere', () => {
  it('are imported with what they got', async () => {
    const node = await createRichNode()
    const { descriptors } = await node.call('listdescriptors', true)
    expect(descriptors).toHaveLength(4)
    await node.call('unloadwallet', 'w')
    await node.call('createwallet', 'copy', false, true)
    const requests = descriptors.map(({ desc, internal }: { desc: string; internal: boolean }) => ({
      desc,
      internal,
      active: true,
      timestamp: 0,
    }))
    const [{ desc }] = requests
    const faulty = [{ desc }, { desc, timestamp: 'then' }, { timestamp: 0 }]
    const refusals = [
      [-3, 'Missing required timestamp field for key'],
      [-3, 'Expected number or "now" timestamp value for key. got type string'],
      [-8, 'Descriptor not found.'],
    ].map(([code, message]) => ({ success: false, error: { code, message } }))
    const mixed = await node.call('importdescriptors', [...faulty, ...requests])
    expect(mixed.slice(0, faulty.length)).toEqual(refusals)
    const results = mixed.slice(faulty.length)
    expect(results.map(({ success }: { success: boolean }) => success)).toEqual(Array(4).fill(true))
    expect(await node.call('getbalance')).toBe(50)
    expect(await node.call('sendtoaddress', stranger.address('p2tr'), 1)).toHaveLength(64)
  })

  it('are only watched where the wallet has no private keys', async () => {
    const node = await createRichNode()
    const { descriptors } = await node.call('listdescriptors')
    await node.call('unloadwallet', 'w')
    await node.call('createwallet', 'watch', true)
    const requests = descriptors.map(({ desc, internal }: { desc: string; internal: boolean }) => ({
      desc,
      internal,
      active: true,
      timestamp: 0,
    }))
    await node.call('importdescriptors', requests)
    expect(await node.call('getbalance')).toBe(50)
    expect(await node.refusal('sendtoaddress', stranger.address('p2tr'), 1)).toMatch(/^-4 /)
    const created = await node.call(
      'walletcreatefundedpsbt',
      [],
      [{ [stranger.address('p2tr')]: 1 }],
    )
    expect(created.fee).toBeGreaterThan(0)
  })

  it('a backup is a wallet again', async () => {
    const node = await createRichNode()
    await node.call('backupwallet', 'b.json')
    expect(await node.call('restorewallet', 'again', 'b.json')).toEqual({ name: 'again' })
    expect(await node.rpc.execute('getbalance', [], { wallet: 'again' })).toMatchObject({
      sats: 5_000_000_000n,
    })
    expect(await node.refusal('restorewallet', 'again', 'b.json')).toMatch(/^-36 /)
  })
})
