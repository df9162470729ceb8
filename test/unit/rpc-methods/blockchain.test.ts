import { beforeAll, describe, expect, it } from 'vitest'
import { decodeBlock, encodeHeader, type Transaction } from '../../../src/primitives/index.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'
import { createBlock, createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { createRegtestNode, REGTEST_NOW, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

/** Bitcoin's regtest, block 0. */
const GENESIS_HASH = '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206'
const GENESIS_TXID = '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b'
const GENESIS_HEADER =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e' +
  '67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000'
const SATOSHIS_KEY =
  '04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec1' +
  '12de5c384df7ba0b8d578a4c702b6bf11d5f'
const GENESIS_TX =
  '01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d' +
  '04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e20' +
  '6272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73' +
  `ffffffff0100f2052a010000004341${SATOSHIS_KEY}ac00000000`
const UNKNOWN_HASH = '00'.repeat(32)
const wallet = new TestWallet('blockchain')

describe('methods about the chain, at genesis', () => {
  let node: RegtestNode
  beforeAll(async () => {
    node = await createRegtestNode()
  })

  it('getblock shows Bitcoin regtest genesis as Bitcoin Core does', async () => {
    expect(await node.call('getblock', GENESIS_HASH, 2)).toEqual({
      hash: GENESIS_HASH,
      confirmations: 1,
      height: 0,
      version: 1,
      versionHex: '00000001',
      merkleroot: GENESIS_TXID,
      time: 1296688602,
      mediantime: 1296688602,
      nonce: 2,
      bits: '207fffff',
      target: '7fffff0000000000000000000000000000000000000000000000000000000000',
      difficulty: 4.656542373906925e-10,
      chainwork: '0000000000000000000000000000000000000000000000000000000000000002',
      nTx: 1,
      strippedsize: 285,
      size: 285,
      weight: 1140,
      tx: [
        {
          txid: GENESIS_TXID,
          hash: GENESIS_TXID,
          version: 1,
          size: 204,
          vsize: 204,
          weight: 816,
          locktime: 0,
          vin: [
            {
              coinbase:
                '04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e20' +
                '6272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73',
              sequence: 4294967295,
            },
          ],
          vout: [
            {
              value: 50,
              n: 0,
              scriptPubKey: {
                asm: `${SATOSHIS_KEY} OP_CHECKSIG`,
                desc: `pk(${SATOSHIS_KEY})#vlz6ztea`,
                hex: `41${SATOSHIS_KEY}ac`,
                type: 'pubkey',
              },
            },
          ],
          hex: GENESIS_TX,
        },
      ],
    })
  })

  it('getblockheader shows the same, or its bytes', async () => {
    const { tx, size, strippedsize, weight, ...header } = await node.call('getblock', GENESIS_HASH)
    expect(tx).toEqual([GENESIS_TXID])
    expect([size, strippedsize, weight]).toEqual([285, 285, 1140])
    expect(await node.call('getblockheader', GENESIS_HASH)).toEqual(header)
    expect(await node.call('getblockheader', GENESIS_HASH, false)).toBe(GENESIS_HEADER)
    expect(await node.call('getblockheader', GENESIS_HASH.toUpperCase(), true)).toEqual(header)
  })

  it('getblock takes the verbosities that old callers send', async () => {
    const hex = await node.call('getblock', GENESIS_HASH, 0)
    expect(decodeBlock(decodeHex(hex)).header.nonce).toBe(2)
    expect(await node.call('getblock', GENESIS_HASH, false)).toBe(hex)
    expect(await node.call('getblock', GENESIS_HASH, true)).toEqual(
      await node.call('getblock', GENESIS_HASH),
    )
    expect(await node.call('getblock', GENESIS_HASH, 9)).toEqual(
      await node.call('getblock', GENESIS_HASH, 3),
    )
  })

  it('the single values are those of genesis', async () => {
    expect(await node.call('getblockcount')).toBe(0)
    expect(await node.call('getbestblockhash')).toBe(GENESIS_HASH)
    expect(await node.call('getblockhash', 0)).toBe(GENESIS_HASH)
    expect(await node.call('getdifficulty')).toBe(4.656542373906925e-10)
    expect(await node.call('getnetworkhashps')).toBe(0)
  })

  it('getblockchaininfo tells what chain it is', async () => {
    expect(await node.call('getblockchaininfo')).toEqual({
      chain: 'regtest',
      blocks: 0,
      headers: 0,
      bestblockhash: GENESIS_HASH,
      bits: '207fffff',
      target: '7fffff0000000000000000000000000000000000000000000000000000000000',
      difficulty: 4.656542373906925e-10,
      time: 1296688602,
      mediantime: 1296688602,
      verificationprogress: 1,
      initialblockdownload: false,
      chainwork: '0000000000000000000000000000000000000000000000000000000000000002',
      size_on_disk: 12_345,
      pruned: false,
      warnings: [],
      quarry_chain: 'regtest',
      quarry_chain_id: node.chain.params.chainId,
      quarry_reorgs: 0,
      quarry_target_spacing: 600,
      quarry_retarget_window: 144,
    })
  })

  it.each([
    ['getblockhash', [-1], '-8 Block height out of range'],
    ['getblockhash', [1], '-8 Block height out of range'],
    ['getblockhash', [1.5], '-1 JSON integer out of range'],
    ['getblock', [UNKNOWN_HASH], '-5 Block not found'],
    ['getblockheader', [UNKNOWN_HASH], '-5 Block not found'],
    ['getblock', ['abc'], "-8 blockhash must be of length 64 (not 3, for 'abc')"],
    ['getblockheader', ['abc'], "-8 hash must be of length 64 (not 3, for 'abc')"],
    [
      'getblock',
      ['z'.repeat(64)],
      `-8 blockhash must be hexadecimal string (not '${'z'.repeat(64)}')`,
    ],
    ['getnetworkhashps', [0], '-8 Invalid nblocks. Must be a positive number or -1.'],
    ['getnetworkhashps', [-2], '-8 Invalid nblocks. Must be a positive number or -1.'],
    ['getnetworkhashps', [1, 5], '-8 Block does not exist at specified height'],
    ['getnetworkhashps', [1, -2], '-8 Block does not exist at specified height'],
  ])('%s %j is refused', async (method, params, refusal) => {
    expect(await node.refusal(method, ...params)).toBe(refusal)
  })
})

describe('methods about the chain, with branches', () => {
  let node: RegtestNode
  const params = () => node.chain.params
  beforeAll(async () => {
    node = await createRegtestNode({ params: { noRetargeting: false, retargetWindowBlocks: 10 } })
    const genesis = placeGenesis(params())
    const side = createBlocks(genesis, params(), 2, { salt: 1 })
    const main = createBlocks(genesis, params(), 3)
    for (const { block } of [...side, ...main]) await node.chain.acceptBlock(block)
    const [onlyHeader] = createBlocks(genesis, params(), 1, { salt: 2 })
    if (onlyHeader !== undefined) node.chain.acceptHeaders([onlyHeader.block.header])
  })

  it('getchaintips lists every end with when it was seen', async () => {
    const tips = await node.call('getchaintips')
    expect(
      tips.map(({ height, branchlen, status, quarry_first_seen }: Record<string, unknown>) => ({
        height,
        branchlen,
        status,
        quarry_first_seen,
      })),
    ).toEqual([
      { height: 3, branchlen: 0, status: 'active', quarry_first_seen: REGTEST_NOW * 1_000 },
      { height: 2, branchlen: 2, status: 'valid-fork', quarry_first_seen: REGTEST_NOW * 1_000 },
      { height: 1, branchlen: 1, status: 'headers-only', quarry_first_seen: REGTEST_NOW * 1_000 },
    ])
    expect(await node.call('getbestblockhash')).toBe(tips[0].hash)
  })

  it('a block off the active chain has -1 confirmations and none after it', async () => {
    const [, side] = await node.call('getchaintips')
    const block = await node.call('getblock', side.hash, 2)
    expect(block.confirmations).toBe(-1)
    expect(block.nextblockhash).toBeUndefined()
    const first = await node.call('getblockheader', await node.call('getblockhash', 1))
    expect(first).toMatchObject({
      confirmations: 3,
      previousblockhash: GENESIS_HASH,
      nextblockhash: await node.call('getblockhash', 2),
      versionHex: '20000000',
    })
  })

  it('a block whose body is unknown has a header and no more', async () => {
    const [, , bare] = await node.call('getchaintips')
    expect(await node.call('getblockheader', bare.hash)).toMatchObject({
      nTx: 0,
      confirmations: -1,
    })
    expect(await node.refusal('getblock', bare.hash)).toBe(
      '-1 Block not available (not fully downloaded)',
    )
    expect(await node.refusal('getrawtransaction', UNKNOWN_HASH, 0, bare.hash)).toBe(
      '-1 Block not available',
    )
  })

  it('getblockchaininfo counts the reorganisation and finds the next retarget', async () => {
    expect(await node.call('getblockchaininfo')).toMatchObject({
      blocks: 3,
      headers: 3,
      quarry_reorgs: 1,
      quarry_retarget_window: 10,
      quarry_next_retarget: 10,
    })
  })

  it('getnetworkhashps divides work by time', async () => {
    // Three blocks a second apart, two expected hashes each.
    expect(await node.call('getnetworkhashps')).toBe(2)
    expect(await node.call('getnetworkhashps', 1, 2)).toBe(2)
    expect(await node.call('getnetworkhashps', -1)).toBe(2)
  })
})

describe('verification progress', () => {
  it('is the share of the known work, and headers are those of the best header', async () => {
    const node = await createRegtestNode({ context: { isCaughtUp: () => false } })
    const blocks = createBlocks(placeGenesis(node.chain.params), node.chain.params, 4)
    node.chain.acceptHeaders(blocks.map(({ block }) => block.header))
    expect(await node.call('getblockchaininfo')).toMatchObject({
      blocks: 0,
      headers: 4,
      verificationprogress: 0.2,
      initialblockdownload: true,
    })
  })
})

describe('a block that spends', () => {
  let node: RegtestNode
  let spend: Transaction
  let hash: string
  beforeAll(async () => {
    node = await createRegtestNode({ params: { coinbaseMaturityBlocks: 1 } })
    const { params } = node.chain
    const payoutScript = wallet.script('p2wpkh')
    const [first] = createBlocks(placeGenesis(params), params, 1, { payoutScript })
    const [coinbase] = first?.block.transactions ?? []
    if (first === undefined || coinbase === undefined) throw new RangeError('no coinbase')
    spend = wallet.spend(coinbase, 0, 'p2wpkh', wallet.script('p2tr'), 4_999_999_000n)
    const second = createBlock(first, params, { transactions: [spend], fees: 1_000n })
    for (const { block } of [first, second]) await node.chain.acceptBlock(block)
    hash = node.chain.tip.hashHex
    expect(node.chain.tip.height).toBe(2)
  })

  it('shows its fee with verbosity 2, and what it spends with 3', async () => {
    const { tx: plain } = await node.call('getblock', hash, 2)
    expect(plain[0].fee).toBeUndefined()
    expect(plain[1]).toMatchObject({ fee: 0.00001, vout: [{ value: 49.99999, n: 0 }] })
    expect(plain[1].vin[0].prevout).toBeUndefined()
    expect(plain[1].vin[0].txinwitness).toHaveLength(2)
    expect(plain[1].hash).not.toBe(plain[1].txid)
    expect(plain[1].vout[0].scriptPubKey).toMatchObject({
      type: 'witness_v1_taproot',
      address: wallet.address('p2tr'),
    })
    const { tx: detailed } = await node.call('getblock', hash, 3)
    expect(detailed[1].vin[0].prevout).toMatchObject({
      generated: true,
      height: 1,
      value: 50,
      scriptPubKey: { type: 'witness_v0_keyhash', address: wallet.address('p2wpkh') },
    })
    delete detailed[1].vin[0].prevout
    expect(detailed).toEqual(plain)
  })

  it('writes amounts with eight decimals, never as a float or with an exponent', async () => {
    const { text } = await node.rpc.handleText(
      JSON.stringify({ method: 'getblock', params: [hash, 2] }),
    )
    expect(text).toContain('"fee":0.00001000')
    expect(text).toContain('"value":49.99999000')
  })

  it('getrawtransaction finds it in its block', async () => {
    const { tx } = await node.call('getblock', hash, 3)
    const { txid, hex, fee, vin } = tx[1]
    expect(await node.call('getrawtransaction', txid, 0, hash)).toBe(hex)
    expect(await node.call('getrawtransaction', txid, false, hash)).toBe(hex)
    const plain = await node.call('getrawtransaction', txid, 1, hash)
    expect(plain).toMatchObject({
      txid,
      hex,
      in_active_chain: true,
      blockhash: hash,
      confirmations: 1,
      time: node.chain.tip.time,
      blocktime: node.chain.tip.time,
    })
    expect(plain.fee).toBeUndefined()
    expect(await node.call('getrawtransaction', txid, 2, hash)).toEqual({ ...plain, fee, vin })
    expect(await node.call('getrawtransaction', tx[0].txid, 2, hash)).toMatchObject({
      txid: tx[0].txid,
      vin: [{ sequence: 4294967295 }],
    })
  })

  it('gettxout knows what is spent and what is not', async () => {
    const [coinbase, spending] = await node.call('getblock', hash, 2).then(({ tx }) => tx)
    expect(await node.call('gettxout', spending.txid, 0)).toEqual({
      bestblock: hash,
      confirmations: 1,
      value: 49.99999,
      scriptPubKey: spending.vout[0].scriptPubKey,
      coinbase: false,
    })
    expect(await node.call('gettxout', coinbase.txid, 0)).toMatchObject({ coinbase: true })
    expect(await node.call('gettxout', spending.vin[0].txid, 0)).toBeNull()
    expect(await node.call('gettxout', spending.txid, 1)).toBeNull()
    expect(await node.refusal('gettxout', spending.txid, -1)).toBe('-1 JSON integer out of range')
    expect(await node.refusal('gettxout', '00', 0)).toBe(
      "-8 txid must be of length 64 (not 2, for '00')",
    )
  })

  it('encodes the header that was mined', async () => {
    expect(await node.call('getblockheader', hash, false)).toBe(
      encodeHex(encodeHeader(node.chain.tip.header)),
    )
  })
})
