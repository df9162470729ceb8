/** Templates are valid whatever the mempool has been through, and pay about as much as any block could. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Chain, createInlineScriptChecker } from '../../src/chain/index.ts'
import { computeSubsidy, createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import { Mempool, type MempoolEntry } from '../../src/mempool/index.ts'
import { WaitingTransaction } from '../../src/mempool/mempool-entry.ts'
import { selectTransactions } from '../../src/mempool/select-transactions.ts'
import { WaitingTransactions } from '../../src/mempool/waiting-transactions.ts'
import {
  type BlockTemplate,
  createBlockTemplate,
  createCandidate,
  payAllTo,
} from '../../src/mining/index.ts'
import { createChainSource, createTxSource } from '../../src/node/sources.ts'
import { computeTxid, type Transaction, toDisplayHex } from '../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../src/script/index.ts'
import {
  createBlock,
  createBlocks,
  OP_TRUE_SCRIPT,
  type PlacedBlock,
  placeGenesis,
} from '../support/chain-generator.ts'
import { createFixedClock, openMemoryChain, silentLog } from '../support/memory-chain.ts'
import { createBallast, type OpenOutput, spendOpen } from '../support/open-spends.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const BASE_BLOCKS = createBlocks(genesis, params, 12)

interface Scene {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly template: () => BlockTemplate
  /** Everything that was ever spendable: some of it no longer is. */
  readonly outputs: OpenOutput[]
  tip: PlacedBlock
  /** Makes each block another than all before it. */
  salt: number
}

async function createScene(): Promise<Scene> {
  const clock = createFixedClock(genesis.block.header.time + 100_000)
  const chain = await openMemoryChain(params, clock)
  const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
  const signatures = nobleSignatureEngine
  const mempool = new Mempool(
    { chain, signatures, scriptChecker, clock, log: silentLog },
    { requiresStandard: false },
  )
  for (const { block } of BASE_BLOCKS) await chain.acceptBlock(block)
  const source = createChainSource(chain, clock)
  const outputs = BASE_BLOCKS.slice(0, -1).flatMap(({ block: { transactions } }) =>
    transactions.map((tx) => ({ tx, vout: 0 })),
  )
  const tip = BASE_BLOCKS.at(-1) ?? genesis
  const transactions = createTxSource(mempool)
  const template = () => createBlockTemplate(source.nextBlock(), transactions, params)
  return { chain, mempool, template, outputs, tip, salt: 0 }
}

type Step =
  | {
      readonly kind: 'spend'
      readonly from: number[]
      readonly fee: number
      readonly count: number
    }
  | { readonly kind: 'prioritise'; readonly which: number; readonly delta: number }
  | { readonly kind: 'mine'; readonly share: number }
  | { readonly kind: 'contradict'; readonly which: number }
  | { readonly kind: 'step back' }

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('spend' as const),
      from: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
      fee: fc.integer({ min: 50, max: 100_000 }),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('prioritise' as const),
      which: fc.nat(),
      delta: fc.integer({ min: -200_000, max: 200_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('mine' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('contradict' as const), which: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'step back' as const }) },
)

async function acceptOrNot(scene: Scene, tx: Transaction): Promise<void> {
  try {
    await scene.mempool.accept(tx)
    for (const vout of tx.outputs.keys()) scene.outputs.push({ tx, vout })
  } catch (error) {
    // Spent already, or too long a chain: that is what random steps do.
    expect(error).toHaveProperty('code')
  }
}

async function connect(scene: Scene, transactions: readonly Transaction[]): Promise<void> {
  scene.salt += 1
  const placed = createBlock(scene.tip, params, { transactions, salt: scene.salt })
  await scene.chain.acceptBlock(placed.block)
  if (scene.chain.tip.hashHex === toDisplayHex(placed.hash)) scene.tip = placed
}

async function stepBack(scene: Scene): Promise<void> {
  const { chain } = scene
  const { prev } = chain.tip
  if (prev === undefined || prev.height < BASE_BLOCKS.length) return
  await chain.invalidateBlock(chain.tip)
  const block = await chain.readBlock(prev.hash)
  if (block !== undefined) scene.tip = { block, hash: prev.hash, height: prev.height }
  // Its turn comes after all that is judged anew.
  await acceptOrNot(
    scene,
    spendOpen([{ tx: genesis.block.transactions[0] as Transaction, vout: 0 }], 1n),
  )
}

async function takeStep(scene: Scene, step: Step): Promise<void> {
  const { mempool, outputs } = scene
  const waiting = [...mempool.entries()]
  switch (step.kind) {
    case 'spend': {
      const from = [...new Set(step.from.map((at) => outputs[at % outputs.length] as OpenOutput))]
      await acceptOrNot(scene, spendOpen(from, BigInt(step.fee), step.count))
      return
    }
    case 'prioritise': {
      const entry = waiting[step.which % Math.max(1, waiting.length)]
      if (entry !== undefined) mempool.prioritise(entry.txid, BigInt(step.delta))
      return
    }
    case 'mine': {
      const count = Math.floor(step.share * waiting.length)
      await connect(
        scene,
        waiting.slice(0, count).map(({ tx }) => tx),
      )
      return
    }
    case 'contradict': {
      const entry = waiting[step.which % Math.max(1, waiting.length)]
      const isConfirmed = entry !== undefined && entry.parents.size === 0
      if (!isConfirmed) return
      const spent = entry.tx.inputs.map(({ prevout }) =>
        outputs.find(
          ({ tx, vout }) =>
            toDisplayHex(computeTxid(tx)) === toDisplayHex(prevout.txid) && vout === prevout.vout,
        ),
      )
      const from = spent.filter((output) => output !== undefined)
      await connect(scene, [spendOpen(from, 7n)])
      return
    }
    case 'step back':
      await stepBack(scene)
  }
}

function reach(entry: MempoolEntry, kind: 'parents' | 'children', into = new Set<MempoolEntry>()) {
  if (into.has(entry)) return into
  into.add(entry)
  for (const next of entry[kind]) reach(next, kind, into)
  return into
}

function sumUp(entries: Iterable<MempoolEntry>) {
  const sums = { count: 0, virtualSize: 0, weight: 0, sigopsCost: 0, fee: 0n, modifiedFee: 0n }
  for (const entry of entries) {
    sums.count += 1
    for (const key of ['virtualSize', 'weight', 'sigopsCost'] as const) sums[key] += entry[key]
    for (const key of ['fee', 'modifiedFee'] as const) sums[key] += entry[key]
  }
  return sums
}

function checkTotals({ mempool }: Scene): void {
  const deltas = new Map(mempool.feeDeltas())
  for (const entry of mempool.entries()) {
    expect(entry.modifiedFee).toBe(entry.fee + (deltas.get(entry.txid) ?? 0n))
    expect({ ...entry.ancestors }).toEqual(sumUp(reach(entry, 'parents')))
    expect({ ...entry.descendants }).toEqual(sumUp(reach(entry, 'children')))
    for (const relative of [...entry.parents, ...entry.children]) {
      expect(mempool.get(relative.txid)).toBe(relative)
    }
  }
}

async function checkTemplate(scene: Scene): Promise<void> {
  const template = scene.template()
  const seen = new Set<string>()
  for (const { tx } of template.transactions) {
    for (const { prevout } of tx.inputs) {
      const parent = toDisplayHex(prevout.txid)
      expect(scene.mempool.get(parent) === undefined || seen.has(parent)).toBe(true)
    }
    seen.add(toDisplayHex(computeTxid(tx)))
  }
  const fees = template.transactions.reduce((sum, { fee }) => sum + fee, 0n)
  expect(template.coinbaseValue).toBe(computeSubsidy(template.height, params) + fees)
  const block = createCandidate(template, payAllTo(OP_TRUE_SCRIPT), '/test/', new Uint8Array(8))
  expect(await scene.chain.checkCandidate(block)).toBe(true)
}

describe('templates from a mempool with a past', () => {
  it('are valid, parents before children; totals are those of a recount', async () => {
    let richest = 0
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryStep, { minLength: 10, maxLength: 60 }), async (steps) => {
        const scene = await createScene()
        for (const step of steps) {
          await takeStep(scene, step)
          checkTotals(scene)
        }
        await checkTemplate(scene)
        richest = Math.max(richest, scene.template().transactions.length)
      }),
      { numRuns: 40 },
    )
    expect(richest).toBeGreaterThan(5)
  })

  it('keep within the weight of a block', async () => {
    const scene = await createScene()
    for (const output of scene.outputs.slice(0, 11)) {
      await acceptOrNot(scene, spendOpen([output], 100_000n, 1, [createBallast(99_000)]))
    }
    expect(scene.mempool.size).toBe(11)
    expect(scene.template().transactions).toHaveLength(10)
    await checkTemplate(scene)
  })

  it('keep within the signature operations of a block', async () => {
    const scene = await createScene()
    const checksigs = { value: 0n, scriptPubKey: new Uint8Array(4_000).fill(0xac) }
    for (const output of scene.outputs.slice(0, 6)) {
      await acceptOrNot(scene, spendOpen([output], 100_000n, 1, [checksigs]))
    }
    expect(scene.mempool.size).toBe(6)
    expect(scene.template().transactions).toHaveLength(4)
    await checkTemplate(scene)
  })
})

interface Sketch {
  readonly fee: number
  readonly weight: number
  /** Of the transactions before it. */
  readonly parents: readonly number[]
}

/** Transactions that are nothing but their numbers. */
function createEntries(sketches: readonly Sketch[]) {
  const waiting = new WaitingTransactions()
  const entries: WaitingTransaction[] = []
  for (const [i, { fee, weight, parents }] of sketches.entries()) {
    const entry = new WaitingTransaction({
      tx: { version: 2, inputs: [], outputs: [], lockTime: i },
      txid: `${i}`,
      wtxid: `${i}`,
      fee: BigInt(fee),
      feeDelta: 0n,
      weight,
      virtualSize: Math.ceil(weight / 4),
      size: weight,
      sigopsCost: 0,
      parents: parents.map((at) => entries[at] as WaitingTransaction),
      height: 0,
      addedMs: 0,
    })
    waiting.add(entry)
    entries.push(entry)
  }
  return { waiting, entries }
}

/** The most that any choice pays that has all its ancestors and fits, by trying every one. */
function findOptimum(sketches: readonly Sketch[], maxWeight: number): number {
  let best = 0
  for (let choice = 0; choice < 2 ** sketches.length; choice++) {
    let fee = 0
    let weight = 0
    const isWhole = sketches.every((sketch, i) => {
      if (((choice >>> i) & 1) === 0) return true
      fee += sketch.fee
      weight += sketch.weight
      return sketch.parents.every((parent) => ((choice >>> parent) & 1) === 1)
    })
    if (isWhole && weight <= maxWeight && fee > best) best = fee
  }
  return best
}

function select(sketches: readonly Sketch[], maxWeight: number) {
  const { waiting, entries } = createEntries(sketches)
  const limits = { maxWeight, maxSigopsCost: 80_000, minFeeRate: 1n }
  const { transactions: chosen, fees } = selectTransactions(waiting.table, limits)
  return { entries, chosen, fee: Number(fees) }
}

const arbitraryNumbers = {
  fee: fc.integer({ min: 100, max: 10_000 }),
  weight: fc.integer({ min: 400, max: 4_000 }),
}
/** Loose transactions and chains: each has one parent at most, and no two have the same. */
const arbitraryChains = fc
  .array(fc.array(fc.record(arbitraryNumbers), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((chains) => {
    const sketches: Sketch[] = []
    for (const chain of chains) {
      for (const [i, numbers] of chain.entries()) {
        sketches.push({ ...numbers, parents: i === 0 ? [] : [sketches.length - 1] })
      }
    }
    return sketches.slice(0, 12)
  })
const arbitraryGraph = fc
  .array(fc.record({ ...arbitraryNumbers, picks: fc.array(fc.nat(), { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((nodes) =>
    nodes.map(({ picks, ...numbers }, i) => ({
      ...numbers,
      parents: i === 0 ? [] : [...new Set(picks.map((pick) => pick % i))],
    })),
  )
const arbitraryRoom = fc.integer({ min: 1_000, max: 20_000 })

describe('what a block pays', () => {
  it('of chains: at least the best there is, less one package that did not fit', () => {
    void fc.assert(
      fc.property(arbitraryChains, arbitraryRoom, (sketches, maxWeight) => {
        const { entries, fee } = select(sketches, maxWeight)
        const package_ = Math.max(...entries.map(({ ancestors }) => Number(ancestors.fee)))
        expect(fee).toBeGreaterThanOrEqual(findOptimum(sketches, maxWeight) - package_)
      }),
      { numRuns: 300 },
    )
  })

  it('of any graph: the bound that follows from how many need one transaction', () => {
    // Weights count once for each that needs them, so a package is underrated by that factor at most.
    void fc.assert(
      fc.property(arbitraryGraph, arbitraryRoom, (sketches, maxWeight) => {
        const { entries, fee } = select(sketches, maxWeight)
        const factor = Math.max(...entries.map(({ descendants }) => descendants.count))
        const package_ = Math.max(...entries.map(({ ancestors }) => Number(ancestors.fee)))
        const bound = (findOptimum(sketches, maxWeight) - factor * package_) / (1 + factor)
        expect(fee).toBeGreaterThanOrEqual(bound)
      }),
      { numRuns: 300 },
    )
  })

  it('of any graph: everything, if everything fits; and never a child without its parents', () => {
    void fc.assert(
      fc.property(arbitraryGraph, arbitraryRoom, (sketches, maxWeight) => {
        expect(select(sketches, 1_000_000).chosen).toHaveLength(sketches.length)
        const { chosen } = select(sketches, maxWeight)
        expect(chosen.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(maxWeight)
        const places = new Map(chosen.map((entry, place) => [entry, place]))
        for (const [entry, place] of places) {
          for (const parent of entry.parents) {
            expect(
              places.get(parent as WaitingTransaction) ?? Number.POSITIVE_INFINITY,
            ).toBeLessThan(place)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
