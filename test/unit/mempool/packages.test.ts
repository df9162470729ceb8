import { beforeEach, describe, expect, it } from 'vitest'
import {
  DEFAULT_FAMILY_LIMITS,
  MempoolError,
  type PackageOutcome,
} from '../../../src/mempool/index.ts'
import {
  computeTransactionSize,
  computeWtxid,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { createBlock, createBlocks, type PlacedBlock } from '../../support/chain-generator.ts'
import {
  BASE,
  ballast,
  coinbase,
  idOf,
  OPEN_PARAMS,
  OPEN_SCRIPT,
  OpenScene,
  outputOf,
  pay,
} from '../../support/open-mempool.ts'
import { type OpenOutput, satsOf } from '../../support/open-spends.ts'

let scene: OpenScene

beforeEach(async () => {
  scene = await OpenScene.open()
})

/** Tries a package that is refused as a whole. @returns The code and the words of the refusal. */
async function refuseWhole(transactions: readonly Transaction[]): Promise<string> {
  const { refusal, refusedAt, taken } = await scene.mempool.check(transactions)
  expect(refusedAt).toBeUndefined()
  expect(taken).toEqual([])
  return `${refusal?.code}, ${refusal?.data['detail']}`
}

/** What Bitcoin Core adds to the code of a refusal. */
async function detailOf(tx: Transaction): Promise<unknown> {
  const error = await scene.mempool.accept(tx).catch((reason: unknown) => reason)
  return error instanceof MempoolError ? error.data['detail'] : error
}

/** So many transactions, each spending the one before it. */
function line(from: OpenOutput, count: number): readonly Transaction[] {
  const all = [pay([from], 1_000n)]
  while (all.length < count) all.push(pay([outputOf(all.at(-1) as Transaction)], 1_000n))
  return all
}

async function acceptAll(transactions: readonly Transaction[]): Promise<void> {
  for (const tx of transactions) await scene.mempool.accept(tx)
}

/** So many outputs that are confirmed together. */
async function confirmOutputs(count: number): Promise<readonly OpenOutput[]> {
  const source = pay([coinbase(11)], 100_000n, count)
  const tip = BASE.at(-1) as PlacedBlock
  const { block } = createBlock(tip, OPEN_PARAMS, { transactions: [source] })
  await scene.chain.acceptBlock(block)
  return source.outputs.map((_, vout) => outputOf(source, vout))
}

/** A transaction that takes up room, with two outputs. */
function heavy(from: readonly OpenOutput[], size = 20_900): Transaction {
  return pay(from, 100_000n, 2, [ballast(size)])
}

describe('a refusal for too many relatives', () => {
  it('names the limit on ancestors', async () => {
    const all = line(coinbase(0), 26)
    await acceptAll(all.slice(0, 25))
    expect(await detailOf(all[25] as Transaction)).toBe(
      'too many unconfirmed ancestors [limit: 25]',
    )
  })

  it('names the limit on parents', async () => {
    const parents = (await confirmOutputs(25)).map((output) => pay([output], 1_000n))
    await acceptAll(parents)
    const child = pay(
      parents.map((tx) => outputOf(tx)),
      9_000n,
    )
    expect(await detailOf(child)).toBe('too many unconfirmed parents [limit: 25]')
  })

  it('names the limit on the size of ancestors', async () => {
    const parents = [0, 1].map((i) => heavy([coinbase(i)], 40_000))
    await acceptAll(parents)
    const child = heavy(
      parents.map((tx) => outputOf(tx)),
      30_000,
    )
    expect(await detailOf(child)).toBe('exceeds ancestor size limit [limit: 101000]')
  })

  it('names the transaction that has too many descendants, or too large ones', async () => {
    const head = pay([coinbase(0)], 10_000n, 30)
    await acceptAll([
      head,
      ...Array.from({ length: 25 }, (_, i) => pay([outputOf(head, i)], 1_000n)),
    ])
    expect(await detailOf(pay([outputOf(head, 25)], 1_000n))).toBe(
      `too many descendants for tx ${idOf(head)} [limit: 25]`,
    )
    const large = heavy([coinbase(1)], 60_000)
    await scene.mempool.accept(large)
    expect(await detailOf(heavy([outputOf(large)], 41_000))).toBe(
      `exceeds descendant size limit for tx ${idOf(large)} [limit: 101000]`,
    )
  })

  it('spares the replacement of a descendant', async () => {
    const head = pay([coinbase(0)], 10_000n, 30)
    const children = Array.from({ length: 25 }, (_, i) => pay([outputOf(head, i)], 1_000n))
    await acceptAll([head, ...children])
    expect(await scene.refusalOf(pay([outputOf(head, 3)], 2_000n))).toBe('taken')
  })
})

describe('a package that is too large as a whole', () => {
  const possibly = 'package-mempool-limits, possibly'

  it('is refused by the size of all descendants, those of other members too', async () => {
    const top = heavy([coinbase(0)])
    const middle = [0, 1].map((vout) => heavy([outputOf(top, vout)]))
    await acceptAll([top, ...middle])
    const last = middle.map((tx) => heavy([outputOf(tx)]))
    expect(await refuseWhole(last)).toBe(
      `${possibly} exceeds descendant size limit for tx ${idOf(top)} [limit: 101000]`,
    )
    const small = middle.map((tx) => heavy([outputOf(tx)], 18_000))
    expect(await scene.mempool.check(small)).toMatchObject({ refusal: undefined })
  })

  it('is refused by the count of all ancestors, though each member alone is within the limit', async () => {
    const all = line(coinbase(0), 24)
    await acceptAll(all.slice(0, 23))
    const beside = pay([coinbase(1)], 1_000n)
    const members = [all[23] as Transaction, beside]
    expect(await scene.mempool.check(members)).toMatchObject({ refusal: undefined })
    await scene.mempool.accept(all[23] as Transaction)
    expect(await refuseWhole([pay([outputOf(all[23] as Transaction)], 1_000n), beside])).toBe(
      `${possibly} too many unconfirmed ancestors [limit: 25]`,
    )
  })

  it('is refused by the count of all descendants', async () => {
    const head = pay([coinbase(0)], 10_000n, 30)
    const children = Array.from({ length: 25 }, (_, i) => pay([outputOf(head, i)], 1_000n))
    await acceptAll([head, ...children.slice(0, 23)])
    expect(await refuseWhole(children.slice(23))).toBe(
      `${possibly} too many descendants for tx ${idOf(head)} [limit: 25]`,
    )
  })

  it('is refused by the count of all parents', async () => {
    const parents = (await confirmOutputs(24)).map((output) => pay([output], 1_000n))
    await acceptAll(parents)
    const child = pay(
      parents.map((tx) => outputOf(tx)),
      9_000n,
    )
    expect(await refuseWhole([child, pay([coinbase(0)], 1_000n)])).toBe(
      'package-mempool-limits, too many unconfirmed parents [limit: 25]',
    )
  })

  it('is refused by its own size and count, whatever waits', async () => {
    const sizes = await refuseWhole([0, 1].map((i) => heavy([coinbase(i)], 51_000)))
    expect(sizes).toMatch(
      /^package-mempool-limits, package size 10\d{4} exceeds ancestor size limit \[limit: 101000\]$/,
    )
    const familyLimits = { ...DEFAULT_FAMILY_LIMITS, descendantCount: 2 }
    scene.renew({ familyLimits })
    expect(await refuseWhole([0, 1, 2].map((i) => pay([coinbase(i)], 1_000n)))).toBe(
      'package-mempool-limits, package count 3 exceeds descendant count limit [limit: 2]',
    )
  })

  it('gets no small child beside the limits', async () => {
    const head = pay([coinbase(0)], 10_000n, 30)
    const children = Array.from({ length: 25 }, (_, i) => pay([outputOf(head, i)], 1_000n))
    await acceptAll([head, ...children.slice(0, 24)])
    const { members } = await scene.mempool.acceptPackage(children.slice(24))
    expect(members[0]?.refusal?.code).toBe('too-long-mempool-chain')
    expect(await scene.refusalOf(children[24] as Transaction)).toBe('taken')
  })
})

describe('families', () => {
  it('are of 25 at the most, and one small child more', async () => {
    const head = pay([coinbase(0)], 10_000n, 30)
    await scene.mempool.accept(head)
    for (let vout = 0; vout < 24; vout++) {
      expect(await scene.refusalOf(pay([outputOf(head, vout)], 1_000n))).toBe('taken')
    }
    expect(await scene.refusalOf(pay([outputOf(head, 24)], 1_000n))).toBe('taken')
    expect(await scene.refusalOf(pay([outputOf(head, 25)], 1_000n))).toBe('too-long-mempool-chain')
  })

  it('are of 101,000 virtual bytes at the most', async () => {
    const head = pay([coinbase(0)], 100_000n, 2, [ballast(60_000)])
    await scene.mempool.accept(head)
    const [first, second] = [outputOf(head), outputOf(head, 1)]
    expect(await scene.refusalOf(pay([first], 100_000n, 1, [ballast(41_000)]))).toBe(
      'too-long-mempool-chain',
    )
    expect(await scene.refusalOf(pay([first], 100_000n, 1, [ballast(40_000)]))).toBe('taken')
    // The one small child that may come beside the limit.
    expect(await scene.refusalOf(pay([second], 100_000n, 1, [ballast(10_000)]))).toBe(
      'too-long-mempool-chain',
    )
    expect(await scene.refusalOf(pay([second], 100_000n, 1, [ballast(9_000)]))).toBe('taken')
  })
})

describe('a package', () => {
  const outcome = ({ members }: PackageOutcome) =>
    members.map(({ entry, refusal }) =>
      entry !== undefined ? 'taken' : (refusal?.code ?? 'unjudged'),
    )

  const truc = (tx: Transaction): Transaction => ({ ...tx, version: 3 })

  it('is taken whole where the child pays for a parent that pays nothing', async () => {
    const parent = truc(pay([coinbase(0)], 0n))
    const child = truc(pay([outputOf(parent)], 1_000n))
    expect(await scene.refusalOf(parent)).toBe('min relay fee not met')
    const taken = await scene.mempool.acceptPackage([parent, child])
    expect(outcome(taken)).toEqual(['taken', 'taken'])
    expect(taken.members[0]?.group.map(({ txid }) => txid)).toEqual([parent, child].map(idOf))
    expect(scene.waiting()).toEqual([parent, child].map(idOf))
  })

  it('is refused where a parent that pays less than is relayed may stay without its child', async () => {
    const parent = pay([coinbase(0)], 0n)
    const child = pay([outputOf(parent)], 1_000n)
    const taken = await scene.mempool.acceptPackage([parent, child])
    expect(outcome(taken)).toEqual(['min relay fee not met', 'missing-inputs'])
    expect(scene.waiting()).toEqual([])
  })

  it('is refused whole where both pay too little, and nothing stays', async () => {
    const parent = truc(pay([coinbase(0)], 0n))
    const child = truc(pay([outputOf(parent)], 15n))
    const taken = await scene.mempool.acceptPackage([parent, child])
    expect(outcome(taken)).toEqual(['min relay fee not met', 'min relay fee not met'])
    expect(scene.waiting()).toEqual([])
  })

  it('keeps what is good by itself, and what waited before, in a mempool that was full', async () => {
    scene.renew({ maxBytes: 300_000 })
    const source = pay([coinbase(3)], 100_000n, 100)
    const { block } = createBlock(BASE.at(-1) as PlacedBlock, OPEN_PARAMS, {
      transactions: [source],
    })
    await scene.chain.acceptBlock(block)
    for (const vout of source.outputs.keys())
      await scene.refusalOf(pay([outputOf(source, vout)], 500n))
    expect(scene.mempool.minFeeRate).toBeGreaterThan(1_000n)
    const [known, good, poor] = [
      pay([coinbase(0)], 10_000n),
      pay([coinbase(1)], 20_000n),
      pay([coinbase(2)], 100n),
    ]
    await scene.mempool.accept(known)
    const child = pay(
      [known, good, poor].map((tx) => outputOf(tx)),
      30_000n,
    )
    expect(await scene.refusalOf(poor)).toBe('mempool min fee not met')
    const taken = await scene.mempool.acceptPackage([known, good, poor, child])
    expect(outcome(taken)).toEqual(['taken', 'taken', 'taken', 'taken'])
    expect(taken.members.map(({ group }) => group.length)).toEqual([0, 1, 2, 2])
  })

  it('is judged to its end after a refusal that no fee makes good', async () => {
    const parent = pay([coinbase(0)], 0n)
    const broken = { ...pay([coinbase(1)], 1_000n), version: 9 }
    const good = pay([coinbase(2)], 1_000n)
    const child = pay(
      [parent, broken, good].map((tx) => outputOf(tx)),
      9_000n,
    )
    const taken = await scene.mempool.acceptPackage([parent, broken, good, child])
    expect(outcome(taken)).toEqual(['min relay fee not met', 'version', 'taken', 'missing-inputs'])
    expect(scene.waiting()).toEqual([idOf(good)])
  })

  it('keeps a poor parent in a full mempool if the child pays for its room', async () => {
    scene.renew({ maxBytes: 300_000 })
    const source = pay([coinbase(3)], 100_000n, 100)
    const { block } = createBlock(BASE.at(-1) as PlacedBlock, OPEN_PARAMS, {
      transactions: [source],
    })
    await scene.chain.acceptBlock(block)
    const { outputs } = source
    // Fills all room without a refusal: the minimum is still that of relay.
    for (const vout of outputs.keys()) {
      if (scene.mempool.usage + 6_000 > 300_000) break
      expect(await scene.refusalOf(pay([outputOf(source, vout)], 500n))).toBe('taken')
    }
    const parent = pay([coinbase(0)], 150n)
    const child = pay([outputOf(parent)], 20_000n)
    const taken = await scene.mempool.acceptPackage([parent, child])
    expect(outcome(taken)).toEqual(['taken', 'taken'])
    expect(scene.waiting()).toContain(idOf(parent))
  })

  it('is refused where one pays more than its sender would', async () => {
    const parent = pay([coinbase(0)], 1_000n)
    const child = pay([outputOf(parent)], 9_000n)
    const taken = await scene.mempool.acceptPackage([parent, child], 20_000n)
    expect(outcome(taken)).toEqual(['taken', 'max feerate exceeded'])
  })

  it('may bring dust, if the child spends it', async () => {
    const anchor = { value: 240n, scriptPubKey: OPEN_SCRIPT }
    const parent = truc(pay([coinbase(0)], 0n, 1, [anchor]))
    const half = truc(pay([outputOf(parent)], 1_000n))
    expect(outcome(await scene.mempool.acceptPackage([parent, half]))).toEqual([
      'min relay fee not met',
      'missing-ephemeral-spends',
    ])
    const whole = truc(pay([outputOf(parent), outputOf(parent, 1)], 1_000n))
    expect(outcome(await scene.mempool.acceptPackage([parent, whole]))).toEqual(['taken', 'taken'])
    expect(satsOf(outputOf(parent, 1))).toBe(240n)
  })
})

describe('version 3', () => {
  const truc = (tx: Transaction): Transaction => ({ ...tx, version: 3 })

  const nameOf = (tx: Transaction): string =>
    `tx ${idOf(tx)} (wtxid=${toDisplayHex(computeWtxid(tx))})`

  it('mixes with no other version while it waits', async () => {
    const young = truc(pay([coinbase(0)], 1_000n))
    const old = pay([coinbase(1)], 1_000n)
    for (const tx of [young, old]) await scene.mempool.accept(tx)
    const [late, early] = [pay([outputOf(young)], 1_000n), truc(pay([outputOf(old)], 1_000n))]
    const mixed = [
      `non-version=3 ${nameOf(late)} cannot spend from version=3 ${nameOf(young)}`,
      `version=3 ${nameOf(early)} cannot spend from non-version=3 ${nameOf(old)}`,
    ]
    expect([await detailOf(late), await detailOf(early)]).toEqual(mixed)
    scene.renew()
    expect(await refuseWhole([young, late])).toBe(`TRUC-violation, ${mixed[0]}`)
    expect(await refuseWhole([old, early])).toBe(`TRUC-violation, ${mixed[1]}`)
  })

  it('is small, and its child smaller', async () => {
    expect(await detailOf(truc(pay([coinbase(0)], 100_000n, 1, [ballast(9_950)])))).toMatch(
      /is too big: \d+ > 10000 virtual bytes/,
    )
    const parent = truc(pay([coinbase(0)], 100_000n, 1, [ballast(9_000)]))
    expect(await scene.refusalOf(parent)).toBe('taken')
    const child = truc(pay([outputOf(parent)], 100_000n, 1, [ballast(950)]))
    const { virtualSize } = computeTransactionSize(child)
    const tooBig = `version=3 child ${nameOf(child)} is too big: ${virtualSize} > 1000 virtual bytes`
    expect(await detailOf(child)).toBe(tooBig)
    expect(await scene.refusalOf(truc(pay([outputOf(parent)], 100_000n, 1, [ballast(800)])))).toBe(
      'taken',
    )
  })

  it('waits two at a time, and a better child takes the place of the other', async () => {
    const parent = truc(pay([coinbase(0)], 1_000n, 2))
    const child = truc(pay([outputOf(parent)], 1_000n))
    for (const tx of [parent, child]) await scene.mempool.accept(tx)
    const third = truc(pay([outputOf(child)], 9_000n))
    expect(await detailOf(third)).toBe(`${nameOf(third)} would have too many ancestors`)
    const poor = truc(pay([outputOf(parent, 1)], 1_001n))
    await expect(scene.mempool.accept(poor)).rejects.toMatchObject({
      code: 'insufficient fee',
      data: { reason: 'including sibling eviction' },
    })
    const rich = truc(pay([outputOf(parent, 1)], 9_000n))
    expect(await scene.refusalOf(rich)).toBe('taken')
    expect(scene.waiting()).toEqual([parent, rich].map(idOf))
    const second = truc(pay([outputOf(parent)], 99_000n))
    const { refusal } = await scene.mempool.check([second, truc(pay([coinbase(1)], 1_000n))])
    expect(refusal?.code).toBe('TRUC-violation')
  })
  it('stays after a reorganisation, with its children, whatever they pay and however many they are', async () => {
    const parent = truc(pay([coinbase(0)], 0n, 4))
    const mined = [0, 1].map((vout) => pay([outputOf(parent, vout)], 0n))
    const tip = BASE.at(-1) as PlacedBlock
    const { block } = createBlock(tip, OPEN_PARAMS, { transactions: [parent, ...mined] })
    await scene.chain.acceptBlock(block)
    const late = pay([outputOf(parent, 2)], 1_000n)
    await scene.mempool.accept(late)
    const pair = [truc(pay([coinbase(1)], 0n))]
    pair.push(truc(pay([outputOf(pair[0] as Transaction)], 1_000n)))
    await scene.mempool.acceptPackage(pair)
    expect(scene.waiting()).toEqual([late, ...pair].map(idOf))
    for (const placed of createBlocks(tip, OPEN_PARAMS, 2, { salt: 1 })) {
      await scene.chain.acceptBlock(placed.block)
    }
    // Comes after all that return.
    const third = truc(pay([outputOf(parent, 3)], 99_000n))
    expect(await detailOf(third)).toBe(`${nameOf(parent)} would exceed descendant count limit`)
    expect(scene.waiting()).toEqual([parent, ...mined, late, ...pair].map(idOf))
  })

  it('comes two at a time in a package', async () => {
    const parent = truc(pay([coinbase(0)], 1_000n, 2))
    const children = [0, 1].map((vout) => truc(pay([outputOf(parent, vout)], 1_000n)))
    const [child] = children as [Transaction]
    const third = truc(pay([outputOf(child)], 1_000n))
    const descendants = `TRUC-violation, ${nameOf(parent)} would exceed descendant count limit`
    const ancestors = `TRUC-violation, ${nameOf(third)} would have too many ancestors`
    expect(await refuseWhole([parent, ...children])).toBe(descendants)
    expect(await refuseWhole([parent, child, third])).toBe(ancestors)
    const large = truc(pay([outputOf(parent)], 100_000n, 1, [ballast(950)]))
    expect(await refuseWhole([parent, large])).toMatch(
      /^TRUC-violation, version=3 child tx .* is too big: \d+ > 1000 virtual bytes$/,
    )
    await scene.mempool.accept(parent)
    expect(await refuseWhole(children)).toBe(descendants)
    expect(await refuseWhole([child, third])).toBe(ancestors)
    expect(await scene.mempool.check([child])).toMatchObject({ refusal: undefined })
  })
})
