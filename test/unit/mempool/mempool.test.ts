import { beforeEach, describe, expect, it } from 'vitest'
import { type Chain, createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool, MissingInputsError } from '../../../src/mempool/index.ts'
import { computeTxid, type Transaction, toDisplayHex } from '../../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import { createFixedClock, openMemoryChain, silentLog } from '../../support/memory-chain.ts'
import { TestWallet } from '../../support/wallet.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 2 }
const genesis = placeGenesis(params)
const wallet = new TestWallet('mempool')
const payoutScript = wallet.script('p2wpkh')
const ROOM = { maxWeight: 3_900_000, maxSigopsCost: 80_000 }

let chain: Chain
let mempool: Mempool
let base: readonly PlacedBlock[]

beforeEach(async () => {
  const clock = createFixedClock(genesis.block.header.time + 100_000)
  chain = await openMemoryChain(params, clock)
  mempool = new Mempool({
    chain,
    signatures: nobleSignatureEngine,
    scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
    clock,
    log: silentLog,
  })
  base = createBlocks(genesis, params, 6, { payoutScript })
  for (const { block } of base) await chain.acceptBlock(block)
})

function coinbaseOf(index: number): Transaction {
  const tx = base[index]?.block.transactions[0]
  if (tx === undefined) throw new RangeError('no such block')
  return tx
}

function spend(from: Transaction, fee: bigint): Transaction {
  const value = (from.outputs[0]?.value ?? 0n) - fee
  return wallet.spend(from, 0, 'p2wpkh', payoutScript, value)
}

function idOf(tx: Transaction): string {
  return toDisplayHex(computeTxid(tx))
}

async function refusal(tx: Transaction): Promise<string | undefined> {
  try {
    await mempool.accept(tx)
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Waits for what the mempool does after a reorganisation. */
async function settled(): Promise<void> {
  await refusal(spend(coinbaseOf(5), 1n))
}

/** What is told of transactions that come and go: `added <txid>`, `block <txid>` … */
function listen(): string[] {
  const told: string[] = []
  mempool.events.on('entered', ({ txid }) => told.push(`added ${txid}`))
  mempool.events.on('removed', ({ txid, reason }) => told.push(`${reason} ${txid}`))
  return told
}

describe('Mempool', () => {
  it('takes a valid spend once, and not what conflicts with it', async () => {
    const tx = spend(coinbaseOf(0), 1_000n)
    expect(await refusal(tx)).toBeUndefined()
    expect(await refusal(tx)).toBe('txn-already-in-mempool')
    expect(await refusal(spend(coinbaseOf(0), 900n))).toBe('insufficient fee')
    expect([...mempool.entries()].map(({ txid, fee }) => [txid, fee])).toEqual([[idOf(tx), 1_000n]])
  })

  it.each([
    {
      name: 'a fee of nothing',
      make: () => spend(coinbaseOf(0), 0n),
      code: 'min relay fee not met',
    },
    {
      name: 'an immature coinbase',
      make: () => spend(coinbaseOf(5), 1_000n),
      code: 'bad-txns-premature-spend-of-coinbase',
    },
    {
      name: 'an unknown output',
      make: () => spend(spend(coinbaseOf(0), 1_000n), 1_000n),
      code: 'missing-inputs',
    },
    {
      name: 'an output that a waiting transaction does not have',
      make: () => {
        const tx = spend(coinbaseOf(0), 1_000n)
        const prevout = { txid: computeTxid(tx), vout: 7 }
        return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, prevout })) }
      },
      code: 'missing-inputs',
    },
    { name: 'a coinbase', make: () => coinbaseOf(0), code: 'coinbase' },
    {
      name: 'more out than in',
      make: () => {
        const tx = spend(coinbaseOf(0), 1_000n)
        const outputs = tx.outputs.map((output) => ({ ...output, value: 5_000_000_001n }))
        return { ...tx, outputs }
      },
      code: 'bad-txns-in-belowout',
    },
    {
      name: 'a lock time that has not come',
      make: () => ({
        ...wallet.spend(coinbaseOf(0), 0, 'p2wpkh', payoutScript, 1n, 0),
        lockTime: 1_000,
      }),
      code: 'non-final',
    },
    {
      name: 'a signature of something else',
      make: () => ({ ...spend(coinbaseOf(0), 1_000n), version: 1 }),
      code: 'mempool-script-verify-flag-failed',
    },
  ])('refuses $name', async ({ make, code }) => {
    expect(await refusal(make())).toBe(code)
    expect(mempool.size).toBe(0)
  })

  it('chooses by fee rate, parents before children', async () => {
    const poor = spend(coinbaseOf(0), 200n)
    const child = spend(poor, 100_000n)
    const middle = spend(coinbaseOf(1), 10_000n)
    for (const tx of [poor, middle, child]) expect(await refusal(tx)).toBeUndefined()
    const chosen = mempool.select(ROOM).transactions.map(({ txid }) => txid)
    expect(chosen).toEqual([idOf(poor), idOf(child), idOf(middle)])
    const small = mempool.select({ ...ROOM, maxWeight: 500 }).transactions
    expect(small.map(({ txid }) => txid)).toEqual([idOf(middle)])
  })

  it('lets go of what is mined, and of what a block contradicts', async () => {
    const mined = spend(coinbaseOf(0), 1_000n)
    const contradicted = spend(coinbaseOf(1), 1_000n)
    const child = spend(contradicted, 1_000n)
    for (const tx of [mined, contradicted, child]) expect(await refusal(tx)).toBeUndefined()
    const rival = spend(coinbaseOf(1), 5_000n)
    const told = listen()
    const block = createBlock(base[5] as PlacedBlock, params, { transactions: [mined, rival] })
    await chain.acceptBlock(block.block)
    expect(told).toEqual([
      `block ${idOf(mined)}`,
      `conflict ${idOf(child)}`,
      `conflict ${idOf(contradicted)}`,
    ])
    expect(chain.tip.height).toBe(7)
    expect(mempool.size).toBe(0)
    expect(mempool.usage).toBe(0)
  })

  it('tells what was replaced before what replaces it', async () => {
    const first = spend(coinbaseOf(0), 1_000n)
    const second = spend(coinbaseOf(0), 9_000n)
    const told = listen()
    for (const tx of [first, second]) expect(await refusal(tx)).toBeUndefined()
    expect(told).toEqual([
      `added ${idOf(first)}`,
      `replaced ${idOf(first)}`,
      `added ${idOf(second)}`,
    ])
  })

  it('takes back what a reorganisation unconfirms, and drops what it makes invalid', async () => {
    const kept = spend(coinbaseOf(0), 1_000n)
    const ofLostCoinbase = spend(coinbaseOf(3), 1_000n)
    const mined = createBlock(base[5] as PlacedBlock, params, { transactions: [kept] })
    await chain.acceptBlock(mined.block)
    expect(await refusal(ofLostCoinbase)).toBeUndefined()
    const staying = spend(coinbaseOf(1), 1_000n)
    const minedNext = spend(coinbaseOf(2), 1_000n)
    for (const tx of [staying, minedNext]) expect(await refusal(tx)).toBeUndefined()
    const told = listen()
    // A branch that leaves after block 3: block 4 with its coinbase is gone.
    const branch = createBlocks(base[2] as PlacedBlock, params, 5, { salt: 1 })
    const last = createBlock(branch[3] as PlacedBlock, params, { transactions: [minedNext] })
    for (const { block } of [...branch.slice(0, 4), last]) await chain.acceptBlock(block)
    expect(chain.tip.height).toBe(8)
    await settled()
    expect([...mempool.entries()].map(({ txid }) => txid)).toEqual([idOf(kept), idOf(staying)])
    // What waited before and still does is no news.
    expect(told).toEqual([
      `block ${idOf(minedNext)}`,
      `added ${idOf(kept)}`,
      `reorg ${idOf(ofLostCoinbase)}`,
    ])
  })

  it('names the transactions that are missing, each once and none that wait', async () => {
    const here = spend(coinbaseOf(0), 1_000n)
    await mempool.accept(here)
    const missing = [spend(coinbaseOf(1), 1_000n), spend(coinbaseOf(2), 1_000n)]
    const prevouts = [here, ...missing, ...missing].map((from, vout) => {
      return { txid: computeTxid(from), vout: from === here ? 0 : vout }
    })
    const [input] = here.inputs
    const tx = { ...here, inputs: prevouts.map((prevout) => ({ ...input, prevout })) }
    const error = await mempool.accept(tx as Transaction).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(MissingInputsError)
    expect((error as MissingInputsError).parents).toEqual(missing.map(idOf))
  })

  it('lets others have a turn in a long run', async () => {
    let nowMs = 0
    const clock = {
      now: () => (genesis.block.header.time + 100_000) * 1_000,
      // Each look at it takes long.
      monotonic: () => (nowMs += 15),
      schedule: (_: number, action: () => void) => {
        const handle = setImmediate(action)
        return { cancel: () => clearImmediate(handle) }
      },
    }
    const checker = createInlineScriptChecker(nobleSignatureEngine)
    const deps = { signatures: nobleSignatureEngine, scriptChecker: checker, log: silentLog }
    const busy = new Mempool({ ...deps, chain, clock })
    let turns = 0
    let isDone = false
    const count = (): void => {
      turns += 1
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    const chained: Transaction[] = [spend(coinbaseOf(0), 1_000n)]
    for (let length = 1; length < 10; length++) {
      chained.push(spend(chained.at(-1) as Transaction, 1_000n))
    }
    await Promise.all(chained.map((tx) => busy.accept(tx)))
    expect(busy.size).toBe(10)
    expect(turns).toBeGreaterThanOrEqual(4)
    // So it is when all of them are judged anew after a reorganisation.
    for (const { block } of createBlocks(base[4] as PlacedBlock, params, 2, { salt: 1 })) {
      await chain.acceptBlock(block)
    }
    turns = 0
    const unrelated = spend(coinbaseOf(1), 1_000n)
    await busy.accept(unrelated)
    isDone = true
    expect(busy.size).toBe(11)
    expect(turns).toBeGreaterThanOrEqual(4)
  })
})
