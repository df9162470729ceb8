import { beforeEach, describe, expect, it } from 'vitest'
import { type Chain, createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import {
  type DropReason,
  Mempool,
  MempoolError,
  type MempoolPolicy,
  type PackageMember,
} from '../../../src/mempool/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  type Transaction,
  type TxOut,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import {
  createKeyHashScript,
  createScriptHashScript,
  createWitnessScript,
  nobleSignatureEngine,
} from '../../../src/script/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openMemoryChain, silentLog } from '../../support/memory-chain.ts'
import { type OpenOutput, satsOf, spendOpen } from '../../support/open-spends.ts'

/** A P2WSH output of OP_TRUE: anybody can spend it, and its form is standard. */
const OPEN_SCRIPT = createWitnessScript({
  version: 0,
  // SHA-256 of the script 51.
  program: Uint8Array.from(
    '4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260'.match(/../g) ?? [],
    (byte) => Number.parseInt(byte, 16),
  ),
})
const OPEN_WITNESS = [Uint8Array.of(0x51)]
const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const HOUR_MS = 3_600_000
const BASE = createBlocks(genesis, params, 12, { payoutScript: OPEN_SCRIPT })

let clock: FakeClock
let chain: Chain
let mempool: Mempool
let drops: (readonly [string, DropReason])[]

function createMempool(policy: Partial<MempoolPolicy> = {}): Mempool {
  const made = new Mempool(
    {
      chain,
      signatures: nobleSignatureEngine,
      scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
      clock,
      log: silentLog,
    },
    policy,
  )
  drops = []
  made.events.on('dropped', ({ entry, reason }) => drops.push([entry.txid, reason]))
  return made
}

beforeEach(async () => {
  clock = new FakeClock((genesis.block.header.time + 100_000) * 1_000)
  chain = await openMemoryChain(params, clock)
  for (const { block } of BASE) await chain.acceptBlock(block)
  mempool = createMempool()
})

function coinbase(index: number): OpenOutput {
  const tx = BASE[index]?.block.transactions[0]
  if (tx === undefined) throw new RangeError('no such block')
  return { tx, vout: 0 }
}

/** Spends open outputs into as many of the same kind as wished. */
function pay(
  from: readonly OpenOutput[],
  fee: bigint,
  count = 1,
  extra: readonly TxOut[] = [],
): Transaction {
  const kept = extra.reduce((sum, { value }) => sum + value, 0n)
  const tx = spendOpen(from, fee + kept, count, extra)
  return {
    ...tx,
    inputs: tx.inputs.map((input) => ({ ...input, witness: OPEN_WITNESS })),
    outputs: tx.outputs.map((output, i) =>
      i < count ? { ...output, scriptPubKey: OPEN_SCRIPT } : output,
    ),
  }
}

/** An output of a standard form that only takes up room. */
function ballast(size: number): TxOut {
  return { value: 0n, scriptPubKey: Uint8Array.of(0x6a, ...new Uint8Array(size)) }
}

function outputOf(tx: Transaction, vout = 0): OpenOutput {
  return { tx, vout }
}

function idOf(tx: Transaction): string {
  return toDisplayHex(computeTxid(tx))
}

async function refusalOf(tx: Transaction, pool = mempool): Promise<string> {
  try {
    await pool.accept(tx)
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

function waiting(pool = mempool): readonly string[] {
  return [...pool.entries()].map(({ txid }) => txid)
}

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
    expect(await refusalOf(tx)).toBe(code)
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
    expect(await refusalOf(pay([coinbase(0)], 100_000n, 1, [data(60_000), data(40_001)]))).toMatch(
      /datacarrier|tx-size/,
    )
    expect(await refusalOf(pay([coinbase(0)], 100_000n, 1, [data(50_000), data(40_000)]))).toBe(
      'taken',
    )
  })

  it('are more than 64 bytes without witnesses', async () => {
    const small = (size: number): Transaction => ({
      ...valid,
      outputs: [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a, ...new Uint8Array(size - 1)) }],
    })
    expect(computeTransactionSize(small(4)).strippedSize).toBe(64)
    expect(await refusalOf(small(4))).toBe('tx-size-small')
    expect(await refusalOf(small(5))).toBe('taken')
  })

  it('of what is spent, and how', async () => {
    const odd = createBlock(BASE.at(-1) as PlacedBlock, params, {
      payoutScript: Uint8Array.of(0x51),
    })
    await chain.acceptBlock(odd.block)
    const next = createBlock(odd, params)
    await chain.acceptBlock(next.block)
    const [from] = odd.block.transactions
    const bare = { ...pay([outputOf(from as Transaction)], 1_000n) }
    const spend = { ...bare, inputs: bare.inputs.map((input) => ({ ...input, witness: [] })) }
    expect(await refusalOf(spend)).toBe('bad-txns-nonstandard-inputs')
    const lax = createMempool({ requiresStandard: false })
    expect(await refusalOf(spend, lax)).toBe('taken')
    const stuffed = {
      ...valid,
      inputs: valid.inputs.map((input) => ({
        ...input,
        witness: [new Uint8Array(81), ...OPEN_WITNESS],
      })),
    }
    expect(await refusalOf(stuffed)).toBe('bad-witness-nonstandard')
  })
})

describe('replacement', () => {
  it('takes place for a higher fee and fee rate, with what needed the old one', async () => {
    const old = pay([coinbase(0)], 1_000n)
    const child = pay([outputOf(old)], 1_000n)
    for (const tx of [old, child]) await mempool.accept(tx)
    const cheap = pay([coinbase(0)], 2_009n)
    expect(await refusalOf(cheap)).toBe('insufficient fee')
    expect(waiting()).toEqual([old, child].map(idOf))
    const enough = pay([coinbase(0)], 2_000n + BigInt(virtualSizeOf(cheap) + 9) / 10n)
    expect(await refusalOf(enough)).toBe('taken')
    expect(waiting()).toEqual([idOf(enough)])
    expect(drops).toEqual([
      [idOf(child), 'replaced'],
      [idOf(old), 'replaced'],
    ])
  })

  it('needs a higher rate than each that it conflicts with, not only more in all', async () => {
    const old = pay([coinbase(0)], 1_000n)
    await mempool.accept(old)
    // Ten times the size for five times the fee.
    expect(await refusalOf(pay([coinbase(0)], 5_000n, 40))).toBe('insufficient fee')
    expect(waiting()).toEqual([idOf(old)])
  })

  it('adds no unconfirmed output to lean on', async () => {
    const old = pay([coinbase(0)], 1_000n)
    const other = pay([coinbase(1)], 1_000n)
    for (const tx of [old, other]) await mempool.accept(tx)
    expect(await refusalOf(pay([coinbase(0), outputOf(other)], 9_000n))).toBe(
      'replacement-adds-unconfirmed',
    )
    expect(await refusalOf(pay([coinbase(0), coinbase(2)], 9_000n))).toBe('taken')
  })

  it('does not spend what it replaces', async () => {
    const old = pay([coinbase(0)], 1_000n, 2)
    await mempool.accept(old)
    expect(await refusalOf(pay([coinbase(0), outputOf(old)], 9_000n))).toBe(
      'bad-txns-spends-conflicting-tx',
    )
  })

  it('pushes out no more than 100', async () => {
    // Five with 20 children each, and one without.
    const heads = [0, 1, 2, 3, 4].map((i) => pay([coinbase(i)], 10_000n, 19))
    for (const head of heads) {
      await mempool.accept(head)
      for (let vout = 0; vout < 19; vout++)
        await mempool.accept(pay([outputOf(head, vout)], 1_000n))
    }
    const last = pay([coinbase(5)], 1_000n)
    await mempool.accept(last)
    expect(mempool.size).toBe(101)
    const all = [0, 1, 2, 3, 4].map(coinbase)
    expect(await refusalOf(pay([...all, coinbase(5)], 10_000_000n))).toBe(
      'too many potential replacements',
    )
    expect(await refusalOf(pay(all, 10_000_000n))).toBe('taken')
    expect(mempool.size).toBe(2)
  })

  it('is not asked of several that are only tried', async () => {
    await mempool.accept(pay([coinbase(0)], 1_000n))
    const rival = pay([coinbase(0)], 9_000n)
    const trial = await mempool.check([rival])
    expect(trial.refusal).toBeUndefined()
    const two = await mempool.check([pay([coinbase(1)], 1_000n), rival])
    expect(two.refusal?.code).toBe('bip125-replacement-disallowed')
  })
})

function virtualSizeOf(tx: Transaction): number {
  return computeTransactionSize(tx).virtualSize
}

describe('families', () => {
  it('are of 25 at the most, and one small child more', async () => {
    const head = pay([coinbase(0)], 10_000n, 30)
    await mempool.accept(head)
    for (let vout = 0; vout < 24; vout++) {
      expect(await refusalOf(pay([outputOf(head, vout)], 1_000n))).toBe('taken')
    }
    expect(await refusalOf(pay([outputOf(head, 24)], 1_000n))).toBe('taken')
    expect(await refusalOf(pay([outputOf(head, 25)], 1_000n))).toBe('too-long-mempool-chain')
  })

  it('are of 101,000 virtual bytes at the most', async () => {
    const head = pay([coinbase(0)], 100_000n, 2, [ballast(60_000)])
    await mempool.accept(head)
    const [first, second] = [outputOf(head), outputOf(head, 1)]
    expect(await refusalOf(pay([first], 100_000n, 1, [ballast(41_000)]))).toBe(
      'too-long-mempool-chain',
    )
    expect(await refusalOf(pay([first], 100_000n, 1, [ballast(40_000)]))).toBe('taken')
    // The one small child that may come beside the limit.
    expect(await refusalOf(pay([second], 100_000n, 1, [ballast(10_000)]))).toBe(
      'too-long-mempool-chain',
    )
    expect(await refusalOf(pay([second], 100_000n, 1, [ballast(9_000)]))).toBe('taken')
  })
})

describe('room', () => {
  let opened: PlacedBlock | undefined

  /** Opens outputs enough for many transactions that have no relatives. */
  async function openOutputs(): Promise<readonly OpenOutput[]> {
    const transactions = [0, 1, 2].map((i) => pay([coinbase(i)], 1_000_000n, 600))
    opened = createBlock(BASE.at(-1) as PlacedBlock, params, { transactions })
    await chain.acceptBlock(opened.block)
    return transactions.flatMap((tx) => tx.outputs.map((_, vout) => outputOf(tx, vout)))
  }

  it('is kept to the byte: who pays least goes, and for a while nothing as poor is taken', async () => {
    const outputs = await openOutputs()
    const maxBytes = 5_000_000
    mempool = createMempool({ maxBytes })
    const feeOf = new Map<string, bigint>()
    let most = 0
    for (const [i, output] of outputs.entries()) {
      const fee = 200n + BigInt((i * 7_919) % outputs.length)
      const tx = pay([output], fee)
      feeOf.set(idOf(tx), fee)
      await refusalOf(tx)
      most = Math.max(most, mempool.usage)
    }
    expect(most).toBeLessThanOrEqual(maxBytes)
    const entry = [...mempool.entries()][0]
    expect(maxBytes - mempool.usage).toBeLessThan((entry?.size ?? 0) + 5_600)
    // All that wait pay more than any that went.
    const kept = [...mempool.entries()].map(({ fee }) => fee)
    const [least = 0n] = kept.toSorted((a, b) => Number(a - b))
    for (const [txid, reason] of drops) {
      expect(reason).toBe('sizelimit')
      expect(feeOf.get(txid)).toBeLessThanOrEqual(least)
    }
    expect(drops.length).toBeGreaterThan(0)
    const high = mempool.minFeeRate
    expect(high).toBeGreaterThan(100n)
    expect(await refusalOf(pay([coinbase(3)], 100n))).toBe('mempool min fee not met')
    // Without a block the rate stays; with one it comes down, the faster the more room there is.
    await clock.advance(24 * HOUR_MS)
    expect(mempool.minFeeRate).toBe(high)
    const block = createBlock(opened as PlacedBlock, params)
    await chain.acceptBlock(block.block)
    await clock.advance(12 * HOUR_MS)
    expect(Number(mempool.minFeeRate)).toBeCloseTo(Number(high) / 2, -1)
    await clock.advance(240 * HOUR_MS)
    expect(mempool.minFeeRate).toBe(100n)
  })

  it('is not lost for a poor parent with a rich child', async () => {
    const outputs = await openOutputs()
    const parent = pay([coinbase(4)], 130n)
    const child = pay([outputOf(parent)], 100_000n)
    mempool = createMempool({ maxBytes: 600_000 })
    for (const tx of [parent, child]) await mempool.accept(tx)
    for (const [i, output] of outputs.slice(0, 300).entries()) {
      await refusalOf(pay([output], 500n + 20n * BigInt(i)))
    }
    expect(drops.length).toBeGreaterThan(100)
    expect(mempool.get(idOf(parent))).toBeDefined()
    expect(mempool.get(idOf(child))).toBeDefined()
  })

  it('is given back after two weeks', async () => {
    const old = pay([coinbase(0)], 1_000n)
    await mempool.accept(old)
    await clock.advance(200 * HOUR_MS)
    const young = pay([coinbase(1)], 1_000n)
    await mempool.accept(young)
    await clock.advance(137 * HOUR_MS)
    const last = pay([coinbase(2)], 1_000n)
    await mempool.accept(last)
    expect(waiting()).toEqual([young, last].map(idOf))
    expect(drops).toEqual([[idOf(old), 'expiry']])
  })
})

describe('an acceptance', () => {
  it('drops at once all that has expired, however short ago the one before it was', async () => {
    mempool = createMempool({ expiryMs: HOUR_MS })
    const [first, second, third, fourth] = [0, 1, 2, 3].map((i) => pay([coinbase(i)], 1_000n))
    await mempool.accept(first as Transaction)
    await clock.advance(2_000)
    // Waits since an earlier time, as after a restart.
    await mempool.accept(second as Transaction, clock.now() - 10_000)
    await clock.advance(HOUR_MS - 10_000)
    await mempool.accept(third as Transaction)
    expect(waiting()).toEqual([first, second, third].map((tx) => idOf(tx as Transaction)))
    await clock.advance(9_000)
    await mempool.accept(fourth as Transaction)
    expect(waiting()).toEqual([third, fourth].map((tx) => idOf(tx as Transaction)))
    expect(drops).toEqual([second, first].map((tx) => [idOf(tx as Transaction), 'expiry'] as const))
  })
})

describe('a package', () => {
  const outcome = (members: readonly PackageMember[]) =>
    members.map(({ entry, refusal }) =>
      entry !== undefined ? 'taken' : (refusal?.code ?? 'unjudged'),
    )

  const truc = (tx: Transaction): Transaction => ({ ...tx, version: 3 })

  it('is taken whole where the child pays for a parent that pays nothing', async () => {
    const parent = truc(pay([coinbase(0)], 0n))
    const child = truc(pay([outputOf(parent)], 1_000n))
    expect(await refusalOf(parent)).toBe('min relay fee not met')
    const members = await mempool.acceptPackage([parent, child])
    expect(outcome(members)).toEqual(['taken', 'taken'])
    expect(members[0]?.group.map(({ txid }) => txid)).toEqual([parent, child].map(idOf))
    expect(waiting()).toEqual([parent, child].map(idOf))
  })

  it('is refused where a parent that pays less than is relayed may stay without its child', async () => {
    const parent = pay([coinbase(0)], 0n)
    const child = pay([outputOf(parent)], 1_000n)
    const members = await mempool.acceptPackage([parent, child])
    expect(outcome(members)).toEqual(['min relay fee not met', 'min relay fee not met'])
    expect(waiting()).toEqual([])
  })

  it('is refused whole where both pay too little, and nothing stays', async () => {
    const parent = truc(pay([coinbase(0)], 0n))
    const child = truc(pay([outputOf(parent)], 15n))
    const members = await mempool.acceptPackage([parent, child])
    expect(outcome(members)).toEqual(['min relay fee not met', 'min relay fee not met'])
    expect(waiting()).toEqual([])
  })

  it('keeps what is good by itself, and what waited before, in a mempool that was full', async () => {
    mempool = createMempool({ maxBytes: 300_000 })
    const source = pay([coinbase(3)], 100_000n, 100)
    const { block } = createBlock(BASE.at(-1) as PlacedBlock, params, { transactions: [source] })
    await chain.acceptBlock(block)
    for (const vout of source.outputs.keys()) await refusalOf(pay([outputOf(source, vout)], 500n))
    expect(mempool.minFeeRate).toBeGreaterThan(1_000n)
    const [known, good, poor] = [
      pay([coinbase(0)], 10_000n),
      pay([coinbase(1)], 20_000n),
      pay([coinbase(2)], 100n),
    ]
    await mempool.accept(known)
    const child = pay(
      [known, good, poor].map((tx) => outputOf(tx)),
      30_000n,
    )
    expect(await refusalOf(poor)).toBe('mempool min fee not met')
    const members = await mempool.acceptPackage([known, good, poor, child])
    expect(outcome(members)).toEqual(['taken', 'taken', 'taken', 'taken'])
    expect(members.map(({ group }) => group.length)).toEqual([0, 1, 2, 2])
  })

  it('leaves the rest unjudged after a refusal that no fee makes good', async () => {
    const parent = pay([coinbase(0)], 0n)
    const broken = { ...pay([coinbase(1)], 1_000n), version: 9 }
    const child = pay([outputOf(parent), outputOf(broken)], 9_000n)
    const members = await mempool.acceptPackage([parent, broken, child])
    expect(outcome(members)).toEqual(['min relay fee not met', 'version', 'unjudged'])
    expect(waiting()).toEqual([])
  })

  it('is refused where one pays more than its sender would', async () => {
    const parent = pay([coinbase(0)], 1_000n)
    const child = pay([outputOf(parent)], 9_000n)
    const members = await mempool.acceptPackage([parent, child], 20_000n)
    expect(outcome(members)).toEqual(['taken', 'max feerate exceeded'])
  })

  it('may bring dust, if the child spends it', async () => {
    const anchor = { value: 240n, scriptPubKey: OPEN_SCRIPT }
    const parent = truc(pay([coinbase(0)], 0n, 1, [anchor]))
    const half = truc(pay([outputOf(parent)], 1_000n))
    expect(outcome(await mempool.acceptPackage([parent, half]))).toEqual([
      'min relay fee not met',
      'missing-ephemeral-spends',
    ])
    const whole = truc(pay([outputOf(parent), outputOf(parent, 1)], 1_000n))
    expect(outcome(await mempool.acceptPackage([parent, whole]))).toEqual(['taken', 'taken'])
    expect(satsOf(outputOf(parent, 1))).toBe(240n)
  })
})

describe('version 3', () => {
  const truc = (tx: Transaction): Transaction => ({ ...tx, version: 3 })

  async function detailOf(tx: Transaction): Promise<unknown> {
    const error = await mempool.accept(tx).catch((reason: unknown) => reason)
    if (!(error instanceof MempoolError) || error.code !== 'TRUC-violation') return error
    return error.data['detail']
  }

  it('mixes with no other version while it waits', async () => {
    const young = truc(pay([coinbase(0)], 1_000n))
    const old = pay([coinbase(1)], 1_000n)
    for (const tx of [young, old]) await mempool.accept(tx)
    expect(await detailOf(pay([outputOf(young)], 1_000n))).toMatch(
      /^non-version=3 tx .* cannot spend from version=3 tx /,
    )
    expect(await detailOf(truc(pay([outputOf(old)], 1_000n)))).toMatch(
      /^version=3 tx .* cannot spend from non-version=3 tx /,
    )
  })

  it('is small, and its child smaller', async () => {
    expect(await detailOf(truc(pay([coinbase(0)], 100_000n, 1, [ballast(9_950)])))).toMatch(
      /is too big: \d+ > 10000 virtual bytes/,
    )
    const parent = truc(pay([coinbase(0)], 100_000n, 1, [ballast(9_000)]))
    expect(await refusalOf(parent)).toBe('taken')
    expect(await detailOf(truc(pay([outputOf(parent)], 100_000n, 1, [ballast(950)])))).toMatch(
      /is too big: \d+ > 1000 virtual bytes/,
    )
    expect(await refusalOf(truc(pay([outputOf(parent)], 100_000n, 1, [ballast(800)])))).toBe(
      'taken',
    )
  })

  it('waits two at a time, and a better child takes the place of the other', async () => {
    const parent = truc(pay([coinbase(0)], 1_000n, 2))
    const child = truc(pay([outputOf(parent)], 1_000n))
    for (const tx of [parent, child]) await mempool.accept(tx)
    expect(await detailOf(truc(pay([outputOf(child)], 9_000n)))).toMatch(/too many ancestors/)
    const poor = truc(pay([outputOf(parent, 1)], 1_001n))
    expect(await refusalOf(poor)).toBe('insufficient fee')
    const rich = truc(pay([outputOf(parent, 1)], 9_000n))
    expect(await refusalOf(rich)).toBe('taken')
    expect(waiting()).toEqual([parent, rich].map(idOf))
    const second = truc(pay([outputOf(parent)], 99_000n))
    const { refusal } = await mempool.check([second, truc(pay([coinbase(1)], 1_000n))])
    expect(refusal?.code).toBe('TRUC-violation')
  })
})
