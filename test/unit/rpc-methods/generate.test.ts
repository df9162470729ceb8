import { beforeEach, describe, expect, it } from 'vitest'
import { ReferenceHashEngine, TemplateCache } from '../../../src/mining/index.ts'
import { NodeMiningControl } from '../../../src/node/mining-control.ts'
import { createChainSource, createTxSource } from '../../../src/node/sources.ts'
import { systemClock, systemRandom } from '../../../src/platform/system.ts'
import {
  computeTxid,
  decodeBlock,
  encodeHeader,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { withDescriptorChecksum } from '../../../src/script/index.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'
import {
  createBlock,
  createBlocks,
  OP_TRUE_SCRIPT,
  placeGenesis,
} from '../../support/chain-generator.ts'
import { silentLog } from '../../support/memory-chain.ts'
import { spendOpen } from '../../support/open-spends.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const wallet = new TestWallet('generate')
const ADDRESS = wallet.address('p2wpkh')

let node: RegtestNode
beforeEach(async () => {
  node = await createRegtestNode({
    params: { coinbaseMaturityBlocks: 1 },
    policy: { requiresStandard: false },
  })
})

async function tipCoinbase(): Promise<Transaction> {
  const block = await node.chain.readBlock(node.chain.tip.hash)
  return block?.transactions[0] as Transaction
}

describe('generatetodescriptor', () => {
  it.each([
    { descriptor: 'raw(51)', script: OP_TRUE_SCRIPT },
    { descriptor: withDescriptorChecksum('raw(51)'), script: OP_TRUE_SCRIPT },
    { descriptor: `addr(${ADDRESS})`, script: wallet.script('p2wpkh') },
  ])('pays $descriptor', async ({ descriptor, script }) => {
    expect(await node.call('generatetodescriptor', 2, descriptor)).toHaveLength(2)
    expect((await tipCoinbase()).outputs[0]?.scriptPubKey).toEqual(script)
  })

  it.each([
    {
      descriptor: 'wpkh(00)',
      refusal: "-5 'wpkh(00)' is not a valid descriptor: only raw() and addr() are known",
    },
    { descriptor: 'raw(zz)', refusal: '-5 Raw script is not hex' },
    { descriptor: 'addr(nobody)', refusal: '-5 Address is not valid' },
    {
      descriptor: 'raw(51)#qqqqqqqq',
      refusal: '-5 Provided checksum does not match the descriptor',
    },
    {
      descriptor: `raw(${'51'.repeat(2_000)})`,
      refusal:
        '-8 The payees of mined coins are not usable: their scripts have more than 1200 bytes.',
    },
  ])('refuses $descriptor', async ({ descriptor, refusal }) => {
    expect(await node.refusal('generatetodescriptor', 1, descriptor)).toBe(refusal)
  })
})

describe('generateblock', () => {
  it('mines just what it is given, in that order', async () => {
    await node.mine(3, OP_TRUE_SCRIPT)
    const coinbase = (
      await node.chain.readBlock((node.chain.getActiveEntry(1) ?? node.chain.tip).hash)
    )?.transactions[0] as Transaction
    const parent = spendOpen([{ tx: coinbase, vout: 0 }], 1_000n)
    const child = spendOpen([{ tx: parent, vout: 0 }], 1_000n)
    const other = spendOpen([{ tx: child, vout: 0 }], 1_000n)
    for (const tx of [parent, child, other]) {
      await node.call('sendrawtransaction', encodeHex(encodeTransaction(tx)))
    }
    const waiting = toDisplayHex(computeTxid(parent))
    const { hash } = await node.call('generateblock', ADDRESS, [
      waiting,
      encodeHex(encodeTransaction(child)),
    ])
    expect(await node.call('getbestblockhash')).toBe(hash)
    const { tx } = await node.call('getblock', hash)
    expect(tx.slice(1)).toEqual([parent, child].map((each) => toDisplayHex(computeTxid(each))))
    expect(await node.call('getrawmempool')).toEqual([toDisplayHex(computeTxid(other))])
    expect((await tipCoinbase()).outputs[0]?.value).toBe(5_000_000_000n)
  })

  it('gives the block back if it is not to be submitted', async () => {
    const { hash, hex } = await node.call('generateblock', 'raw(51)', [], false)
    expect(node.chain.headerCount).toBe(1)
    expect(decodeBlock(decodeHex(hex)).transactions).toHaveLength(1)
    expect(await node.call('submitblock', hex)).toBeNull()
    expect(await node.call('getbestblockhash')).toBe(hash)
  })

  it('says what is wrong with it', async () => {
    await node.mine(1, OP_TRUE_SCRIPT)
    const coinbase = await tipCoinbase()
    const orphan = spendOpen([{ tx: spendOpen([{ tx: coinbase, vout: 0 }], 1n), vout: 0 }], 1n)
    const refusal = (...args: readonly unknown[]) => node.refusal('generateblock', ...args)
    const id = 'ab'.repeat(32)
    expect(await refusal(ADDRESS, [encodeHex(encodeTransaction(orphan))])).toBe(
      '-25 TestBlockValidity failed: bad-txns-inputs-missingorspent',
    )
    expect(await refusal(ADDRESS, [id])).toBe(`-5 Transaction ${id} not in mempool.`)
    expect(await refusal(ADDRESS, ['00'])).toBe(
      '-22 Transaction decode failed for 00. Make sure the tx has at least one input.',
    )
    expect(await refusal('nobody', [])).toBe('-5 Error: Invalid address or descriptor')
    expect(await node.call('getblockcount')).toBe(1)
  })
})

describe('a search that nobody waits for any more', () => {
  /** Mines with a target that is never met. */
  function createEndless() {
    const { chain, mempool } = node
    const real = createChainSource(chain, systemClock)
    const source = { nextBlock: () => ({ ...real.nextBlock(), bits: 0x0300_0001 }) }
    const transactions = createTxSource(mempool)
    return new NodeMiningControl({
      clockWatch: { requireTimely: () => undefined },
      chain: source,
      templates: new TemplateCache(
        { chain: source, transactions, clock: systemClock, log: silentLog },
        chain.params,
      ),
      params: chain.params,
      submit: async () => undefined,
      loadHashEngine: async () => new ReferenceHashEngine(),
      miner: () => undefined,
      autoThreads: 1,
      maxThreads: 8,
      clock: systemClock,
      random: systemRandom,
      tag: '/test/',
    })
  }
  const request = { payoutScript: OP_TRUE_SCRIPT, blockCount: 5, maxTries: Number.MAX_SAFE_INTEGER }

  it('ends with the signal, the next in turn too', async () => {
    const mining = createEndless()
    const controllers = [new AbortController(), new AbortController()]
    const runs = controllers.map(({ signal }) => mining.generate({ ...request, signal }))
    for (const controller of controllers) controller.abort()
    expect(await Promise.all(runs)).toEqual([[], []])
  })

  it('ends with the node', async () => {
    const mining = createEndless()
    const run = mining.generate({ ...request, signal: undefined })
    const candidate = mining.createCandidate(OP_TRUE_SCRIPT, [])
    const solving = mining.solve(candidate, Number.MAX_SAFE_INTEGER, undefined)
    mining.stop()
    expect(await run).toEqual([])
    expect(await solving).toBeUndefined()
  })

  it('of a single block ends when the tip moves', async () => {
    const mining = createEndless()
    const solving = mining.solve(
      mining.createCandidate(OP_TRUE_SCRIPT, []),
      Number.MAX_SAFE_INTEGER,
      undefined,
    )
    await node.mine(1, OP_TRUE_SCRIPT)
    expect(await solving).toBeUndefined()
  })
})

describe('submitheader', () => {
  it('takes a header whose parent is known, and says what is wrong with others', async () => {
    const { params } = node.chain
    const genesis = placeGenesis(params)
    const [first, second] = createBlocks(genesis, params, 2)
    if (first === undefined || second === undefined) throw new RangeError('no blocks')
    const submit = ({ block: { header } }: typeof first) =>
      node.call('submitheader', encodeHex(encodeHeader(header)))
    await expect(submit(second)).rejects.toThrow(
      `Must submit previous header (${toDisplayHex(first.hash)}) first`,
    )
    expect(await submit(first)).toBeNull()
    expect(await submit(second)).toBeNull()
    expect(await submit(second)).toBeNull()
    expect((await node.call('getblockchaininfo')).headers).toBe(2)
    expect(await node.call('getblockcount')).toBe(0)
    await expect(submit(createBlock(genesis, params, { time: 1 }))).rejects.toThrow('time-too-old')
    expect(await node.refusal('submitheader', '00')).toBe('-22 Block header decode failed')
    expect(
      await node
        .call('submitblock', encodeHex(new Uint8Array(0)))
        .catch((error: Error) => error.message),
    ).toBe('Block decode failed')
  })
})
