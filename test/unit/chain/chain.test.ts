import { describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/index.ts'
import {
  ConsensusError,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import {
  type Block,
  computeTxid,
  encodeTransaction,
  SEQUENCE_FINAL,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
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
} from '../../support/memory-chain.ts'
import { TestWallet } from '../../support/wallet.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 3 }
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)

async function accept(chain: Chain, ...blocks: readonly PlacedBlock[]): Promise<void> {
  for (const { block } of blocks) await chain.acceptBlock(block)
}

function hexOf({ hash }: PlacedBlock): string {
  return toDisplayHex(hash)
}

/** Why a block is refused: what `acceptBlock` throws, or what connecting it finds. */
async function refusal(chain: Chain, block: Block): Promise<string | undefined> {
  try {
    const { outcome } = await chain.acceptBlock(block)
    return outcome instanceof ConsensusError ? outcome.code : undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

const wallet = new TestWallet('chain')
const payoutScript = wallet.script('p2wpkh')

/** Spends the only output of a block's coinbase. */
function spendCoinbase(from: PlacedBlock, value = 4_999_000_000n): Transaction {
  const [coinbase] = from.block.transactions
  if (coinbase === undefined) throw new RangeError('no coinbase')
  return wallet.spend(coinbase, 0, 'p2wpkh', payoutScript, value)
}

/** A transaction of 64 bytes that spends an output of a block's coinbase, which need not exist. */
function spendAnything({ block }: PlacedBlock, vout: number): Transaction {
  const [coinbase] = block.transactions as [Transaction]
  return {
    version: 2,
    inputs: [
      {
        prevout: { txid: computeTxid(coinbase), vout },
        scriptSig: new Uint8Array(0),
        sequence: SEQUENCE_FINAL,
        witness: [],
      },
    ],
    outputs: [{ value: 1n, scriptPubKey: new Uint8Array(4).fill(0x51) }],
    lockTime: 0,
  }
}

describe('Chain', () => {
  it('begins with genesis and follows a chain', async () => {
    const chain = await openMemoryChain(params, clock)
    const blocks = createBlocks(genesis, params, 3)
    await accept(chain, ...blocks)
    expect(chain.tip.height).toBe(3)
    expect(chain.tip.hashHex).toBe(blocks.at(-1) && hexOf(blocks.at(-1) as PlacedBlock))
    expect(chain.getChainTips()).toHaveLength(1)
  })

  it('keeps the first seen of two equal branches, and leaves it for more work', async () => {
    const chain = await openMemoryChain(params, clock)
    const ours = createBlocks(genesis, params, 2)
    const theirs = createBlocks(genesis, params, 3, { salt: 1 })
    const told: string[] = []
    chain.events.on('blockConnected', ({ entry }) => told.push(`+${entry.height}`))
    chain.events.on('blockDisconnected', ({ entry }) => told.push(`-${entry.height}`))
    await accept(chain, ...ours, ...theirs.slice(0, 2))
    expect(chain.tip.hashHex).toBe(hexOf(ours[1] as PlacedBlock))
    await accept(chain, theirs[2] as PlacedBlock)
    expect(chain.tip.hashHex).toBe(hexOf(theirs[2] as PlacedBlock))
    expect(told).toEqual(['+1', '+2', '-2', '-1', '+1', '+2', '+3'])
    expect(chain.reorgCount).toBe(1)
    expect(chain.getChainTips().map(({ status, branchLength }) => [status, branchLength])).toEqual([
      ['active', 0],
      ['valid-fork', 2],
    ])
  })

  it('takes blocks in any order once their headers are known', async () => {
    const chain = await openMemoryChain(params, clock)
    const [a, b, c] = createBlocks(genesis, params, 3) as [PlacedBlock, PlacedBlock, PlacedBlock]
    chain.acceptHeaders([a.block.header, b.block.header, c.block.header])
    await accept(chain, c, b)
    expect(chain.tip.height).toBe(0)
    await accept(chain, a)
    expect(chain.tip.height).toBe(3)
  })

  it('restores the coins byte for byte when a branch is left and come back to', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    const base = createBlocks(genesis, params, 5, { payoutScript })
    const spend = spendCoinbase(base[0] as PlacedBlock)
    const tip = createBlock(base[4] as PlacedBlock, params, {
      transactions: [spend],
      fees: 1_000_000n,
    })
    await accept(chain, ...base, tip)
    const before = await dumpState(chain, databases)
    const away = createBlocks(base[3] as PlacedBlock, params, 3, { salt: 7 })
    await accept(chain, ...away)
    expect(chain.tip.hashHex).toBe(hexOf(away[2] as PlacedBlock))
    expect(await dumpState(chain, databases)).not.toEqual(before)
    const back = createBlocks(tip, params, 2)
    await accept(chain, ...back)
    expect(chain.tip.hashHex).toBe(hexOf(back[1] as PlacedBlock))
    const straight = createMemoryDatabases()
    const other = await openMemoryChain(params, clock, straight)
    await accept(other, ...base, tip, ...back)
    expect(await dumpState(chain, databases)).toEqual(await dumpState(other, straight))
  })

  it('comes back as it was', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    const blocks = createBlocks(genesis, params, 4)
    const fork = createBlocks(genesis, params, 2, { salt: 1 })
    await accept(chain, ...blocks, ...fork)
    // As after a kill: nothing is closed, the databases are simply opened again.
    const again = await openMemoryChain(params, clock, databases)
    expect(again.tip.hashHex).toBe(chain.tip.hashHex)
    expect(again.getChainTips().map(({ entry }) => entry.hashHex)).toEqual(
      chain.getChainTips().map(({ entry }) => entry.hashHex),
    )
    await accept(again, ...createBlocks(fork[1] as PlacedBlock, params, 3, { salt: 1 }))
    expect(again.tip.height).toBe(5)
  })

  it('returns to the old branch when a block of the better one proves invalid', async () => {
    const chain = await openMemoryChain(params, clock)
    const ours = createBlocks(genesis, params, 2)
    await accept(chain, ...ours)
    const [good] = createBlocks(genesis, params, 1, { salt: 1 }) as [PlacedBlock]
    const bad = createBlock(good, params, { fees: 1n })
    const onBad = createBlock(bad, params)
    await accept(chain, good)
    chain.acceptHeaders([bad.block.header, onBad.block.header])
    await chain.acceptBlock(onBad.block)
    expect(await refusal(chain, bad.block)).toBe('bad-cb-amount')
    expect(chain.tip.hashHex).toBe(hexOf(ours[1] as PlacedBlock))
    expect(chain.getEntry(hexOf(onBad))?.isFailed).toBe(true)
    const after = createBlock(onBad, params)
    expect(await refusal(chain, after.block)).toBe('bad-prevblk')
  })

  it('says of each block under way how its own acceptance ended', async () => {
    const chain = await openMemoryChain(params, clock)
    const [best, next] = createBlocks(genesis, params, 2) as [PlacedBlock, PlacedBlock]
    const [sibling] = createBlocks(genesis, params, 1, { salt: 1 }) as [PlacedBlock]
    const greedy = createBlock(next, params, { fees: 1n })
    const onGreedy = createBlock(greedy, params)
    const spending = createBlock(next, params, { transactions: [spendAnything(next, 1)] })
    const blocks = [best, next, sibling, greedy, spending]
    const accepted = await Promise.all(blocks.map(({ block }) => chain.acceptBlock(block)))
    const outcomes = accepted.map(({ outcome }) =>
      outcome instanceof ConsensusError ? outcome.code : outcome,
    )
    expect(outcomes).toEqual([
      ...['connected', 'connected', 'stored'],
      ...['bad-cb-amount', 'bad-txns-inputs-missingorspent'],
    ])
    expect(accepted.map(({ entry }) => entry.hashHex)).toEqual(blocks.map(hexOf))
    expect(await refusal(chain, onGreedy.block)).toBe('bad-prevblk')
  })

  it('does not remember a body that does not fit its header against the good one', async () => {
    const chain = await openMemoryChain(params, clock)
    const [base] = createBlocks(genesis, params, 1) as [PlacedBlock]
    await accept(chain, base)
    const transactions = [0, 1].map((vout) => spendAnything(base, vout))
    const good = createBlock(base, params, { transactions })
    const [coinbase, one, two] = good.block.transactions as [Transaction, Transaction, Transaction]
    const swapped: Block = { ...good.block, transactions: [coinbase, two, one] }
    expect(await refusal(chain, swapped)).toBe('bad-txnmrklroot')
    // CVE-2012-2459: the same root from a doubled transaction.
    const doubled: Block = { ...good.block, transactions: [coinbase, one, two, two] }
    expect(await refusal(chain, doubled)).toBe('bad-txns-duplicate')
    expect(chain.getEntry(hexOf(good))?.isFailed).toBe(false)
  })

  it.each(['before', 'after', 'long after'])(
    'takes the good body, and not a spoilt one that comes %s it',
    async (when) => {
      const chain = await openMemoryChain(params, clock)
      const good = createBlock(genesis, params)
      const [coinbase] = good.block.transactions as [Transaction]
      const inputs = coinbase.inputs.map((input) => ({ ...input, witness: [new Uint8Array(32)] }))
      const spoilt: Block = { ...good.block, transactions: [{ ...coinbase, inputs }] }
      if (when === 'long after') await chain.acceptBlock(good.block)
      const bodies = when === 'before' ? [spoilt, good.block] : [good.block, spoilt]
      const outcomes = await Promise.allSettled(bodies.map((body) => chain.acceptBlock(body)))
      const refused = outcomes.flatMap((outcome, i) =>
        outcome.status === 'rejected' ? [[bodies[i] === spoilt, outcome.reason.code]] : [],
      )
      expect(refused).toEqual([[true, 'unexpected-witness']])
      expect(chain.tip.height).toBe(1)
      expect(await chain.readBlock(good.hash)).toEqual(good.block)
    },
  )

  it('does not hold a body of inner nodes of the merkle tree against its header', async () => {
    const chain = await openMemoryChain(params, clock)
    const innerNode = spendAnything(genesis, 0)
    expect(encodeTransaction(innerNode)).toHaveLength(64)
    const placed = (tx: Transaction): PlacedBlock =>
      createBlock(genesis, params, { changeCoinbase: () => tx })
    const ambiguous = placed(innerNode)
    expect(await refusal(chain, ambiguous.block)).toBe('bad-cb-missing')
    expect(chain.getEntry(hexOf(ambiguous))?.isFailed).toBe(false)
    // Of any other size it can be no other body's: the header is invalid for good.
    const plain = placed({
      ...innerNode,
      lockTime: 0,
      version: 1,
      outputs: [...innerNode.outputs, ...innerNode.outputs],
    })
    expect(await refusal(chain, plain.block)).toBe('bad-cb-missing')
    expect(chain.getEntry(hexOf(plain))?.isFailed).toBe(true)
  })

  it('takes a block that was too far ahead once its time has come', async () => {
    const late = createFixedClock(genesis.block.header.time)
    const chain = await openMemoryChain(params, late)
    const ahead = createBlock(genesis, params, { time: genesis.block.header.time + 7_201 })
    expect(await refusal(chain, ahead.block)).toBe('time-too-new')
    late.set(genesis.block.header.time + 1)
    expect(await refusal(chain, ahead.block)).toBeUndefined()
    expect(chain.tip.height).toBe(1)
  })

  it.each([
    { depth: 2, code: 'bad-txns-premature-spend-of-coinbase' },
    { depth: 3, code: undefined },
  ])('lets a coinbase be spent $depth blocks later: $code', async ({ depth, code }) => {
    const chain = await openMemoryChain(params, clock)
    const base = createBlocks(genesis, params, depth, { payoutScript })
    await accept(chain, ...base)
    const spend = spendCoinbase(base[0] as PlacedBlock)
    const block = createBlock(base[depth - 1] as PlacedBlock, params, { transactions: [spend] })
    expect(await refusal(chain, block.block)).toBe(code)
  })
})
