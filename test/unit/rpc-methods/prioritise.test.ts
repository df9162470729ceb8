import { beforeEach, describe, expect, it } from 'vitest'
import { MAX_FEE_DELTAS } from '../../../src/mempool/index.ts'
import {
  computeTxid,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { encodeHex } from '../../../src/util/index.ts'
import { OP_TRUE_SCRIPT } from '../../support/chain-generator.ts'
import { spendOpen } from '../../support/open-spends.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'

const SEGWIT = { rules: ['segwit'] }

let node: RegtestNode
let coinbases: readonly Transaction[]

beforeEach(async () => {
  node = await createRegtestNode({
    params: { coinbaseMaturityBlocks: 1 },
    policy: { requiresStandard: false },
  })
  await node.mine(4, OP_TRUE_SCRIPT)
  const blocks = await Promise.all(
    [1, 2, 3].map((height) =>
      node.chain.readBlock((node.chain.getActiveEntry(height) ?? node.chain.tip).hash),
    ),
  )
  coinbases = blocks.map((block) => block?.transactions[0] as Transaction)
})

function spend(index: number, fee: bigint): Transaction {
  return spendOpen([{ tx: coinbases[index] as Transaction, vout: 0 }], fee)
}

function idOf(tx: Transaction): string {
  return toDisplayHex(computeTxid(tx))
}

async function send(tx: Transaction): Promise<string> {
  return node.call('sendrawtransaction', encodeHex(encodeTransaction(tx)))
}

async function chosen(): Promise<readonly string[]> {
  const { transactions } = await node.call('getblocktemplate', SEGWIT)
  return transactions.map(({ txid }: { txid: string }) => txid)
}

describe('prioritisetransaction', () => {
  it('puts a transaction before richer ones, or behind them, or out', async () => {
    const poor = await send(spend(0, 500n))
    const rich = await send(spend(1, 5_000n))
    expect(await chosen()).toEqual([rich, poor])
    expect(await node.call('prioritisetransaction', poor, 0, 10_000)).toBe(true)
    expect(await chosen()).toEqual([poor, rich])
    await node.call('prioritisetransaction', rich, null, -5_000)
    expect(await chosen()).toEqual([poor])
    const template = await node.call('getblocktemplate', SEGWIT)
    // What a coinbase may claim is what is really paid.
    expect(template.coinbasevalue).toBe(5_000_000_500)
    expect(template.transactions[0].fee).toBe(500)
    expect(await node.call('getprioritisedtransactions')).toEqual({
      [poor]: { fee_delta: 10_000, in_mempool: true, modified_fee: 10_500 },
      [rich]: { fee_delta: -5_000, in_mempool: true, modified_fee: 0 },
    })
    const shown = await node.call('getrawmempool', true)
    expect(shown[poor].fees).toMatchObject({ base: 0.000005, modified: 0.000105 })
    expect(await node.call('prioritisetransaction', rich, 0, 5_000)).toBe(true)
    expect(Object.keys(await node.call('getprioritisedtransactions'))).toEqual([poor])
  })

  it('holds for what is not there yet, and lets it in although it pays nothing', async () => {
    const free = spend(0, 0n)
    await expect(send(free)).rejects.toThrow('min relay fee not met')
    await node.call('prioritisetransaction', idOf(free), 0, 1_000)
    await node.call('prioritisetransaction', idOf(free), 0, 500)
    expect(await node.call('getprioritisedtransactions')).toEqual({
      [idOf(free)]: { fee_delta: 1_500, in_mempool: false },
    })
    await send(free)
    expect(await chosen()).toEqual([idOf(free)])
  })

  it('ends when the transaction is confirmed, or contradicted', async () => {
    const mined = await send(spend(0, 500n))
    const rival = spend(1, 600n)
    const contradicted = await send(spend(1, 500n))
    for (const txid of [mined, contradicted]) await node.call('prioritisetransaction', txid, 0, 1)
    await node.call('generateblock', 'raw(51)', [mined, encodeHex(encodeTransaction(rival))])
    expect(await node.call('getrawmempool')).toEqual([])
    expect(await node.call('getprioritisedtransactions')).toEqual({})
  })

  it('holds through a reorganisation', async () => {
    const txid = await send(spend(0, 500n))
    await node.call('prioritisetransaction', txid, 0, 7)
    const tip = node.chain.tip.hashHex
    await node.call('invalidateblock', tip)
    // Its turn comes after everything is judged anew.
    await expect(send(spend(0, 400n))).rejects.toThrow('insufficient fee')
    expect(await node.call('getprioritisedtransactions')).toEqual({
      [txid]: { fee_delta: 7, in_mempool: true, modified_fee: 507 },
    })
  })

  it('is for so many transactions at a time', async () => {
    for (let i = 0; i < MAX_FEE_DELTAS; i++) {
      node.mempool.prioritise(i.toString(16).padStart(64, '0'), 1n)
    }
    expect(await node.refusal('prioritisetransaction', 'ff'.repeat(32), 0, 1)).toBe(
      '-1 too-many-prioritised',
    )
    await node.call('prioritisetransaction', '0'.repeat(64), 0, -1)
    expect(await node.call('prioritisetransaction', 'ff'.repeat(32), 0, 1)).toBe(true)
  })

  it.each([
    {
      args: ['ff'.repeat(32), 1, 1],
      refusal:
        '-8 Priority is no longer supported, dummy argument to prioritisetransaction must be 0.',
    },
    { args: ['ff', 0, 1], refusal: "-8 txid must be of length 64 (not 2, for 'ff')" },
    {
      args: ['zz'.repeat(32), 0, 1],
      refusal: `-8 txid must be hexadecimal string (not '${'zz'.repeat(32)}')`,
    },
  ])('refuses $args', async ({ args, refusal }) => {
    expect(await node.refusal('prioritisetransaction', ...args)).toBe(refusal)
  })
})

describe('answers from the mempool', () => {
  it('wait until the transactions that a reorganisation has displaced are back', async () => {
    const txids = [await send(spend(0, 500n)), await send(spend(1, 500n))]
    const [txid = ''] = txids
    await node.mine(1, OP_TRUE_SCRIPT)
    // As slow as thousands of transactions are.
    const readCoins = node.chain.readCoins.bind(node.chain)
    node.chain.readCoins = async (outPoints) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      return readCoins(outPoints)
    }
    const ask: readonly (() => Promise<unknown>)[] = [
      async () => (await node.call('getrawmempool')).length,
      async () => Object.keys(await node.call('getrawmempool', true)).length,
      async () => (await node.call('getmempoolinfo')).size,
      async () => ((await node.call('getmempoolentry', txid)).vsize > 0 ? 2 : 0),
      async () => 2 + (await node.call('getmempoolancestors', txid)).length,
      async () => ((await node.call('gettxout', txid, 0))?.confirmations === 0 ? 2 : 0),
    ]
    for (const count of ask) {
      await node.call('invalidateblock', node.chain.tip.hashHex)
      expect(await count()).toBe(2)
      await node.mine(1, OP_TRUE_SCRIPT)
    }
  })
})
