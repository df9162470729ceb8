import { beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/system.ts'
import { encodeTransaction, type Transaction } from '../../../src/primitives/index.ts'
import { encodeHex } from '../../../src/util/index.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const COINS = 5_000_000_000n
const FEES = [1_000n, 20_000n, 3_000n] as const
const UNKNOWN_HASH = '00'.repeat(32)
const wallet = new TestWallet('block-stats')

let node: RegtestNode

async function coinbaseAt(height: number): Promise<Transaction> {
  const entry = node.chain.getActiveEntry(height) ?? node.chain.tip
  return (await node.chain.readBlock(entry.hash))?.transactions[0] as Transaction
}

beforeAll(async () => {
  node = await createRegtestNode({ params: { coinbaseMaturityBlocks: 1 } })
  await node.mine(2, wallet.script('p2wpkh'))
  await node.mine(2, wallet.script('p2pkh'))
  const kinds = ['p2wpkh', 'p2wpkh', 'p2pkh'] as const
  for (const [i, kind] of kinds.entries()) {
    const to = wallet.script('p2tr')
    const value = COINS - (FEES[i] as bigint)
    const tx = wallet.spend(await coinbaseAt(i + 1), 0, kind, to, value)
    await node.call('sendrawtransaction', encodeHex(encodeTransaction(tx)))
  }
  await node.mine(1, wallet.script('p2wpkh'))
})

interface JsonTransaction {
  readonly fee: number
  readonly size: number
  readonly weight: number
  readonly txid: string
  readonly hash: string
}

describe('getblockstats', () => {
  it('adds up what getblock shows', async () => {
    const hash = await node.call('getblockhash', 5)
    const block = await node.call('getblock', hash, 2)
    const spends: JsonTransaction[] = block.tx.slice(1)
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
    const sizes = spends.map(({ size }) => size)
    const weights = spends.map(({ weight }) => weight)
    const rates = spends.map(({ fee, weight }) => Math.trunc((Math.round(fee * 1e8) * 4) / weight))
    const withWitness = spends.filter((tx) => tx.txid !== tx.hash)
    expect(withWitness).toHaveLength(2)
    const ascending = (a: number, b: number): number => a - b
    // A P2TR output takes 8 + 1 + 34 bytes, P2WPKH 8 + 1 + 22, P2PKH 8 + 1 + 25, a commitment 8 + 1 + 38; and
    // each unspent one 41 more.
    const made = 3 * (43 + 41) + (31 + 41)
    const spent = 2 * (31 + 41) + (34 + 41)
    expect(await node.call('getblockstats', hash)).toEqual({
      avgfee: 8_000,
      avgfeerate: Math.trunc((24_000 * 4) / sum(weights)),
      avgtxsize: Math.trunc(sum(sizes) / 3),
      blockhash: hash,
      feerate_percentiles: percentilesOf(spends),
      height: 5,
      ins: 3,
      maxfee: 20_000,
      maxfeerate: Math.max(...rates),
      maxtxsize: Math.max(...sizes),
      medianfee: 3_000,
      mediantime: block.mediantime,
      mediantxsize: sizes.toSorted(ascending)[1],
      minfee: 1_000,
      minfeerate: Math.min(...rates),
      mintxsize: Math.min(...sizes),
      outs: 5,
      subsidy: 5_000_000_000,
      swtotal_size: sum(withWitness.map(({ size }) => size)),
      swtotal_weight: sum(withWitness.map(({ weight }) => weight)),
      swtxs: 2,
      time: block.time,
      total_out: 15_000_000_000 - 24_000,
      total_size: sum(sizes),
      total_weight: sum(weights),
      totalfee: 24_000,
      txs: 4,
      utxo_increase: 2,
      utxo_size_inc: made + 47 + 41 - spent,
      utxo_increase_actual: 1,
      utxo_size_inc_actual: made - spent,
    })
  })

  /** By another way than the method's: the rate of the first transaction at which the weight reaches a share. */
  function percentilesOf(spends: readonly JsonTransaction[]): readonly number[] {
    const byRate = spends
      .flatMap(({ fee, weight }) =>
        Array.from({ length: weight }, () => Math.trunc((Math.round(fee * 1e8) * 4) / weight)),
      )
      .toSorted((a, b) => a - b)
    return [10, 25, 50, 75, 90].map(
      (percent) => byRate[Math.ceil((byRate.length * percent) / 100) - 1] ?? 0,
    )
  }

  it('knows genesis, whose coinbase is no coin', async () => {
    expect(await node.call('getblockstats', 0)).toMatchObject({
      txs: 1,
      ins: 0,
      outs: 1,
      avgfee: 0,
      medianfee: 0,
      feerate_percentiles: [0, 0, 0, 0, 0],
      utxo_increase: 1,
      utxo_increase_actual: 0,
      utxo_size_inc_actual: 0,
    })
  })

  it('tells only what was asked for', async () => {
    expect(await node.call('getblockstats', 5, ['txs', 'totalfee'])).toEqual({
      txs: 4,
      totalfee: 24_000,
    })
    expect(await node.refusal('getblockstats', 5, ['txs', 'nothing'])).toBe(
      "-8 Invalid selected statistic 'nothing'",
    )
  })

  it.each([
    [-1, '-8 Target block height -1 is negative'],
    [6, '-8 Target block height 6 after current tip 5'],
    [UNKNOWN_HASH, '-5 Block not found'],
  ])('refuses %s', async (which, refusal) => {
    expect(await node.refusal('getblockstats', which)).toBe(refusal)
  })
})

describe('getchaintxstats', () => {
  it('counts within a window, and in all', async () => {
    const tip = await node.call('getblockheader', await node.call('getbestblockhash'))
    const third = await node.call('getblockheader', await node.call('getblockhash', 3))
    const interval = tip.mediantime - third.mediantime
    expect(await node.call('getchaintxstats', 2)).toEqual({
      time: tip.time,
      txcount: 9,
      window_final_block_hash: tip.hash,
      window_final_block_height: 5,
      window_block_count: 2,
      window_interval: interval,
      window_tx_count: 5,
      ...(interval > 0 && { txrate: 5 / interval }),
    })
  })

  it('has a window up to the first block, or none', async () => {
    expect(await node.call('getchaintxstats')).toMatchObject({ window_block_count: 4 })
    const genesis = await node.call('getblockhash', 0)
    expect(await node.call('getchaintxstats', 0, genesis)).toEqual({
      time: 1296688602,
      txcount: 1,
      window_final_block_hash: genesis,
      window_final_block_height: 0,
      window_block_count: 0,
    })
  })

  it('refuses windows and blocks that are not on the chain', async () => {
    const refusal = "-8 Invalid block count: should be between 0 and the block's height - 1"
    expect(await node.refusal('getchaintxstats', 5)).toBe(refusal)
    expect(await node.refusal('getchaintxstats', -1)).toBe(refusal)
    expect(await node.refusal('getchaintxstats', 1, UNKNOWN_HASH)).toBe('-5 Block not found')
  })
})

describe('getdeploymentinfo', () => {
  it('tells the heights of soft forks', async () => {
    const { segwit } = node.chain.params.deployments
    expect(await node.call('getdeploymentinfo')).toMatchObject({
      hash: await node.call('getbestblockhash'),
      height: 5,
      deployments: {
        bip34: { type: 'buried', active: true },
        segwit: { type: 'buried', height: segwit, active: true },
        taproot: { type: 'buried', height: 0, active: true },
      },
    })
  })

  it('is of the block after the one asked for', async () => {
    const params = { deployments: { bip34: 3, bip65: 3, bip66: 3, csv: 3, segwit: 3 } }
    const young = await createRegtestNode({ params })
    await young.mine(3, wallet.script('p2pkh'))
    const at = async (height: number): Promise<boolean> => {
      const hash = await young.call('getblockhash', height)
      return (await young.call('getdeploymentinfo', hash)).deployments.csv.active
    }
    expect([await at(1), await at(2), await at(3)]).toEqual([false, true, true])
  })
})

describe('waiting for blocks', () => {
  it('answers with the tip when it moves', async () => {
    const waiting = node.call('waitfornewblock', 60_000)
    const atHeight = node.call('waitforblockheight', 7)
    const [sixth] = await node.mine(1, wallet.script('p2wpkh'))
    expect(await waiting).toEqual({ hash: sixth, height: 6 })
    const [seventh] = await node.mine(1, wallet.script('p2wpkh'))
    expect(await atHeight).toEqual({ hash: seventh, height: 7 })
    expect(await node.call('waitforblock', seventh)).toEqual({ hash: seventh, height: 7 })
    // Whoever knows an older tip has nothing to wait for.
    expect(await node.call('waitfornewblock', 0, sixth)).toEqual({ hash: seventh, height: 7 })
  })

  it('answers in time, whatever the tip is', async () => {
    const real = await createRegtestNode({ context: { clock: systemClock } })
    const tip = await real.call('getbestblockhash')
    expect(await real.call('waitforblock', UNKNOWN_HASH, 1)).toMatchObject({ hash: tip })
    expect(await real.call('waitforblockheight', 1_000, 1)).toMatchObject({ hash: tip })
    expect(await node.refusal('waitfornewblock', -1)).toBe('-1 Negative timeout')
  })

  it('ends when nobody waits any more', async () => {
    const controller = new AbortController()
    const waiting = node.rpc.execute('waitfornewblock', [], { signal: controller.signal })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: -9 })
  })
})
