import { beforeEach, describe, expect, it } from 'vitest'
import type { ChainView, MempoolEvents } from '../../../src/mempool/index.ts'
import type { OutPoint, Transaction } from '../../../src/primitives/index.ts'
import { createBlock, type PlacedBlock } from '../../support/chain-generator.ts'
import {
  BASE,
  coinbase,
  idOf,
  OPEN_PARAMS,
  OpenScene,
  outputOf,
  pay,
} from '../../support/open-mempool.ts'

/** A chain whose coins can be kept from the mempool for a while after they have been read. */
class HeldChain implements ChainView {
  readonly #chain: ChainView
  /** What is called once with the coins of a later read, by how many reads are before it. */
  readonly #holds = new Map<number, () => Promise<void>>()

  constructor(chain: ChainView) {
    this.#chain = chain
  }

  get params() {
    return this.#chain.params
  }

  get tip() {
    return this.#chain.tip
  }

  get events() {
    return this.#chain.events
  }

  async readCoins(outPoints: readonly OutPoint[]) {
    const coins = await this.#chain.readCoins(outPoints)
    const holds = [...this.#holds]
    this.#holds.clear()
    for (const [reads, meanwhile] of holds) {
      if (reads === 0) await meanwhile()
      else this.#holds.set(reads - 1, meanwhile)
    }
    return coins
  }

  /** Has something happen between a read of coins and its answer. */
  during(reads: number, meanwhile: () => Promise<void>): void {
    this.#holds.set(reads, meanwhile)
  }
}

let scene: OpenScene
let held: HeldChain

beforeEach(async () => {
  scene = await OpenScene.open()
  held = new HeldChain(scene.chain)
  scene.renew({}, { chain: held })
})

/** Puts a block with these transactions on the chain. */
async function confirm(...transactions: readonly Transaction[]): Promise<void> {
  const { block } = createBlock(BASE.at(-1) as PlacedBlock, OPEN_PARAMS, { transactions })
  await scene.chain.acceptBlock(block)
  expect(scene.chain.tip.height).toBe(BASE.length + 1)
}

/** What the mempool tells from now on. */
function listen(): string[] {
  const told: string[] = []
  const { events } = scene.mempool
  const add = (name: keyof MempoolEvents) => (of: { txid: string }) =>
    told.push(`${name} ${of.txid}`)
  events.on('added', add('added'))
  events.on('entered', add('entered'))
  events.on('removed', add('removed'))
  events.on('dropped', ({ entry }) => told.push(`dropped ${entry.txid}`))
  return told
}

describe('the mempool on a tip that moves while a transaction is judged', () => {
  it('does not keep what the new tip has spent', async () => {
    const rival = pay([coinbase(0)], 5_000n)
    held.during(0, () => confirm(rival))
    expect(await scene.refusalOf(pay([coinbase(0)], 1_000n))).toBe('missing-inputs')
    expect(scene.waiting()).toEqual([])
  })

  it('does not refuse what the new tip has brought', async () => {
    const parent = pay([coinbase(0)], 1_000n)
    const child = pay([outputOf(parent)], 1_000n)
    held.during(0, () => confirm(parent))
    expect(await scene.refusalOf(child)).toBe('taken')
    expect(scene.waiting()).toEqual([idOf(child)])
  })

  it('keeps no part of a package which the new tip has spent', async () => {
    const parent = { ...pay([coinbase(0)], 0n), version: 3 }
    const child = { ...pay([outputOf(parent)], 1_000n), version: 3 }
    // Both are judged alone first, then together.
    held.during(3, () => confirm(pay([coinbase(0)], 5_000n)))
    const { members } = await scene.mempool.acceptPackage([parent, child])
    expect(members.map(({ entry }) => entry)).toEqual([undefined, undefined])
    expect(scene.waiting()).toEqual([])
  })
})

describe('a fee delta that is given while a package is judged', () => {
  it('counts for the member, and for its relatives', async () => {
    const parent = { ...pay([coinbase(0)], 0n), version: 3 }
    const child = { ...pay([outputOf(parent)], 1_000n), version: 3 }
    held.during(3, async () => scene.mempool.prioritise(idOf(parent), 7_000n))
    const { members } = await scene.mempool.acceptPackage([parent, child])
    const [first, second] = members.map(({ entry }) => entry)
    expect(first?.modifiedFee).toBe(7_000n)
    expect(first?.descendants.modifiedFee).toBe(8_000n)
    expect(second?.ancestors.modifiedFee).toBe(8_000n)
    expect(scene.mempool.select({ maxWeight: 4_000_000, maxSigopsCost: 80_000 }).fees).toBe(1_000n)
  })
})

describe('a mempool without room', () => {
  /** Two rich transactions wait where three have room, and the least fee has gone up. */
  async function fill(): Promise<void> {
    scene.renew({ maxBytes: 18_000 })
    for (let i = 0; i < 3; i++) await scene.mempool.accept(pay([coinbase(i)], 500n))
    const rich = [3, 4, 5].map((i) => pay([coinbase(i)], 100_000n))
    for (const tx of rich) await scene.mempool.accept(tx)
    expect(scene.waiting()).toEqual(rich.map(idOf))
    expect(scene.mempool.minFeeRate).toBeGreaterThan(1_000n)
    await confirm(rich[0] as Transaction)
    expect(scene.waiting()).toHaveLength(2)
  }

  it('keeps no half of a package, and tells nothing of it', async () => {
    await fill()
    // The first would go with the child; then there would be room for the second.
    const parents = [pay([coinbase(6)], 100n), pay([coinbase(7)], 150n)]
    const child = pay(
      parents.map((tx) => outputOf(tx)),
      9_000n,
    )
    const before = scene.waiting()
    const told = listen()
    const { members } = await scene.mempool.acceptPackage([...parents, child])
    expect(members.map(({ refusal }) => refusal?.code)).toEqual(Array(3).fill('mempool full'))
    expect(scene.waiting()).toEqual(before)
    expect(told).toEqual([])
  })

  it('tells what a package has pushed out of itself', async () => {
    await fill()
    const parents = [pay([coinbase(6)], 20_000n), pay([coinbase(7)], 30_000n)]
    const { members } = await scene.mempool.acceptPackage([
      ...parents,
      pay(
        parents.map((tx) => outputOf(tx)),
        9_000n,
      ),
    ])
    const codes = members.map(({ entry, refusal }) => refusal?.code ?? entry?.txid)
    expect(codes).toEqual(['mempool full', idOf(parents[1] as Transaction), 'missing-inputs'])
  })

  it('tells nothing of a transaction that is evicted at its own acceptance', async () => {
    await fill()
    await scene.mempool.accept(pay([coinbase(8)], 50_000n))
    const told = listen()
    expect(await scene.refusalOf(pay([coinbase(9)], 20_000n))).toBe('mempool full')
    expect(told).toEqual([])
  })
})
