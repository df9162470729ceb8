import { beforeAll, describe, expect, it } from 'vitest'
import { type BlockEntry, Chain, createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import {
  computeTxid,
  encodeTransaction,
  fromDisplayHex,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import { LevelChainStore } from '../../../src/store/index.ts'
import { encodeHex } from '../../../src/util/index.ts'
import { createBlock, createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import {
  createFixedClock,
  createMemoryDatabases,
  openMemoryChain,
  silentLog,
} from '../../support/memory-chain.ts'
import {
  createMemoryFiles,
  createRegtestNode,
  REGTEST_NOW,
  type RegtestNode,
} from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const wallet = new TestWallet('index')
const payoutScript = wallet.script('p2wpkh')
const UNKNOWN_TXID = 'ab'.repeat(32)

async function createIndexedNode(): Promise<RegtestNode> {
  return createRegtestNode({
    params: { coinbaseMaturityBlocks: 1 },
    chain: { hasTxIndex: true },
  })
}

describe('a node with an index of transactions', () => {
  let node: RegtestNode
  let spend: Transaction
  let txid: string
  let hash: string
  beforeAll(async () => {
    node = await createIndexedNode()
    const { params } = node.chain
    const [first] = createBlocks(placeGenesis(params), params, 1, { payoutScript })
    const [coinbase] = first?.block.transactions ?? []
    if (first === undefined || coinbase === undefined) throw new RangeError('no coinbase')
    spend = wallet.spend(coinbase, 0, 'p2wpkh', wallet.script('p2tr'), 4_999_999_000n)
    txid = toDisplayHex(computeTxid(spend))
    const second = createBlock(first, params, { transactions: [spend], fees: 1_000n })
    const third = createBlock(second, params)
    for (const { block } of [first, second, third]) await node.chain.acceptBlock(block)
    hash = toDisplayHex(second.hash)
  })

  it('getindexinfo tells of it', async () => {
    const info = { txindex: { synced: true, best_block_height: 3 } }
    expect(await node.call('getindexinfo')).toEqual(info)
    expect(await node.call('getindexinfo', 'txindex')).toEqual(info)
    expect(await node.call('getindexinfo', '')).toEqual(info)
    expect(await node.call('getindexinfo', 'coinstatsindex')).toEqual({})
  })

  it('getrawtransaction finds a transaction without its block', async () => {
    expect(await node.call('getrawtransaction', txid)).toBe(encodeHex(encodeTransaction(spend)))
    const { in_active_chain: isActive, ...named } = await node.call(
      'getrawtransaction',
      txid,
      1,
      hash,
    )
    expect(isActive).toBe(true)
    const { time } = node.chain.getEntry(hash) ?? {}
    expect(named).toMatchObject({ blockhash: hash, confirmations: 2, time, blocktime: time })
    expect(await node.call('getrawtransaction', txid, 1)).toEqual(named)
  })

  it('getrawtransaction knows its fee and what it spends', async () => {
    const plain = await node.call('getrawtransaction', txid, 1)
    const detailed = await node.call('getrawtransaction', txid, 2)
    expect(detailed.fee).toBe(0.00001)
    expect(detailed.vin[0].prevout).toMatchObject({ generated: true, height: 1, value: 50 })
    const { fee, ...rest } = detailed
    delete rest.vin[0].prevout
    expect(rest).toEqual(plain)
  })

  it('getrawtransaction looks for others in vain, and does not show that of genesis', async () => {
    expect(await node.refusal('getrawtransaction', UNKNOWN_TXID)).toBe(
      '-5 No such mempool or blockchain transaction. Use gettransaction for wallet transactions.',
    )
    const genesisTxid = toDisplayHex(node.chain.params.genesis.header.merkleRoot)
    expect(await node.refusal('getrawtransaction', genesisTxid)).toBe(
      '-5 The genesis block coinbase is not considered an ordinary transaction and cannot be ' +
        'retrieved',
    )
  })

  it('getrawtransaction forgets a block that has left the chain, and knows it when it is back', async () => {
    const [coinbase] = (await node.call('getblock', hash)).tx
    await node.call('invalidateblock', hash)
    expect(await node.call('getindexinfo')).toEqual({
      txindex: { synced: true, best_block_height: 1 },
    })
    expect(await node.refusal('getrawtransaction', coinbase)).toMatch(
      /^-5 No such mempool or blockchain/,
    )
    // It may wait for another block now.
    expect(await node.call('getrawtransaction', txid, 1)).not.toHaveProperty('blockhash')
    await node.call('reconsiderblock', hash)
    expect(await node.call('getrawtransaction', coinbase, 1)).toMatchObject({ blockhash: hash })
    expect(await node.call('getrawtransaction', txid, 1)).toMatchObject({ blockhash: hash })
  })
})

describe('an index that is not built yet', () => {
  it('is said to be', async () => {
    const databases = createMemoryDatabases()
    const params = createConsensusParams(REGTEST_SPEC)
    const clock = createFixedClock(REGTEST_NOW)
    const before = await openMemoryChain(params, clock, databases)
    for (const { block } of createBlocks(placeGenesis(params), params, 3)) {
      await before.acceptBlock(block)
    }
    await before.flush()
    const store = await LevelChainStore.open(databases, params.chainId)
    const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
    const deps = { store, scriptChecker, clock, log: silentLog }
    const chain = new Chain(deps, params, { hasTxIndex: true })
    await chain.open(AbortSignal.abort())
    const node = await createRegtestNode({ context: { chain } })
    expect(await node.call('getindexinfo')).toEqual({
      txindex: { synced: false, best_block_height: 0 },
    })
    expect(await node.refusal('getrawtransaction', UNKNOWN_TXID)).toBe(
      '-5 No such mempool transaction. Blockchain transactions are still in the process of being ' +
        'indexed. Use gettransaction for wallet transactions.',
    )
  })
})

describe('an index that a snapshot has overtaken', () => {
  it('stays where it is, and says so', async () => {
    const files = createMemoryFiles()
    const source = await createRegtestNode({ context: { files } })
    const { params } = source.chain
    const blocks = createBlocks(placeGenesis(params), params, 6, { payoutScript })
    for (const { block } of blocks.slice(0, 5)) await source.chain.acceptBlock(block)
    const { txoutset_hash: hash } = await source.call('dumptxoutset', 'utxo.dat')
    const databases = createMemoryDatabases()
    const chain = { hasTxIndex: true }
    const node = await createRegtestNode({ context: { files }, databases, chain })
    for (const { block } of blocks.slice(0, 2)) await node.chain.acceptBlock(block)
    node.chain.acceptHeaders(blocks.map(({ block }) => block.header))
    expect(await node.refusal('loadtxoutset', 'utxo.dat', hash)).toContain('without --txindex')
    // Even if nobody refused it, the index would not take itself for complete.
    const base = node.chain.getEntry(source.chain.tip.hashHex) as BlockEntry
    const { coins } = await source.chain.readAllCoins()
    await node.chain.loadCoins(base, coins, fromDisplayHex(hash))
    const behind = { txindex: { synced: false, best_block_height: 2 } }
    expect(await node.call('getindexinfo')).toEqual(behind)
    for (const { block } of blocks.slice(5)) await node.chain.acceptBlock(block)
    await node.chain.flush()
    expect(node.chain.tip.height).toBe(6)
    expect(await node.call('getindexinfo')).toEqual(behind)
    const store = await LevelChainStore.open(databases, params.chainId)
    expect(await store.readIndexTip()).toEqual(blocks[1]?.hash)
    await expect(openMemoryChain(params, node.clock, databases, chain)).rejects.toThrow(
      /block \w+ at height 3, which was pruned: start without --txindex/,
    )
  })
})
