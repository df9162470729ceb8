import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  computeTransactionSize,
  computeTxid,
  computeWtxid,
  encodeTransaction,
  encodeTransactionWithoutWitness,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { concatBytes, encodeHex } from '../../../src/util/index.ts'
import { createRegtestNode, REGTEST_NOW, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const wallet = new TestWallet('transactions')
const SCRIPT = wallet.script('p2wpkh')
const COINS = 5_000_000_000n
const UNKNOWN_TXID = 'ab'.repeat(32)

function hexOf(tx: Transaction): string {
  return encodeHex(encodeTransaction(tx))
}

function txidOf(tx: Transaction): string {
  return toDisplayHex(computeTxid(tx))
}

/** A node whose first blocks' coins can be spent at once. */
async function createRichNode(): Promise<RegtestNode> {
  const node = await createRegtestNode({ params: { coinbaseMaturityBlocks: 1 } })
  await node.mine(4, SCRIPT)
  return node
}

async function coinbaseAt(node: RegtestNode, height: number): Promise<Transaction> {
  const entry = node.chain.getActiveEntry(height)
  const block = entry === undefined ? undefined : await node.chain.readBlock(entry.hash)
  const [coinbase] = block?.transactions ?? []
  if (coinbase === undefined) throw new RangeError('no coinbase')
  return coinbase
}

/** Spends a coinbase, paying a fee in satoshis. */
async function spendCoinbase(node: RegtestNode, height: number, fee: bigint): Promise<Transaction> {
  return wallet.spend(await coinbaseAt(node, height), 0, 'p2wpkh', SCRIPT, COINS - fee)
}

describe('outputs by address', () => {
  const [a, b] = [wallet.address('p2wpkh'), wallet.address('p2tr')]
  let node: RegtestNode
  beforeAll(async () => {
    node = await createRegtestNode()
  })
  const create = async (outputs: string) => {
    const request = `{"id":1,"method":"createrawtransaction","params":[[],${outputs}]}`
    return JSON.parse((await node.rpc.handleText(request)).text)
  }

  it.each([
    ['an equal address', `{"${a}":1,"${b}":1,"${a}":2}`, `duplicated address: ${a}`],
    [
      'one in capitals',
      `{"${a}":1,"${a.toUpperCase()}":2}`,
      `duplicated address: ${a.toUpperCase()}`,
    ],
    ['one in a list', `[{"${a}":1},{"${a}":2}]`, `duplicated address: ${a}`],
    ['data twice', `{"data":"00","${a}":1,"data":"01"}`, 'duplicate key: data'],
    ['two keys in a list', `[{"${a}":1,"${a}":2}]`, 'key-value pair must contain exactly one key'],
    ['a list of texts', `["${a}"]`, 'key-value pair not an object as expected'],
  ])('refuse %s', async (_name, outputs, message) => {
    expect((await create(outputs)).error).toEqual({
      code: -8,
      message: `Invalid parameter, ${message}`,
    })
  })

  it.each(['__proto__', 'constructor', 'toString', '7', ''])('refuse the key "%s"', async (key) => {
    expect((await create(`{"${a}":1,"${key}":2}`)).error).toEqual({
      code: -5,
      message: `Invalid Bitcoin address: ${key}`,
    })
  })

  it.each([
    ['1.00000000000000000000001', 'Invalid amount'],
    ['1e400', 'Invalid amount'],
    ['"01"', 'Invalid amount'],
    ['"00.1"', 'Invalid amount'],
    ['21000000.000000010', 'Amount out of range'],
    ['true', 'Amount is not a number or string'],
  ])('refuse the amount %s', async (amount, message) => {
    expect((await create(`{"${a}":${amount}}`)).error).toEqual({ code: -3, message })
  })

  it('take amounts however their digits are written', async () => {
    for (const amount of ['1.0', '1.000000000000', '10e-1', '"1"', '0.1e1', '1']) {
      const { result } = await create(`{"${a}":${amount}}`)
      expect(result).toContain('0100e1f505000000')
    }
  })
})

const MISMATCH = 'Witness program hash mismatch'

describe('sendrawtransaction', () => {
  let node: RegtestNode
  const send = (tx: Transaction, ...more: readonly unknown[]) =>
    node.refusal('sendrawtransaction', hexOf(tx), ...more)
  beforeEach(async () => {
    node = await createRichNode()
  })

  it('takes a transaction, again if asked again, until it is confirmed', async () => {
    const tx = await spendCoinbase(node, 1, 1_000n)
    expect(await node.call('sendrawtransaction', hexOf(tx))).toBe(txidOf(tx))
    expect(await node.call('sendrawtransaction', hexOf(tx))).toBe(txidOf(tx))
    expect(await node.call('getrawmempool')).toEqual([txidOf(tx)])
    await node.mine(1, SCRIPT)
    expect(await node.call('getrawmempool')).toEqual([])
    expect(await send(tx)).toBe('-27 Transaction outputs already in utxo set')
  })

  it('refuses what is no transaction', async () => {
    const message = '-22 TX decode failed. Make sure the tx has at least one input.'
    expect(await node.refusal('sendrawtransaction', '')).toBe(message)
    expect(await node.refusal('sendrawtransaction', 'xyz')).toBe(message)
    const tx = await spendCoinbase(node, 1, 1_000n)
    expect(await node.refusal('sendrawtransaction', `${hexOf(tx)}00`)).toBe(message)
  })

  it('refuses what spends unknown outputs', async () => {
    const parent = await spendCoinbase(node, 1, 1_000n)
    const orphan = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 2_000n)
    expect(await send(orphan)).toBe('-25 bad-txns-inputs-missingorspent')
  })

  it('refuses what breaks a rule, with its reason', async () => {
    const cheap = await spendCoinbase(node, 1, 1n)
    const { virtualSize } = computeTransactionSize(cheap)
    expect(await send(cheap)).toBe(`-26 min relay fee not met, 1 < ${Math.trunc(virtualSize / 10)}`)
    const greedy = {
      ...cheap,
      outputs: cheap.outputs.map((output) => ({ ...output, value: COINS + 1n })),
    }
    expect(await send(greedy)).toBe(
      '-26 bad-txns-in-belowout, value in (50.00) < value out (50.00000001)',
    )
    const honest = await spendCoinbase(node, 2, 1_000n)
    const forged = {
      ...honest,
      inputs: honest.inputs.map((input) => ({
        ...input,
        witness: [
          Uint8Array.from(input.witness[0] ?? [], (byte, i) => (i === 20 ? ~byte : byte)),
          ...input.witness.slice(1),
        ],
      })),
    }
    expect(await send(forged)).toBe(
      `-26 mempool-script-verify-flag-failed (Signature must be zero for failed CHECK(MULTI)SIG operation), input 0 of ${txidOf(forged)} (wtxid ${toDisplayHex(computeWtxid(forged))}), spending ${txidOf(await coinbaseAt(node, 2))}:0`,
    )
    expect(await send(await coinbaseAt(node, 2))).toBe(
      '-27 Transaction outputs already in utxo set',
    )
  })

  it('refuses to spend a coinbase too early', async () => {
    const strict = await createRegtestNode({ params: { coinbaseMaturityBlocks: 3 } })
    await strict.mine(2, SCRIPT)
    const tx = await spendCoinbase(strict, 1, 1_000n)
    expect(await strict.refusal('sendrawtransaction', hexOf(tx))).toBe(
      '-26 bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 2',
    )
    await strict.mine(1, SCRIPT)
    expect(await strict.call('sendrawtransaction', hexOf(tx))).toBe(txidOf(tx))
  })

  it('refuses a second spend of the same output that does not pay for both', async () => {
    await node.call('sendrawtransaction', hexOf(await spendCoinbase(node, 1, 1_000n)))
    const rival = await spendCoinbase(node, 1, 1_010n)
    expect(await send(rival)).toBe(
      `-26 insufficient fee, rejecting replacement ${txidOf(rival)}, not enough additional fees to relay; 0.0000001 < 0.00000011`,
    )
    const poorer = await spendCoinbase(node, 1, 999n)
    const { virtualSize } = computeTransactionSize(poorer)
    const rateOf = (fee: number) => (Math.trunc((fee * 1_000) / virtualSize) / 1e8).toFixed(8)
    expect(await send(poorer)).toBe(
      `-26 insufficient fee, rejecting replacement ${txidOf(poorer)}; new feerate ${rateOf(999)} BTC/kvB <= old feerate ${rateOf(1_000)} BTC/kvB`,
    )
  })

  it('refuses a fee that looks like a slip, unless told otherwise', async () => {
    const tooMuch = '-25 Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)'
    const tx = await spendCoinbase(node, 1, 100_000_000n)
    expect(await send(tx)).toBe(tooMuch)
    expect(await send(tx, 0.5)).toBe(tooMuch)
    expect(await send(tx, 1)).toBe('-8 Fee rates larger than or equal to 1BTC/kvB are not accepted')
    expect(await send(tx, -1)).toBe('-3 Amount out of range')
    expect(await node.call('sendrawtransaction', hexOf(tx), 0)).toBe(txidOf(tx))
    const child = wallet.spend(tx, 0, 'p2wpkh', SCRIPT, 4_800_000_000n)
    expect(await send(child)).toBe(tooMuch)
    expect(await node.call('sendrawtransaction', hexOf(child), '0')).toBe(txidOf(child))
  })

  it('refuses to burn coins, unless told otherwise', async () => {
    const coinbase = await coinbaseAt(node, 1)
    const script = Uint8Array.of(0x6a, 0x03, 0x01, 0x02, 0x03)
    const tx = wallet.spend(coinbase, 0, 'p2wpkh', script, COINS - 1_000n)
    const burnt = '-25 Unspendable output exceeds maximum configured by user (maxburnamount)'
    expect(await send(tx)).toBe(burnt)
    expect(await send(tx, 0.1, 49.9)).toBe(burnt)
    expect(await node.call('sendrawtransaction', hexOf(tx), 0.1, 50)).toBe(txidOf(tx))
    // OP_CHECKSIGADD, which is no opcode outside tapscript; a push that lacks bytes.
    for (const broken of [Uint8Array.of(0xba), Uint8Array.of(0x05, 0x01)]) {
      const outputs = [{ value: 1n, scriptPubKey: broken }]
      expect(await send({ ...tx, outputs })).toBe(burnt)
    }
  })
})

describe('estimatesmartfee', () => {
  it('says that it does not know, until it has seen enough', async () => {
    const node = await createRegtestNode({ params: { coinbaseMaturityBlocks: 1 } })
    await node.mine(12, SCRIPT)
    const unknown = { errors: ['Insufficient data or no feerate found'] }
    expect(await node.call('estimatesmartfee', 6)).toEqual({ ...unknown, blocks: 6 })
    expect(await node.call('estimatesmartfee', 1, 'CONSERVATIVE')).toEqual({
      ...unknown,
      blocks: 2,
    })
    let virtualSize = 0
    for (let height = 1; height <= 10; height++) {
      const tx = await spendCoinbase(node, height, 2_000n)
      virtualSize = computeTransactionSize(tx).virtualSize
      await node.call('sendrawtransaction', hexOf(tx))
      await node.mine(1, SCRIPT)
    }
    const { feerate, blocks } = await node.call('estimatesmartfee', 6)
    expect(blocks).toBe(6)
    expect(feerate).toBeCloseTo(2_000_000 / virtualSize / 1e8, 7)
  })

  it('refuses other targets and modes', async () => {
    const node = await createRichNode()
    const range = '-8 Invalid conf_target, must be between 1 and 1008'
    expect(await node.refusal('estimatesmartfee', 0)).toBe(range)
    expect(await node.refusal('estimatesmartfee', 1_009)).toBe(range)
    expect(await node.refusal('estimatesmartfee', 6, 'cheap')).toBe(
      '-8 Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"',
    )
  })
})

describe('testmempoolaccept', () => {
  it('tells what would be taken, and takes nothing', async () => {
    const node = await createRichNode()
    const tx = await spendCoinbase(node, 1, 2_000n)
    const { virtualSize } = computeTransactionSize(tx)
    const name = { txid: txidOf(tx), wtxid: toDisplayHex(computeWtxid(tx)) }
    expect(await node.call('testmempoolaccept', [hexOf(tx)])).toEqual([
      {
        ...name,
        allowed: true,
        vsize: virtualSize,
        fees: {
          base: 0.00002,
          'effective-feerate': Math.trunc(2_000_000 / virtualSize) / 1e8,
          'effective-includes': [name.wtxid],
        },
      },
    ])
    expect(await node.call('getrawmempool')).toEqual([])
    expect(await node.call('testmempoolaccept', [hexOf(tx)], 0.000001)).toEqual([
      { ...name, allowed: false, 'reject-reason': 'max-fee-exceeded' },
    ])
    await node.call('sendrawtransaction', hexOf(tx))
    expect(await node.call('testmempoolaccept', [hexOf(tx)])).toMatchObject([
      { allowed: false, 'reject-reason': 'txn-already-in-mempool' },
    ])
    await node.mine(1, SCRIPT)
    expect(await node.call('testmempoolaccept', [hexOf(tx)])).toEqual([
      { ...name, allowed: false, 'reject-reason': 'txn-already-known' },
    ])
  })

  it('says why not', async () => {
    const node = await createRichNode()
    const cheap = await spendCoinbase(node, 1, 1n)
    const wanted = Math.ceil(computeTransactionSize(cheap).virtualSize / 10)
    expect(await node.call('testmempoolaccept', [hexOf(cheap)])).toMatchObject([
      {
        allowed: false,
        'reject-reason': 'min relay fee not met',
        'reject-details': `min relay fee not met, 1 < ${wanted}`,
      },
    ])
    const lonely = wallet.spend(cheap, 0, 'p2wpkh', SCRIPT, 1_000n)
    const [verdict] = await node.call('testmempoolaccept', [hexOf(lonely)])
    expect(verdict).toMatchObject({ allowed: false, 'reject-reason': 'missing-inputs' })
  })

  it('judges children with their parents', async () => {
    const node = await createRichNode()
    const parent = await spendCoinbase(node, 1, 2_000n)
    const child = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 4_000n)
    const poor = wallet.spend(child, 0, 'p2wpkh', SCRIPT, COINS - 4_001n)
    const behind = wallet.spend(poor, 0, 'p2wpkh', SCRIPT, COINS - 9_000n)
    const all = [parent, child, poor, behind].map(hexOf)
    expect(await node.call('testmempoolaccept', all.slice(0, 2))).toMatchObject([
      { txid: txidOf(parent), allowed: true },
      { txid: txidOf(child), allowed: true, fees: { base: 0.00002 } },
    ])
    const verdicts = await node.call('testmempoolaccept', all)
    expect(verdicts[2]).toMatchObject({ txid: txidOf(poor), allowed: false })
    // Nobody has looked at the scripts of the others.
    for (const i of [0, 1, 3]) expect(verdicts[i]).not.toHaveProperty('allowed')
    const [script] = child.inputs
    const unsigned = { ...child, inputs: [{ ...script, witness: [] }] } as Transaction
    expect(await node.call('testmempoolaccept', [parent, unsigned].map(hexOf))).toMatchObject([
      { allowed: true },
      {
        allowed: false,
        'reject-reason': `mempool-script-verify-flag-failed (${MISMATCH})`,
        'reject-details': `mempool-script-verify-flag-failed (${MISMATCH}), input 0 of ${txidOf(child)} (wtxid ${txidOf(child)}), spending ${txidOf(parent)}:0`,
      },
    ])
    const dear = await node.call('testmempoolaccept', [parent, child].map(hexOf), 0.000001)
    expect(dear[0]).toMatchObject({ allowed: false, 'reject-reason': 'max-fee-exceeded' })
    expect(dear[1]).not.toHaveProperty('allowed')
    const failureOf = async (...transactions: readonly Transaction[]): Promise<string> =>
      (await node.call('testmempoolaccept', transactions.map(hexOf)))[0]['package-error']
    expect(await failureOf(child, parent)).toBe('package-not-sorted')
    expect(await failureOf(parent, parent)).toBe('package-contains-duplicates')
    const rival = await spendCoinbase(node, 1, 3_000n)
    expect(await failureOf(parent, rival)).toBe('conflict-in-package')
  })

  it('tells of all members why they are refused together', async () => {
    const node = await createRichNode()
    // Scripts are verified last: they need not be valid.
    const parent = { ...(await spendCoinbase(node, 1, 2_000n)), version: 3 }
    const child = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 4_000n)
    const why = `TRUC-violation, non-version=3 ${nameOf(child)} cannot spend from version=3 ${nameOf(parent)}`
    expect(await node.call('testmempoolaccept', [parent, child].map(hexOf))).toEqual(
      [parent, child].map((tx) => ({
        txid: txidOf(tx),
        wtxid: toDisplayHex(computeWtxid(tx)),
        'package-error': why,
      })),
    )
    const data = { value: 0n, scriptPubKey: Uint8Array.of(0x6a, ...new Uint8Array(51_000)) }
    const large = [1, 2].map(async (height) => {
      const tx = await spendCoinbase(node, height, 9_000n)
      return hexOf({ ...tx, outputs: [...tx.outputs, data] })
    })
    const [, error] = await node.call('testmempoolaccept', await Promise.all(large))
    expect(error['package-error']).toBe('package-too-large')
  })

  it('refuses what is no list of transactions', async () => {
    const node = await createRichNode()
    const count = '-8 Array must contain between 1 and 25 transactions.'
    expect(await node.refusal('testmempoolaccept', [])).toBe(count)
    expect(
      await node.refusal(
        'testmempoolaccept',
        Array.from({ length: 26 }, () => '00'),
      ),
    ).toBe(count)
    expect(await node.refusal('testmempoolaccept', ['00'])).toBe(
      '-22 TX decode failed: 00 Make sure the tx has at least one input.',
    )
  })
})

function nameOf(tx: Transaction): string {
  return `tx ${txidOf(tx)} (wtxid=${toDisplayHex(computeWtxid(tx))})`
}

describe('submitpackage', () => {
  it('tells why all are refused together', async () => {
    const node = await createRichNode()
    // Fees are asked before scripts: these need not be valid.
    const parent = { ...(await spendCoinbase(node, 1, 0n)), version: 3 }
    const child = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 5_000n)
    const sent = await node.call('submitpackage', [parent, child].map(hexOf))
    expect(sent.package_msg).toBe(
      `TRUC-violation, non-version=3 ${nameOf(child)} cannot spend from version=3 ${nameOf(parent)}`,
    )
    const errors = Object.values(sent['tx-results']).map(
      (result) => (result as { error: string }).error,
    )
    expect(errors).toEqual([
      expect.stringContaining('min relay fee not met, 0 <'),
      'bad-txns-inputs-missingorspent',
    ])
  })

  it('takes a child with its parent, and tells once what was new', async () => {
    const node = await createRichNode()
    const parent = await spendCoinbase(node, 1, 2_000n)
    const child = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 5_000n)
    const wtxids = [parent, child].map((tx) => toDisplayHex(computeWtxid(tx)))
    const first = await node.call('submitpackage', [hexOf(parent), hexOf(child)])
    expect(first).toMatchObject({ package_msg: 'success', 'replaced-transactions': [] })
    expect(first['tx-results'][wtxids[1] ?? '']).toMatchObject({
      txid: txidOf(child),
      fees: { base: 0.00003, 'effective-includes': [wtxids[1]] },
    })
    expect(await node.call('getrawmempool')).toHaveLength(2)
    const again = await node.call('submitpackage', [hexOf(parent), hexOf(child)])
    expect(again['tx-results'][wtxids[0] ?? ''].fees).toEqual({ base: 0.00002 })
  })

  it('knows a transaction whose witnesses are others', async () => {
    const node = await createRichNode()
    const parent = await spendCoinbase(node, 1, 2_000n)
    await node.call('sendrawtransaction', hexOf(parent))
    const [input] = parent.inputs
    const other = { ...parent, inputs: [{ ...input, witness: [Uint8Array.of(1)] }] } as Transaction
    const child = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 5_000n)
    const sent = await node.call('submitpackage', [hexOf(other), hexOf(child)])
    expect(sent.package_msg).toBe('success')
    expect(sent['tx-results'][toDisplayHex(computeWtxid(other))]).toEqual({
      txid: txidOf(parent),
      'other-wtxid': toDisplayHex(computeWtxid(parent)),
    })
  })

  it('keeps to the limits of its sender', async () => {
    const node = await createRichNode()
    const parent = await spendCoinbase(node, 1, 2_000n)
    const child = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 5_000n)
    const sent = await node.call('submitpackage', [hexOf(parent), hexOf(child)], 0.000001)
    expect(sent.package_msg).toBe('transaction failed')
    expect(sent['tx-results'][toDisplayHex(computeWtxid(child))].error).toBe(
      'bad-txns-inputs-missingorspent',
    )
    expect(sent['tx-results'][toDisplayHex(computeWtxid(parent))].error).toBe(
      'max feerate exceeded',
    )
    expect(await node.call('getrawmempool')).toEqual([])
    const burnt = { value: 1n, scriptPubKey: Uint8Array.of(0x6a) }
    const burning = { ...child, outputs: [...child.outputs, burnt] }
    expect(await node.refusal('submitpackage', [hexOf(parent), hexOf(burning)])).toBe(
      '-25 Unspendable output exceeds maximum configured by user (maxburnamount)',
    )
    expect(await node.refusal('submitpackage', [hexOf(child), hexOf(parent)])).toMatch(
      /^-25 package topology disallowed/,
    )
  })
})

describe('what waits in the mempool', () => {
  let node: RegtestNode
  let parent: Transaction
  let child: Transaction
  beforeAll(async () => {
    node = await createRichNode()
    parent = await spendCoinbase(node, 1, 1_000n)
    child = wallet.spend(parent, 0, 'p2wpkh', SCRIPT, COINS - 4_000n)
    for (const tx of [parent, child]) await node.call('sendrawtransaction', hexOf(tx))
  })

  it('getrawmempool tells of each and its relatives', async () => {
    const [size] = [parent, child].map((tx) => computeTransactionSize(tx).virtualSize)
    const common = {
      vsize: size,
      weight: computeTransactionSize(parent).weight,
      time: REGTEST_NOW,
      height: 4,
      'bip125-replaceable': false,
      unbroadcast: false,
    }
    const entries = await node.call('getrawmempool', true)
    expect(entries[txidOf(parent)]).toEqual({
      ...common,
      descendantcount: 2,
      descendantsize: 2 * (size ?? 0),
      ancestorcount: 1,
      ancestorsize: size,
      wtxid: toDisplayHex(computeWtxid(parent)),
      fees: { base: 0.00001, modified: 0.00001, ancestor: 0.00001, descendant: 0.00004 },
      depends: [],
      spentby: [txidOf(child)],
    })
    expect(entries[txidOf(child)]).toMatchObject({
      descendantcount: 1,
      ancestorcount: 2,
      ancestorsize: 2 * (size ?? 0),
      fees: { base: 0.00003, modified: 0.00003, ancestor: 0.00004, descendant: 0.00003 },
      depends: [txidOf(parent)],
      spentby: [],
    })
    expect(Object.keys(entries)).toHaveLength(2)
  })

  it('getmempoolentry shows one, and its relatives can be listed', async () => {
    const entries = await node.call('getrawmempool', true)
    const [first, second] = [txidOf(parent), txidOf(child)]
    expect(await node.call('getmempoolentry', first)).toEqual(entries[first])
    expect(await node.call('getmempoolancestors', second)).toEqual([first])
    expect(await node.call('getmempoolancestors', second, true)).toEqual({
      [first]: entries[first],
    })
    expect(await node.call('getmempoolancestors', first)).toEqual([])
    expect(await node.call('getmempooldescendants', first)).toEqual([second])
    expect(await node.call('getmempooldescendants', first, true)).toEqual({
      [second]: entries[second],
    })
    for (const method of ['getmempoolentry', 'getmempoolancestors', 'getmempooldescendants']) {
      expect(await node.refusal(method, '00'.repeat(32))).toBe('-5 Transaction not in mempool')
    }
  })

  it('getrawmempool tells the sequence if asked', async () => {
    expect(await node.call('getrawmempool', false, true)).toEqual({
      txids: [txidOf(parent), txidOf(child)],
      mempool_sequence: 2,
    })
    expect(await node.refusal('getrawmempool', true, true)).toBe(
      '-8 Verbose results cannot contain mempool sequence values.',
    )
  })

  it('getmempoolinfo adds up', async () => {
    const sizes = [parent, child].map(computeTransactionSize)
    expect(await node.call('getmempoolinfo')).toEqual({
      loaded: true,
      size: 2,
      bytes: sizes.reduce((sum, { virtualSize }) => sum + virtualSize, 0),
      usage: sizes.reduce((sum, { totalSize }) => sum + totalSize + 5_600, 0),
      total_fee: 0.00004,
      maxmempool: 300_000_000,
      mempoolminfee: 0.000001,
      minrelaytxfee: 0.000001,
      incrementalrelayfee: 0.000001,
      unbroadcastcount: 0,
      fullrbf: true,
      permitbaremultisig: true,
      maxdatacarriersize: 100_000,
    })
  })

  it('gettxout counts it in, or not', async () => {
    const { txid } = await node
      .call('decoderawtransaction', hexOf(parent))
      .then(({ vin }) => vin[0])
    expect(await node.call('gettxout', txid, 0)).toBeNull()
    expect(await node.call('gettxout', txid, 0, false)).toMatchObject({ value: 50, coinbase: true })
    expect(await node.call('gettxout', txidOf(parent), 0)).toBeNull()
    expect(await node.call('gettxout', txidOf(child), 0)).toMatchObject({
      confirmations: 0,
      value: 49.99996,
      coinbase: false,
      bestblock: node.chain.tip.hashHex,
    })
    expect(await node.call('gettxout', txidOf(child), 0, false)).toBeNull()
  })

  it('getrawtransaction finds it', async () => {
    expect(await node.call('getrawtransaction', txidOf(child))).toBe(hexOf(child))
    const shown = await node.call('getrawtransaction', txidOf(child), 1)
    expect(shown).toMatchObject({ txid: txidOf(child), hex: hexOf(child) })
    expect(shown.confirmations).toBeUndefined()
    expect(shown.in_active_chain).toBeUndefined()
    expect(await node.call('getrawtransaction', txidOf(child), 2)).toEqual(shown)
    const { hex, ...decoded } = shown
    expect(await node.call('decoderawtransaction', hex)).toEqual(decoded)
  })
})

describe('getrawtransaction', () => {
  let node: RegtestNode
  beforeAll(async () => {
    node = await createRichNode()
  })

  it('says where it has looked in vain', async () => {
    expect(await node.refusal('getrawtransaction', UNKNOWN_TXID)).toBe(
      '-5 No such mempool transaction. Use -txindex or provide a block hash to enable blockchain ' +
        'transaction queries. Use gettransaction for wallet transactions.',
    )
    expect(await node.refusal('getrawtransaction', UNKNOWN_TXID, 0, node.chain.tip.hashHex)).toBe(
      '-5 No such transaction found in the provided block. Use gettransaction for wallet ' +
        'transactions.',
    )
    expect(await node.refusal('getrawtransaction', UNKNOWN_TXID, 0, UNKNOWN_TXID)).toBe(
      '-5 Block hash not found',
    )
    expect(await node.refusal('getrawtransaction', UNKNOWN_TXID, 0, 'foobar')).toBe(
      "-8 parameter 3 must be of length 64 (not 6, for 'foobar')",
    )
    expect(await node.refusal('getrawtransaction', 'foobar')).toBe(
      "-8 parameter 1 must be of length 64 (not 6, for 'foobar')",
    )
    const genesisTxid = toDisplayHex(node.chain.params.genesis.header.merkleRoot)
    expect(await node.refusal('getrawtransaction', genesisTxid)).toBe(
      '-5 The genesis block coinbase is not considered an ordinary transaction and cannot be ' +
        'retrieved',
    )
  })
})

describe('decoderawtransaction', () => {
  it('reads both forms, and refuses the one that the caller rules out', async () => {
    const node = await createRichNode()
    const tx = await spendCoinbase(node, 1, 1_000n)
    const plain = encodeHex(encodeTransactionWithoutWitness(tx))
    expect(await node.call('decoderawtransaction', hexOf(tx))).toMatchObject({
      txid: txidOf(tx),
      version: 2,
      vout: [{ value: 49.99999 }],
    })
    expect(await node.call('decoderawtransaction', plain, false)).toMatchObject({
      txid: txidOf(tx),
      hash: txidOf(tx),
    })
    expect(await node.refusal('decoderawtransaction', hexOf(tx), false)).toBe(
      '-22 TX decode failed',
    )
    expect(await node.refusal('decoderawtransaction', '00')).toBe('-22 TX decode failed')
  })

  it('shows versions as Bitcoin Core does, without a sign', async () => {
    const node = await createRichNode()
    const tx = { ...(await spendCoinbase(node, 1, 1_000n)), version: -1 }
    expect(await node.call('decoderawtransaction', hexOf(tx))).toMatchObject({
      version: 4294967295,
    })
  })

  it('shows data outputs and what follows a broken push', async () => {
    const node = await createRichNode()
    const coinbase = await coinbaseAt(node, 1)
    const scripts = [
      concatBytes(Uint8Array.of(0x6a, 0x05), Uint8Array.of(1, 2, 3, 4, 5)),
      Uint8Array.of(0x05, 0x01),
    ]
    const tx = {
      ...coinbase,
      outputs: scripts.map((scriptPubKey) => ({ value: 0n, scriptPubKey })),
    }
    const { vout } = await node.call('decoderawtransaction', hexOf(tx))
    expect(vout[0].scriptPubKey).toMatchObject({ asm: 'OP_RETURN 0102030405', type: 'nulldata' })
    expect(vout[0].scriptPubKey.desc).toMatch(/^raw\(6a050102030405\)#[a-z0-9]{8}$/)
    expect(vout[1].scriptPubKey).toMatchObject({ asm: '[error]', type: 'nonstandard' })
  })
})
