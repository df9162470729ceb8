import { beforeAll, describe, expect, it } from 'vitest'
import {
  computeWitnessCommitment,
  computeWitnessMerkleRoot,
  createConsensusParams,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import {
  type Block,
  computeBlockHash,
  computeTxid,
  encodeBlock,
  encodeTransaction,
  toDisplayHex,
  ZERO_HASH,
} from '../../../src/primitives/index.ts'
import type { PeerInfo } from '../../../src/sync/index.ts'
import { encodeHex } from '../../../src/util/index.ts'
import {
  type BlockWishes,
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import { createRegtestNode, REGTEST_NOW, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const wallet = new TestWallet('mining')
const SEGWIT = { rules: ['segwit'] }

function hexOf({ block }: PlacedBlock): string {
  return encodeHex(encodeBlock(block))
}

/** A block on genesis whose transactions need a witness commitment, and the one that it needs. */
async function createWitnessBlock(node: RegtestNode): Promise<PlacedBlock> {
  const { params } = node.chain
  const [first] = createBlocks(placeGenesis(params), params, 1, {
    payoutScript: wallet.script('p2wpkh'),
  })
  const [coinbase] = first?.block.transactions ?? []
  if (first === undefined || coinbase === undefined) throw new RangeError('no coinbase')
  await node.chain.acceptBlock(first.block)
  const spend = wallet.spend(coinbase, 0, 'p2wpkh', wallet.script('p2wpkh'), 4_999_000_000n)
  return createBlock(first, params, { transactions: [spend], fees: 1_000_000n })
}

function withoutCoinbaseWitness(block: Block): Block {
  const [coinbase, ...others] = block.transactions
  if (coinbase === undefined) throw new RangeError('no coinbase')
  const inputs = coinbase.inputs.map((input) => ({ ...input, witness: [] }))
  return { ...block, transactions: [{ ...coinbase, inputs }, ...others] }
}

/** Takes a block's proof of work away. */
function unsolve(placed: PlacedBlock): PlacedBlock {
  const { block } = placed
  let { header } = block
  // Regtest's target is met whenever the topmost bit is clear, and hashes are little-endian.
  while ((computeBlockHash(header).at(-1) ?? 0) < 0x80) {
    header = { ...header, nonce: header.nonce + 1 }
  }
  return { ...placed, block: { ...block, header } }
}

describe('getblocktemplate', () => {
  let node: RegtestNode
  beforeAll(async () => {
    node = await createRegtestNode({ params: { coinbaseMaturityBlocks: 1 } })
    await node.mine(2, wallet.script('p2wpkh'))
  })

  it('tells a miner all that it needs', async () => {
    expect(await node.call('getblocktemplate', SEGWIT)).toEqual({
      capabilities: ['proposal'],
      version: 0x2000_0000,
      rules: ['csv', '!segwit', 'taproot'],
      vbavailable: {},
      vbrequired: 0,
      previousblockhash: node.chain.tip.hashHex,
      transactions: [],
      coinbaseaux: {},
      coinbasevalue: 5_000_000_000,
      longpollid: `${node.chain.tip.hashHex}0`,
      target: '7fffff0000000000000000000000000000000000000000000000000000000000',
      mintime: node.chain.tip.medianTimePast + 1,
      mutable: ['time', 'transactions', 'prevblock'],
      noncerange: '00000000ffffffff',
      sigoplimit: 80_000,
      sizelimit: 4_000_000,
      weightlimit: 4_000_000,
      curtime: Math.max(REGTEST_NOW, node.chain.tip.medianTimePast + 1),
      bits: '207fffff',
      height: 3,
      // The hash of 64 zero bytes: what every block with nothing but a coinbase commits to.
      default_witness_commitment:
        '6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9',
    })
  })

  it('has a fresh time on every call', async () => {
    const before = await node.call('getblocktemplate', SEGWIT)
    node.clock.set(REGTEST_NOW + 100)
    const after = await node.call('getblocktemplate', SEGWIT)
    node.clock.set(REGTEST_NOW)
    expect(after.curtime).toBe(REGTEST_NOW + 100)
    expect(after.curtime).toBeGreaterThan(before.curtime)
  })

  it('lists transactions with what they depend on, and counts their fees', async () => {
    const block = await node.chain.readBlock(
      node.chain.getActiveEntry(1)?.hash ?? node.chain.tip.hash,
    )
    const [coinbase] = block?.transactions ?? []
    if (coinbase === undefined) throw new RangeError('no coinbase')
    const script = wallet.script('p2wpkh')
    const parent = wallet.spend(coinbase, 0, 'p2wpkh', script, 4_999_990_000n)
    const child = wallet.spend(parent, 0, 'p2wpkh', script, 4_999_970_000n)
    for (const tx of [parent, child]) {
      await node.call('sendrawtransaction', encodeHex(encodeTransaction(tx)))
    }
    const template = await node.call('getblocktemplate', SEGWIT)
    // The first one's hash counts as zero, whichever transaction it is.
    const root = computeWitnessMerkleRoot([coinbase, parent, child])
    expect(template.coinbasevalue).toBe(5_000_030_000)
    expect(template.default_witness_commitment).toBe(
      `6a24aa21a9ed${encodeHex(computeWitnessCommitment(root, ZERO_HASH))}`,
    )
    expect(template.longpollid).toBe(`${node.chain.tip.hashHex}2`)
    expect(template.transactions).toMatchObject([
      {
        data: encodeHex(encodeTransaction(parent)),
        txid: toDisplayHex(computeTxid(parent)),
        depends: [],
        fee: 10_000,
        sigops: 1,
      },
      { txid: toDisplayHex(computeTxid(child)), depends: [1], fee: 20_000, sigops: 1 },
    ])
    expect(template.transactions[0].hash).not.toBe(template.transactions[0].txid)
  })

  it('waits with a longpollid, but not for whoever has an old tip', async () => {
    const { longpollid } = await node.call('getblocktemplate', SEGWIT)
    const old = { ...SEGWIT, longpollid: `${'00'.repeat(32)}7` }
    expect(await node.call('getblocktemplate', old)).toMatchObject({ longpollid })
    const controller = new AbortController()
    const { signal } = controller
    const waiting = node.rpc.execute('getblocktemplate', [{ ...SEGWIT, longpollid }], { signal })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: -9, message: 'Shutting down' })
    const next = node.rpc.execute('getblocktemplate', [{ ...SEGWIT, longpollid }])
    const [hash] = await node.mine(1, wallet.script('p2wpkh'))
    expect(await next).toMatchObject({ previousblockhash: hash })
    await node.call('invalidateblock', hash)
  })

  it('has fresh bits where they depend on the clock', async () => {
    const spec = parseChainSpec({
      version: 1,
      name: 'late',
      genesis: { time: REGTEST_NOW - 600, bits: '2000ffff' },
      retarget: { targetSpacingSeconds: 600, windowBlocks: 2_016 },
    })
    const { powLimit } = createConsensusParams(REGTEST_SPEC)
    const params = { ...createConsensusParams(spec), minDifficulty: true, powLimit }
    const test = await createRegtestNode({ params })
    const hard = createBlock(placeGenesis(params), params, { time: REGTEST_NOW })
    await test.chain.acceptBlock(hard.block)
    expect(await test.call('getblocktemplate', SEGWIT)).toMatchObject({ bits: '2000ffff' })
    // A block that comes twenty minutes late may be as easy as any.
    test.clock.set(REGTEST_NOW + 1_201)
    const template = await test.call('getblocktemplate', SEGWIT)
    expect(template).toMatchObject({ curtime: REGTEST_NOW + 1_201, bits: '207fffff' })
    expect(template.target).toBe('7fffff'.padEnd(64, '0'))
    const [hash] = await test.mine(1, wallet.script('p2wpkh'))
    expect(await test.call('getblockheader', hash)).toMatchObject({ bits: '207fffff' })
  })

  it('has empty coinbase flags for those who insist on them', async () => {
    const old = await createRegtestNode({ context: { hasCoinbaseFlags: true } })
    expect(await old.call('getblocktemplate', SEGWIT)).toMatchObject({ coinbaseaux: { flags: '' } })
  })

  it('has neither witnesses nor their limits before segwit', async () => {
    const { deployments } = node.chain.params
    const old = await createRegtestNode({ params: { deployments: { ...deployments, segwit: 9 } } })
    const template = await old.call('getblocktemplate', SEGWIT)
    expect(template).toMatchObject({
      rules: ['csv', 'taproot'],
      sigoplimit: 20_000,
      sizelimit: 1_000_000,
    })
    expect(template).not.toHaveProperty('weightlimit')
    expect(template).not.toHaveProperty('default_witness_commitment')
  })

  it('takes named arguments, as rpc-bitcoin sends them', async () => {
    const request = {
      jsonrpc: '1.0',
      id: 'x',
      method: 'getblocktemplate',
      params: {
        template_request: { ...SEGWIT, mode: 'template', capabilities: ['serverlist', 'proposal'] },
      },
    }
    const { text } = await node.rpc.handleText(JSON.stringify(request))
    expect(JSON.parse(text)).toMatchObject({ error: null, result: { height: 3 } })
  })

  it.each([
    [
      [],
      '-8 getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})',
    ],
    [
      [{ rules: ['csv'] }],
      '-8 getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})',
    ],
    [[{ ...SEGWIT, mode: 'fast' }], '-8 Invalid mode'],
    [[{ ...SEGWIT, longpollid: 'ff' }], "-8 longpollid must be of length 64 (not 2, for 'ff')"],
    [[{ mode: 'proposal' }], '-3 Missing data String key for proposal'],
    [[{ mode: 'proposal', data: '00' }], '-22 Block decode failed'],
    [
      ['segwit'],
      '-3 Wrong type passed:\n{\n    "Position 1 (template_request)": "JSON value of type string is ' +
        'not of expected type object"\n}',
    ],
  ])('refuses %j', async (params, refusal) => {
    expect(await node.refusal('getblocktemplate', ...params)).toBe(refusal)
  })

  it('gives no work on mainnet without peers, or behind them', async () => {
    let isCaughtUp = false
    const main = await createRegtestNode({
      params: { rpcChain: 'main' },
      context: { isCaughtUp: () => isCaughtUp },
    })
    expect(await main.refusal('getblocktemplate', SEGWIT)).toBe('-9 Quarry is not connected!')
    main.network.peerList = [{ id: 'peer' } as PeerInfo]
    expect(await main.refusal('getblocktemplate', SEGWIT)).toBe(
      '-10 Quarry is in initial sync and waiting for blocks...',
    )
    isCaughtUp = true
    expect(await main.call('getblocktemplate', SEGWIT)).toMatchObject({ height: 1 })
  })
})

describe('getblocktemplate, mode proposal', () => {
  let node: RegtestNode
  let good: PlacedBlock
  const propose = (placed: PlacedBlock) =>
    node.call('getblocktemplate', { mode: 'proposal', data: hexOf(placed) })
  const variant = (wishes: BlockWishes) =>
    createBlock(placeGenesis(node.chain.params), node.chain.params, wishes)
  beforeAll(async () => {
    node = await createRegtestNode()
    good = variant({})
  })

  it('finds nothing wrong with a good block, whatever its proof of work', async () => {
    expect(await propose(good)).toBeNull()
    expect(await propose(unsolve(good))).toBeNull()
    expect(node.chain.headerCount).toBe(1)
  })

  it('says what is wrong, in the words of BIP-0022', async () => {
    const { params } = node.chain
    expect(await propose(variant({ fees: 1n }))).toBe('bad-cb-amount')
    expect(await propose(variant({ version: 1 }))).toBe('bad-version(0x00000001)')
    expect(await propose(variant({ time: 1_000 }))).toBe('time-too-old')
    expect(await propose(variant({ time: 4_000_000_000 }))).toBe('time-too-new')
    expect(await propose(createBlock(good, params))).toBe('inconclusive-not-best-prevblk')
    const bare = { ...good, block: { ...good.block, transactions: [] } }
    expect(await propose(bare)).toBe('bad-txnmrklroot')
  })

  it('knows blocks again', async () => {
    const bad = variant({ fees: 1n, salt: 3 })
    const bare = variant({ salt: 4 })
    node.chain.acceptHeaders([bare.block.header])
    expect(await node.call('submitblock', hexOf(bad))).toBe('bad-cb-amount')
    expect(await node.call('submitblock', hexOf(good))).toBeNull()
    expect(await propose(good)).toBe('duplicate')
    expect(await propose(bad)).toBe('duplicate-invalid')
    expect(await propose(bare)).toBe('duplicate-inconclusive')
  })
})

describe('submitblock', () => {
  it('takes a block, once', async () => {
    const node = await createRegtestNode()
    const { params } = node.chain
    const block = createBlock(placeGenesis(params), params)
    expect(await node.call('submitblock', hexOf(block))).toBeNull()
    expect(node.chain.tip.hashHex).toBe(toDisplayHex(block.hash))
    expect(await node.call('submitblock', hexOf(block), 'ignored')).toBe('duplicate')
  })

  it('keeps a block of a side branch and calls it inconclusive', async () => {
    const node = await createRegtestNode()
    const { params } = node.chain
    const [ours, theirs] = [0, 1].map((salt) => createBlock(placeGenesis(params), params, { salt }))
    if (ours === undefined || theirs === undefined) throw new RangeError('no blocks')
    expect(await node.call('submitblock', hexOf(ours))).toBeNull()
    expect(await node.call('submitblock', hexOf(theirs))).toBe('inconclusive')
    expect(await node.call('submitblock', hexOf(theirs))).toBe('duplicate')
    expect(await node.call('submitblock', hexOf(createBlock(theirs, params)))).toBeNull()
    expect(node.chain.reorgCount).toBe(1)
  })

  it('calls a block inconclusive whose ancestor turns out to be invalid', async () => {
    const node = await createRegtestNode()
    const { params } = node.chain
    const genesis = placeGenesis(params)
    const submit = (placed: PlacedBlock) => node.call('submitblock', hexOf(placed))
    expect(await submit(createBlock(genesis, params))).toBeNull()
    const bad = createBlock(genesis, params, { fees: 1n, salt: 1 })
    const child = createBlock(bad, params)
    expect(await submit(bad)).toBe('inconclusive')
    expect(await submit(child)).toBe('inconclusive')
    expect(await submit(child)).toBe('duplicate-invalid')
    expect(await submit(createBlock(bad, params, { salt: 2 }))).toBe('bad-prevblk')
  })

  it('fills in the witness of the coinbase that miners leave out', async () => {
    const node = await createRegtestNode({ params: { coinbaseMaturityBlocks: 1 } })
    const placed = await createWitnessBlock(node)
    const stripped = withoutCoinbaseWitness(placed.block)
    expect(encodeHex(encodeBlock(stripped))).not.toBe(hexOf(placed))
    expect(await node.call('submitblock', encodeHex(encodeBlock(stripped)))).toBeNull()
    expect(await node.call('getblock', node.chain.tip.hashHex, 0)).toBe(hexOf(placed))
  })

  it('says why it refuses a block', async () => {
    const node = await createRegtestNode()
    const { params } = node.chain
    const genesis = placeGenesis(params)
    const submit = (placed: PlacedBlock) => node.call('submitblock', hexOf(placed))
    expect(await node.refusal('submitblock', 'xyz')).toBe('-22 Block decode failed')
    expect(await node.refusal('submitblock', '00')).toBe('-22 Block decode failed')
    const bad = createBlock(genesis, params, { fees: 1n })
    expect(await submit(bad)).toBe('bad-cb-amount')
    expect(await submit(bad)).toBe('duplicate-invalid')
    expect(await submit(createBlock(bad, params))).toBe('bad-prevblk')
    const parent = createBlock(genesis, params, { salt: 9 })
    expect(await submit(createBlock(parent, params))).toBe('prev-blk-not-found')
    expect(await submit(createBlock(genesis, params, { time: 1 }))).toBe('time-too-old')
    expect(await submit(unsolve(createBlock(genesis, params, { salt: 8 })))).toBe('high-hash')
    expect(await submit({ ...bad, block: { ...bad.block, transactions: [] } })).toBe(
      'duplicate-invalid',
    )
  })
})

describe('generatetoaddress', () => {
  it('mines to an address and names the blocks', async () => {
    const node = await createRegtestNode()
    const address = wallet.address('p2wpkh')
    const hashes = await node.call('generatetoaddress', 3, address)
    expect(hashes).toHaveLength(3)
    expect(await node.call('getbestblockhash')).toBe(hashes[2])
    expect(await node.call('getblockhash', 1)).toBe(hashes[0])
    const { tx } = await node.call('getblock', hashes[0], 2)
    expect(tx[0].vout[0]).toMatchObject({ value: 50, scriptPubKey: { address } })
  })

  it('gives up when the tries run out', async () => {
    const node = await createRegtestNode()
    const address = wallet.address('p2wpkh')
    expect(await node.call('generatetoaddress', 3, address, 0)).toEqual([])
    expect(await node.call('generatetoaddress', 0, address)).toEqual([])
    expect(await node.call('getblockcount')).toBe(0)
  })

  it.each(['', 'bcrt1qqqq'])('refuses the address %j', async (address) => {
    const node = await createRegtestNode()
    expect(await node.refusal('generatetoaddress', 1, address)).toBe('-5 Error: Invalid address')
  })

  it("says which network's address it is given, wherever it takes one", async () => {
    const node = await createRegtestNode()
    const address = 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx'
    const reason = '(it is an address of testnet or signet: it begins with tb1 instead of bcrt1)'
    const refusals = [
      await node.refusal('generatetoaddress', 1, address),
      await node.refusal('generateblock', address, []),
      await node.refusal('generatetodescriptor', 1, `addr(${address})`),
      await node.refusal('createrawtransaction', [], [{ [address]: 1 }]),
    ]
    expect(refusals).toEqual([
      `-5 Error: Invalid address ${reason}`,
      `-5 Error: Invalid address or descriptor ${reason}`,
      `-5 Address is not valid ${reason}`,
      `-5 Invalid Bitcoin address: ${address} ${reason}`,
    ])
  })
})

describe('getmininginfo', () => {
  it('tells how hard the next block is, and nothing of a miner that is off', async () => {
    const node = await createRegtestNode()
    await node.mine(1, wallet.script('p2wpkh'))
    const bits = {
      bits: '207fffff',
      difficulty: 4.656542373906925e-10,
      target: '7fffff0000000000000000000000000000000000000000000000000000000000',
    }
    expect(await node.call('getmininginfo')).toEqual({
      blocks: 1,
      ...bits,
      networkhashps: await node.call('getnetworkhashps'),
      pooledtx: 0,
      currentblockweight: 8_000,
      currentblocktx: 0,
      blockmintxfee: 0.00000001,
      chain: 'regtest',
      next: { height: 2, ...bits },
      warnings: [],
      quarry_hashps: 0,
      quarry_threads: 0,
      quarry_blocks_found: 0,
      quarry_stale: 0,
    })
  })

  it('tells what the local miner does', async () => {
    const stats = {
      hashesPerSecond: { second: 1_234_567.5, minute: 1_000_000, quarterHour: 900_000 },
      hashes: 1e9,
      threads: 2,
      throttle: 1,
      isPaused: false,
      isDegraded: false,
      workers: [],
      bestDifficulty: 0.5,
      blocksFound: 7,
      staleSolutions: 1,
      duplicateSolutions: 0,
      invalidSolutions: 0,
    }
    const node = await createRegtestNode({
      context: {
        mining: {
          getTemplate: () => {
            throw new RangeError('not asked for')
          },
          lastTemplate: undefined,
          generate: async () => [],
          autoThreads: 1,
          maxThreads: 8,
          miner: () => ({
            stats,
            currentWork: undefined,
            pacedUntil: undefined,
            configure: () => undefined,
          }),
          createCandidate: () => {
            throw new RangeError('not asked for')
          },
          solve: async () => undefined,
        },
      },
    })
    expect(await node.call('getmininginfo')).toMatchObject({
      quarry_hashps: 1_234_567.5,
      quarry_threads: 2,
      quarry_blocks_found: 7,
      quarry_stale: 1,
    })
  })
})
