import { describe, expect, it } from 'vitest'
import {
  type BlockEntry,
  type Chain,
  createInlineScriptChecker,
  type TipEvent,
} from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool } from '../../../src/mempool/index.ts'
import { toDisplayHex } from '../../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import {
  createFixedClock,
  createMemoryDatabases,
  dumpState,
  openMemoryChain,
  silentLog,
} from '../../support/memory-chain.ts'
import { TestWallet } from '../../support/wallet.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
const wallet = new TestWallet('choose')

async function accept(chain: Chain, blocks: readonly PlacedBlock[]): Promise<void> {
  for (const { block } of blocks) await chain.acceptBlock(block)
}

/** The entry of a block that the chain must know. */
function entryOf(chain: Chain, placed: PlacedBlock | undefined): BlockEntry {
  const entry = placed === undefined ? undefined : chain.getEntry(toDisplayHex(placed.hash))
  if (entry === undefined) throw new RangeError('the chain does not know this block')
  return entry
}

/** The last of a run of blocks. */
function lastOf(blocks: readonly PlacedBlock[]): PlacedBlock {
  const last = blocks.at(-1)
  if (last === undefined) throw new RangeError('no blocks')
  return last
}

function grow(parent: PlacedBlock, count: number, salt = 0): readonly PlacedBlock[] {
  return createBlocks(parent, params, count, { salt })
}

/** What `getchaintips` would say: height and status. */
function tipsOf(chain: Chain): readonly string[] {
  return chain.getChainTips().map(({ entry, status }) => `${entry.height} ${status}`)
}

describe('Chain.invalidateBlock', () => {
  it('steps back to the parent and stays there', async () => {
    const chain = await openMemoryChain(params, clock)
    const blocks = grow(genesis, 4)
    await accept(chain, blocks)
    const told: TipEvent[] = []
    chain.events.on('tipChanged', (event) => told.push(event))
    await chain.invalidateBlock(entryOf(chain, blocks[2]))
    expect(chain.tip).toBe(entryOf(chain, blocks[1]))
    expect(chain.bestHeader).toBe(chain.tip)
    expect(tipsOf(chain)).toEqual(['4 invalid', '2 active'])
    expect(told.map(({ depth, forkPoint }) => [depth, forkPoint.height])).toEqual([[2, 2]])
    expect(chain.reorgCount).toBe(0)
    const [onInvalid] = grow(lastOf(blocks), 1)
    expect(() => chain.acceptHeader((onInvalid as PlacedBlock).block.header)).toThrow(
      expect.objectContaining({ code: 'bad-prevblk' }),
    )
  })

  it('leaves the coins as if the blocks had never come', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    const base = grow(genesis, 3)
    await accept(chain, base)
    const before = await dumpState(chain, databases)
    await accept(chain, grow(lastOf(base), 3))
    await chain.invalidateBlock(entryOf(chain, lastOf(base)))
    await chain.reconsiderBlock(entryOf(chain, lastOf(base)))
    expect(chain.tip.height).toBe(6)
    await chain.invalidateBlock(chain.getActiveEntry(4) as BlockEntry)
    expect(await dumpState(chain, databases)).toEqual(before)
  })

  it('goes to a branch that was overtaken long ago', async () => {
    const chain = await openMemoryChain(params, clock)
    const [main, side] = [grow(genesis, 5), grow(genesis, 3, 1)]
    await accept(chain, [...side, ...main])
    expect(tipsOf(chain)).toEqual(['5 active', '3 valid-fork'])
    await chain.invalidateBlock(entryOf(chain, main[1]))
    expect(chain.tip).toBe(entryOf(chain, lastOf(side)))
    expect(tipsOf(chain)).toEqual(['5 invalid', '3 active'])
  })

  it('keeps a side branch from ever becoming active', async () => {
    const chain = await openMemoryChain(params, clock)
    const [main, side] = [grow(genesis, 2), grow(genesis, 4, 1)]
    await accept(chain, [...main, ...side.slice(0, 2)])
    await chain.invalidateBlock(entryOf(chain, side[0]))
    expect(chain.tip).toBe(entryOf(chain, lastOf(main)))
    await expect(accept(chain, side.slice(2))).rejects.toMatchObject({ code: 'bad-prevblk' })
    expect(chain.tip).toBe(entryOf(chain, lastOf(main)))
  })

  it('does nothing to genesis', async () => {
    const chain = await openMemoryChain(params, clock)
    await accept(chain, grow(genesis, 2))
    await chain.invalidateBlock(chain.genesis)
    expect(chain.tip.height).toBe(2)
    expect(chain.genesis.isFailed).toBe(false)
  })

  it('outlasts a restart, and so does reconsidering', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    const [main, side] = [grow(genesis, 5), grow(genesis, 3, 1)]
    await accept(chain, [...side, ...main])
    await chain.invalidateBlock(entryOf(chain, main[1]))
    const second = await openMemoryChain(params, clock, databases)
    expect(second.tip).toBe(entryOf(second, lastOf(side)))
    expect(second.bestHeader).toBe(second.tip)
    expect(tipsOf(second)).toEqual(tipsOf(chain))
    await second.reconsiderBlock(entryOf(second, main[1]))
    expect(tipsOf(second)).toEqual(['5 active', '3 valid-fork'])
    const third = await openMemoryChain(params, clock, databases)
    expect(tipsOf(third)).toEqual(['5 active', '3 valid-fork'])
    expect(third.tip.isFailed).toBe(false)
  })

  it('takes its turn while blocks come in', async () => {
    const chain = await openMemoryChain(params, clock)
    const blocks = grow(genesis, 6)
    await accept(chain, blocks.slice(0, 3))
    const third = entryOf(chain, blocks[2])
    const [, ...taken] = await Promise.allSettled([
      chain.invalidateBlock(third),
      ...blocks.slice(3).map(({ block }) => chain.acceptBlock(block)),
    ])
    expect(chain.tip.height).toBe(2)
    expect(taken).toHaveLength(3)
    for (const end of chain.getChainTips()) expect(end.status).not.toBe('valid-headers')
    await chain.reconsiderBlock(third)
    expect(chain.tip.height).toBeGreaterThanOrEqual(3)
  })

  it('is not undone by a body that was being stored', async () => {
    const chain = await openMemoryChain(params, clock)
    const [first, second] = grow(genesis, 2) as [PlacedBlock, PlacedBlock]
    await accept(chain, [first])
    const storing = chain.acceptBlock(second.block)
    const invalidating = chain.invalidateBlock(entryOf(chain, second))
    await Promise.all([storing, invalidating])
    expect(chain.tip.height).toBe(1)
    expect(entryOf(chain, second).isFailed).toBe(true)
  })
})

describe('Chain.reconsiderBlock', () => {
  it('clears ancestors and descendants, but no cousins', async () => {
    const chain = await openMemoryChain(params, clock)
    const trunk = grow(genesis, 2)
    const [left, right] = [grow(lastOf(trunk), 3), grow(lastOf(trunk), 2, 1)]
    await accept(chain, [...trunk, ...left, ...right])
    await chain.invalidateBlock(entryOf(chain, trunk[0]))
    expect(chain.tip).toBe(chain.genesis)
    expect(tipsOf(chain)).toEqual(['5 invalid', '4 invalid', '0 active'])
    await chain.reconsiderBlock(entryOf(chain, right[0]))
    expect(chain.tip).toBe(entryOf(chain, lastOf(right)))
    expect(tipsOf(chain)).toEqual(['5 invalid', '4 active'])
  })

  it('prefers the branch that came first when it comes back as an equal', async () => {
    const chain = await openMemoryChain(params, clock)
    const [first, second] = [grow(genesis, 2), grow(genesis, 2, 1)]
    await accept(chain, [...first, ...second])
    await chain.invalidateBlock(entryOf(chain, first[1]))
    expect(chain.tip).toBe(entryOf(chain, second[1]))
    await chain.reconsiderBlock(entryOf(chain, first[1]))
    expect(chain.tip).toBe(entryOf(chain, first[1]))
  })

  it('finds again what really breaks a rule', async () => {
    const chain = await openMemoryChain(params, clock)
    const good = grow(genesis, 1)
    const bad = createBlock(lastOf(good), params, { fees: 1n })
    await accept(chain, [...good, bad])
    const failures: string[] = []
    chain.events.on('blockFailed', ({ error }) => failures.push(error.code))
    await chain.reconsiderBlock(entryOf(chain, bad))
    expect(failures).toEqual(['bad-cb-amount'])
    expect(tipsOf(chain)).toEqual(['2 invalid', '1 active'])
  })
})

describe('Chain.preciousBlock', () => {
  it('chooses among equals as often as asked, and the last wish wins', async () => {
    const chain = await openMemoryChain(params, clock)
    const branches = [grow(genesis, 2), grow(genesis, 2, 1), grow(genesis, 2, 2)]
    await accept(chain, branches.flat())
    const ends = branches.map((branch) => entryOf(chain, lastOf(branch)))
    for (const i of [1, 2, 0, 1, 1, 2]) {
      await chain.preciousBlock(ends[i] as BlockEntry)
      expect(chain.tip).toBe(ends[i])
    }
    expect(chain.reorgCount).toBe(5)
  })

  it('yields to more work, and does nothing for less', async () => {
    const chain = await openMemoryChain(params, clock)
    const [main, side] = [grow(genesis, 3), grow(genesis, 2, 1)]
    await accept(chain, [...main.slice(0, 2), ...side])
    await chain.preciousBlock(entryOf(chain, side[1]))
    await accept(chain, main)
    expect(chain.tip).toBe(entryOf(chain, lastOf(main)))
    await chain.preciousBlock(entryOf(chain, side[1]))
    expect(chain.tip).toBe(entryOf(chain, lastOf(main)))
  })

  it('does not bring a block back that was declared invalid', async () => {
    const chain = await openMemoryChain(params, clock)
    const [main, side] = [grow(genesis, 2), grow(genesis, 2, 1)]
    await accept(chain, [...main, ...side])
    await chain.invalidateBlock(entryOf(chain, side[1]))
    await chain.preciousBlock(entryOf(chain, side[1]))
    expect(chain.tip).toBe(entryOf(chain, main[1]))
    await chain.reconsiderBlock(entryOf(chain, side[1]))
    expect(chain.tip).toBe(entryOf(chain, side[1]))
  })

  it('leads to a tip that a restart keeps', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    const [main, side] = [grow(genesis, 2), grow(genesis, 2, 1)]
    await accept(chain, [...main, ...side])
    await chain.preciousBlock(entryOf(chain, side[1]))
    const again = await openMemoryChain(params, clock, databases)
    expect(again.tip).toBe(entryOf(again, side[1]))
    await again.preciousBlock(entryOf(again, main[1]))
    expect(again.tip).toBe(entryOf(again, main[1]))
  })
})

describe('a branch that proves invalid after blocks were disconnected for it', () => {
  it('costs the mempool nothing', async () => {
    const chain = await openMemoryChain(params, clock)
    const mempool = new Mempool({
      chain,
      signatures: nobleSignatureEngine,
      scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
      clock,
      log: silentLog,
    })
    const payoutScript = wallet.script('p2wpkh')
    const ours = createBlocks(genesis, params, 2, { payoutScript })
    await accept(chain, ours)
    const [coinbase] = (ours[0] as PlacedBlock).block.transactions
    if (coinbase === undefined) throw new RangeError('no coinbase')
    const spend = wallet.spend(coinbase, 0, 'p2wpkh', payoutScript, 4_999_000_000n)
    const { txid } = await mempool.accept(spend)
    const [good] = grow(genesis, 1, 1) as [PlacedBlock]
    const bad = createBlock(good, params, { fees: 1n })
    const told: TipEvent[] = []
    chain.events.on('tipChanged', (event) => told.push(event))
    await accept(chain, [good])
    chain.acceptHeaders([bad.block.header])
    const onBad = createBlock(bad, params)
    chain.acceptHeaders([onBad.block.header])
    await chain.acceptBlock(onBad.block)
    await chain.acceptBlock(bad.block)
    expect(chain.tip).toBe(entryOf(chain, ours[1]))
    expect(told.map(({ depth, tip, previous }) => [depth, tip === previous])).toEqual([[0, true]])
    expect(chain.reorgCount).toBe(0)
    await expect(mempool.accept(coinbase)).rejects.toMatchObject({ code: 'coinbase' })
    expect([...mempool.entries()].map((entry) => entry.txid)).toEqual([txid])
  })
})
