import { beforeEach, describe, expect, it } from 'vitest'
import {
  computeTransactionSize,
  type Transaction,
  type TxOut,
} from '../../../src/primitives/index.ts'
import {
  createKeyHashScript,
  createScriptHashScript,
  createWitnessScript,
} from '../../../src/script/index.ts'
import { createBlock, type PlacedBlock } from '../../support/chain-generator.ts'
import {
  BASE,
  ballast,
  coinbase,
  HOUR_MS,
  idOf,
  OPEN_PARAMS,
  OPEN_SCRIPT,
  OPEN_WITNESS,
  OpenScene,
  outputOf,
  pay,
} from '../../support/open-mempool.ts'
import type { OpenOutput } from '../../support/open-spends.ts'

let scene: OpenScene

beforeEach(async () => {
  scene = await OpenScene.open()
})

const HASH = new Uint8Array(20).fill(7)

describe('standard forms', () => {
  const valid = pay([coinbase(0)], 1_000n)
  const withOutput = (scriptPubKey: Uint8Array, value = 10_000n) =>
    pay([coinbase(0)], 1_000n, 1, [{ value, scriptPubKey }])
  const withScriptSig = (scriptSig: Uint8Array) => ({
    ...valid,
    inputs: valid.inputs.map((input) => ({ ...input, scriptSig })),
  })
  const keys = (count: number) =>
    Array.from({ length: count }, () => [33, 2, ...new Uint8Array(32).fill(9)]).flat()

  it.each([
    { what: 'all that is usual', tx: valid, code: 'taken' },
    { what: 'version 3', tx: { ...valid, version: 3 }, code: 'taken' },
    { what: 'version 4', tx: { ...valid, version: 4 }, code: 'version' },
    { what: 'version 0', tx: { ...valid, version: 0 }, code: 'version' },
    { what: 'a script that is no form', tx: withOutput(Uint8Array.of(0x51)), code: 'scriptpubkey' },
    { what: 'a future witness', tx: withOutput(Uint8Array.of(0x60, 2, 1, 1)), code: 'taken' },
    {
      what: 'three bare keys',
      tx: withOutput(Uint8Array.of(0x51, ...keys(3), 0x53, 0xae)),
      code: 'taken',
    },
    {
      what: 'four bare keys',
      tx: withOutput(Uint8Array.of(0x51, ...keys(4), 0x54, 0xae)),
      code: 'scriptpubkey',
    },
    {
      what: 'a script that computes in an input',
      tx: withScriptSig(Uint8Array.of(0x51, 0x76)),
      code: 'scriptsig-not-pushonly',
    },
    {
      what: 'a long script in an input',
      tx: withScriptSig(new Uint8Array(1_651).fill(0x51)),
      code: 'scriptsig-size',
    },
    {
      what: '545 satoshis to a key hash',
      tx: dustTwice(createKeyHashScript(HASH), 545n),
      code: 'dust',
    },
    {
      what: '546 satoshis to a key hash',
      tx: dustTwice(createKeyHashScript(HASH), 546n),
      code: 'taken',
    },
    {
      what: '539 satoshis to a script hash',
      tx: dustTwice(createScriptHashScript(HASH), 539n),
      code: 'dust',
    },
    {
      what: '540 satoshis to a script hash',
      tx: dustTwice(createScriptHashScript(HASH), 540n),
      code: 'taken',
    },
    {
      what: '293 satoshis to a witness key hash',
      tx: dustTwice(createWitnessScript({ version: 0, program: HASH }), 293n),
      code: 'dust',
    },
    {
      what: '294 satoshis to a witness key hash',
      tx: dustTwice(createWitnessScript({ version: 0, program: HASH }), 294n),
      code: 'taken',
    },
    {
      what: 'one output of dust with a fee',
      tx: withOutput(createKeyHashScript(HASH), 545n),
      code: 'dust',
    },
  ])('$what: $code', async ({ tx, code }) => {
    expect(await scene.refusalOf(tx)).toBe(code)
  })

  function dustTwice(scriptPubKey: Uint8Array, value: bigint): Transaction {
    const output = { value, scriptPubKey }
    return pay([coinbase(0)], 1_000n, 1, [output, output])
  }

  it('hold data up to 100,000 bytes in all', async () => {
    const data = (size: number): TxOut => {
      const script = new Uint8Array(size).fill(0)
      script.set([0x6a])
      return { value: 0n, scriptPubKey: script }
    }
    expect(
      await scene.refusalOf(pay([coinbase(0)], 100_000n, 1, [data(60_000), data(40_001)])),
    ).toMatch(/datacarrier|tx-size/)
    expect(
      await scene.refusalOf(pay([coinbase(0)], 100_000n, 1, [data(50_000), data(40_000)])),
    ).toBe('taken')
  })

  it('are more than 64 bytes without witnesses', async () => {
    const small = (size: number): Transaction => ({
      ...valid,
      outputs: [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a, ...new Uint8Array(size - 1)) }],
    })
    expect(computeTransactionSize(small(4)).strippedSize).toBe(64)
    expect(await scene.refusalOf(small(4))).toBe('tx-size-small')
    expect(await scene.refusalOf(small(5))).toBe('taken')
  })

  it('of what is spent, and how', async () => {
    const odd = createBlock(BASE.at(-1) as PlacedBlock, OPEN_PARAMS, {
      payoutScript: Uint8Array.of(0x51),
    })
    await scene.chain.acceptBlock(odd.block)
    const next = createBlock(odd, OPEN_PARAMS)
    await scene.chain.acceptBlock(next.block)
    const [from] = odd.block.transactions
    const bare = { ...pay([outputOf(from as Transaction)], 1_000n) }
    const spend = { ...bare, inputs: bare.inputs.map((input) => ({ ...input, witness: [] })) }
    expect(await scene.refusalOf(spend)).toBe('bad-txns-nonstandard-inputs')
    const stuffed = {
      ...valid,
      inputs: valid.inputs.map((input) => ({
        ...input,
        witness: [new Uint8Array(81), ...OPEN_WITNESS],
      })),
    }
    expect(await scene.refusalOf(stuffed)).toBe('bad-witness-nonstandard')
    scene.renew({ requiresStandard: false })
    expect(await scene.refusalOf(spend)).toBe('taken')
  })
})

describe('a policy that its operator chose', () => {
  it('sets the least fee, the step of replacement, and the fee of dust', async () => {
    const policy = { minRelayFeeRate: 2_000n, incrementalFeeRate: 5_000n, dustFeeRate: 10_000n }
    scene.renew(policy)
    const size = BigInt(virtualSizeOf(pay([coinbase(0)], 1_000n)))
    expect(scene.mempool.minFeeRate).toBe(2_000n)
    expect(await scene.refusalOf(pay([coinbase(0)], 2n * size - 1n))).toBe('min relay fee not met')
    expect(await scene.refusalOf(pay([coinbase(0)], 2n * size))).toBe('taken')
    expect(await scene.refusalOf(pay([coinbase(0)], 7n * size - 1n))).toBe('insufficient fee')
    expect(await scene.refusalOf(pay([coinbase(0)], 7n * size))).toBe('taken')
    const output = { value: 1_099n, scriptPubKey: OPEN_SCRIPT }
    expect(await scene.refusalOf(pay([coinbase(1)], 9_000n, 1, [output]))).toBe('dust')
    const enough = { ...output, value: 1_100n }
    expect(await scene.refusalOf(pay([coinbase(1)], 9_000n, 1, [enough]))).toBe('taken')
  })

  it('limits data, bare multisig and the bytes of a signature operation', async () => {
    scene.renew({ maxDataCarrierBytes: 0, permitsBareMultisig: false, bytesPerSigop: 4_000 })
    expect(await scene.refusalOf(pay([coinbase(0)], 1_000n, 1, [ballast(0)]))).toBe('datacarrier')
    const key = [33, 2, ...new Uint8Array(32).fill(9)]
    const bare = { value: 10_000n, scriptPubKey: Uint8Array.of(0x51, ...key, 0x51, 0xae) }
    const tx = pay([coinbase(0)], 10_000n, 1, [bare])
    expect(await scene.refusalOf(tx)).toBe('bare-multisig')
    scene.renew({ bytesPerSigop: 40 })
    // Bare multisig counts for twenty.
    expect((await scene.mempool.accept(tx)).virtualSize).toBe(800)
  })

  it('leaves out of blocks what pays less than it wants there', async () => {
    scene.renew({ blockMinFeeRate: 5_000n })
    const [poor, rich] = [pay([coinbase(0)], 200n), pay([coinbase(1)], 9_000n)]
    for (const tx of [poor, rich]) await scene.mempool.accept(tx)
    const { transactions } = scene.mempool.select({ maxWeight: 4_000_000, maxSigopsCost: 80_000 })
    expect(transactions.map(({ txid }) => txid)).toEqual([idOf(rich)])
  })
})

describe('replacement', () => {
  it('takes place for a higher fee and fee rate, with what needed the old one', async () => {
    const old = pay([coinbase(0)], 1_000n)
    const child = pay([outputOf(old)], 1_000n)
    for (const tx of [old, child]) await scene.mempool.accept(tx)
    const cheap = pay([coinbase(0)], 2_009n)
    expect(await scene.refusalOf(cheap)).toBe('insufficient fee')
    expect(scene.waiting()).toEqual([old, child].map(idOf))
    const enough = pay([coinbase(0)], 2_000n + BigInt(virtualSizeOf(cheap) + 9) / 10n)
    expect(await scene.refusalOf(enough)).toBe('taken')
    expect(scene.waiting()).toEqual([idOf(enough)])
    expect(scene.drops).toEqual([
      [idOf(child), 'replaced'],
      [idOf(old), 'replaced'],
    ])
  })

  it('needs a higher rate than each that it conflicts with, not only more in all', async () => {
    const old = pay([coinbase(0)], 1_000n)
    await scene.mempool.accept(old)
    // Ten times the size for five times the fee.
    expect(await scene.refusalOf(pay([coinbase(0)], 5_000n, 40))).toBe('insufficient fee')
    expect(scene.waiting()).toEqual([idOf(old)])
  })

  it('adds no unconfirmed output to lean on', async () => {
    const old = pay([coinbase(0)], 1_000n)
    const other = pay([coinbase(1)], 1_000n)
    for (const tx of [old, other]) await scene.mempool.accept(tx)
    expect(await scene.refusalOf(pay([coinbase(0), outputOf(other)], 9_000n))).toBe(
      'replacement-adds-unconfirmed',
    )
    expect(await scene.refusalOf(pay([coinbase(0), coinbase(2)], 9_000n))).toBe('taken')
  })

  it('does not spend what it replaces', async () => {
    const old = pay([coinbase(0)], 1_000n, 2)
    await scene.mempool.accept(old)
    expect(await scene.refusalOf(pay([coinbase(0), outputOf(old)], 9_000n))).toBe(
      'bad-txns-spends-conflicting-tx',
    )
  })

  it('pushes out no more than 100', async () => {
    // Five with 20 children each, and one without.
    const heads = [0, 1, 2, 3, 4].map((i) => pay([coinbase(i)], 10_000n, 19))
    for (const head of heads) {
      await scene.mempool.accept(head)
      for (let vout = 0; vout < 19; vout++)
        await scene.mempool.accept(pay([outputOf(head, vout)], 1_000n))
    }
    const last = pay([coinbase(5)], 1_000n)
    await scene.mempool.accept(last)
    expect(scene.mempool.size).toBe(101)
    const all = [0, 1, 2, 3, 4].map(coinbase)
    expect(await scene.refusalOf(pay([...all, coinbase(5)], 10_000_000n))).toBe(
      'too many potential replacements',
    )
    expect(await scene.refusalOf(pay(all, 10_000_000n))).toBe('taken')
    expect(scene.mempool.size).toBe(2)
  })

  it('is not asked of several that are only tried', async () => {
    await scene.mempool.accept(pay([coinbase(0)], 1_000n))
    const rival = pay([coinbase(0)], 9_000n)
    const trial = await scene.mempool.check([rival])
    expect(trial.refusal).toBeUndefined()
    const two = await scene.mempool.check([pay([coinbase(1)], 1_000n), rival])
    expect(two.refusal?.code).toBe('bip125-replacement-disallowed')
  })
})

function virtualSizeOf(tx: Transaction): number {
  return computeTransactionSize(tx).virtualSize
}

describe('room', () => {
  let opened: PlacedBlock | undefined

  /** Opens outputs enough for many transactions that have no relatives. */
  async function openOutputs(): Promise<readonly OpenOutput[]> {
    const transactions = [0, 1, 2].map((i) => pay([coinbase(i)], 1_000_000n, 600))
    opened = createBlock(BASE.at(-1) as PlacedBlock, OPEN_PARAMS, { transactions })
    await scene.chain.acceptBlock(opened.block)
    return transactions.flatMap((tx) => tx.outputs.map((_, vout) => outputOf(tx, vout)))
  }

  it('is kept to the byte: who pays least goes, and for a while nothing as poor is taken', async () => {
    const outputs = await openOutputs()
    const maxBytes = 5_000_000
    scene.renew({ maxBytes })
    const feeOf = new Map<string, bigint>()
    let most = 0
    for (const [i, output] of outputs.entries()) {
      const fee = 200n + BigInt((i * 7_919) % outputs.length)
      const tx = pay([output], fee)
      feeOf.set(idOf(tx), fee)
      await scene.refusalOf(tx)
      most = Math.max(most, scene.mempool.usage)
    }
    expect(most).toBeLessThanOrEqual(maxBytes)
    const entry = [...scene.mempool.entries()][0]
    expect(maxBytes - scene.mempool.usage).toBeLessThan((entry?.size ?? 0) + 5_600)
    // All that wait pay more than any that went.
    const kept = [...scene.mempool.entries()].map(({ fee }) => fee)
    const [least = 0n] = kept.toSorted((a, b) => Number(a - b))
    for (const [txid, reason] of scene.drops) {
      expect(reason).toBe('sizelimit')
      expect(feeOf.get(txid)).toBeLessThanOrEqual(least)
    }
    expect(scene.drops.length).toBeGreaterThan(0)
    const high = scene.mempool.minFeeRate
    expect(high).toBeGreaterThan(100n)
    expect(await scene.refusalOf(pay([coinbase(3)], 100n))).toBe('mempool min fee not met')
    // Without a block the rate stays; with one it comes down, the faster the more room there is.
    await scene.clock.advance(24 * HOUR_MS)
    expect(scene.mempool.minFeeRate).toBe(high)
    const block = createBlock(opened as PlacedBlock, OPEN_PARAMS)
    await scene.chain.acceptBlock(block.block)
    await scene.clock.advance(12 * HOUR_MS)
    expect(Number(scene.mempool.minFeeRate)).toBeCloseTo(Number(high) / 2, -1)
    await scene.clock.advance(240 * HOUR_MS)
    expect(scene.mempool.minFeeRate).toBe(100n)
  })

  it('is not lost for a poor parent with a rich child', async () => {
    const outputs = await openOutputs()
    const parent = pay([coinbase(4)], 130n)
    const child = pay([outputOf(parent)], 100_000n)
    scene.renew({ maxBytes: 600_000 })
    for (const tx of [parent, child]) await scene.mempool.accept(tx)
    for (const [i, output] of outputs.slice(0, 300).entries()) {
      await scene.refusalOf(pay([output], 500n + 20n * BigInt(i)))
    }
    expect(scene.drops.length).toBeGreaterThan(100)
    expect(scene.mempool.get(idOf(parent))).toBeDefined()
    expect(scene.mempool.get(idOf(child))).toBeDefined()
  })

  it('is given back after two weeks', async () => {
    const old = pay([coinbase(0)], 1_000n)
    await scene.mempool.accept(old)
    await scene.clock.advance(200 * HOUR_MS)
    const young = pay([coinbase(1)], 1_000n)
    await scene.mempool.accept(young)
    await scene.clock.advance(137 * HOUR_MS)
    const last = pay([coinbase(2)], 1_000n)
    await scene.mempool.accept(last)
    expect(scene.waiting()).toEqual([young, last].map(idOf))
    expect(scene.drops).toEqual([[idOf(old), 'expiry']])
  })
})

describe('an acceptance', () => {
  it('drops at once all that has expired, however short ago the one before it was', async () => {
    scene.renew({ expiryMs: HOUR_MS })
    const [first, second, third, fourth] = [0, 1, 2, 3].map((i) => pay([coinbase(i)], 1_000n))
    await scene.mempool.accept(first as Transaction)
    await scene.clock.advance(2_000)
    // Waits since an earlier time, as after a restart.
    await scene.mempool.accept(second as Transaction, scene.clock.now() - 10_000)
    await scene.clock.advance(HOUR_MS - 10_000)
    await scene.mempool.accept(third as Transaction)
    expect(scene.waiting()).toEqual([first, second, third].map((tx) => idOf(tx as Transaction)))
    await scene.clock.advance(9_000)
    await scene.mempool.accept(fourth as Transaction)
    expect(scene.waiting()).toEqual([third, fourth].map((tx) => idOf(tx as Transaction)))
    expect(scene.drops).toEqual(
      [second, first].map((tx) => [idOf(tx as Transaction), 'expiry'] as const),
    )
  })
})
