import { beforeEach, describe, expect, it } from 'vitest'
import type { Transaction } from '../../../src/primitives/index.ts'
import { createBlock, createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const wallet = new TestWallet('choose')
const payoutScript = wallet.script('p2wpkh')

/** Two branches of three and two blocks. */
interface Branches {
  readonly main: readonly string[]
  readonly side: readonly string[]
}

async function growBranches(node: RegtestNode): Promise<Branches> {
  const genesis = placeGenesis(node.chain.params)
  const hashes: string[][] = []
  for (const [salt, count] of [
    [0, 3],
    [1, 2],
  ] as const) {
    const branch: string[] = []
    for (const { block } of createBlocks(genesis, node.chain.params, count, { salt })) {
      branch.push((await node.chain.acceptBlock(block)).entry.hashHex)
    }
    hashes.push(branch)
  }
  const [main = [], side = []] = hashes
  return { main, side }
}

describe('choosing blocks', () => {
  let node: RegtestNode
  let main: readonly string[]
  let side: readonly string[]
  beforeEach(async () => {
    node = await createRegtestNode()
    ;({ main, side } = await growBranches(node))
  })

  it('invalidateblock leaves a block out, reconsiderblock takes it back', async () => {
    expect(await node.call('invalidateblock', main[1])).toBeNull()
    expect(await node.call('getbestblockhash')).toBe(side[1])
    const tips = await node.call('getchaintips')
    expect(tips.map(({ hash, status }: Record<string, unknown>) => [hash, status])).toEqual([
      [main[2], 'invalid'],
      [side[1], 'active'],
    ])
    expect(await node.call('reconsiderblock', main[2])).toBeNull()
    expect(await node.call('getbestblockhash')).toBe(main[2])
  })

  it('preciousblock decides between equals only', async () => {
    await node.call('invalidateblock', main[2])
    expect(await node.call('getbestblockhash')).toBe(main[1])
    expect(await node.call('preciousblock', side[1])).toBeNull()
    expect(await node.call('getbestblockhash')).toBe(side[1])
    await node.call('preciousblock', main[0])
    expect(await node.call('getbestblockhash')).toBe(side[1])
  })

  it('genesis is left alone', async () => {
    const genesis = await node.call('getblockhash', 0)
    expect(await node.call('invalidateblock', genesis)).toBeNull()
    expect(await node.call('getbestblockhash')).toBe(main[2])
  })

  it.each(['invalidateblock', 'reconsiderblock', 'preciousblock'])(
    '%s refuses what is no known block',
    async (method) => {
      expect(await node.refusal(method, '00'.repeat(32))).toBe('-5 Block not found')
      expect(await node.refusal(method, 'abc')).toBe(
        "-8 blockhash must be of length 64 (not 3, for 'abc')",
      )
      expect(await node.refusal(method)).toMatch(new RegExp(`^-1 ${method} "blockhash"\n`))
    },
  )
})

describe('transactions of a block that is left out', () => {
  let node: RegtestNode
  let coinbase: Transaction
  let blockHash: string
  beforeEach(async () => {
    node = await createRegtestNode({ params: { coinbaseMaturityBlocks: 1 } })
    const { params } = node.chain
    const [first] = createBlocks(placeGenesis(params), params, 1, { payoutScript })
    const paid = first?.block.transactions[0]
    if (first === undefined || paid === undefined) throw new RangeError('no coinbase')
    coinbase = paid
    const spend = wallet.spend(coinbase, 0, 'p2wpkh', payoutScript, 4_999_000_000n)
    const second = createBlock(first, params, { transactions: [spend], fees: 1_000_000n })
    await node.chain.acceptBlock(first.block)
    blockHash = (await node.chain.acceptBlock(second.block)).entry.hashHex
  })

  /** The mempool judges one after another: once it has refused this, it has judged what came back. */
  async function listMempool(): Promise<readonly string[]> {
    await expect(node.mempool.accept(coinbase)).rejects.toMatchObject({ code: 'coinbase' })
    return node.call('getrawmempool')
  }

  it('wait in the mempool, and leave it when the block is back', async () => {
    const { tx } = await node.call('getblock', blockHash)
    await node.call('invalidateblock', blockHash)
    expect(await listMempool()).toEqual([tx[1]])
    await node.call('reconsiderblock', blockHash)
    expect(await listMempool()).toEqual([])
    expect(await node.call('getbestblockhash')).toBe(blockHash)
  })
})
