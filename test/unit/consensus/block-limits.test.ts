import { describe, expect, it } from 'vitest'
import {
  CoinsView,
  checkBlock,
  checkTransaction,
  connectBlock,
  contextualCheckBlock,
  createConsensusParams,
  parseChainSpec,
} from '../../../src/consensus/index.ts'
import {
  computeBlockSize,
  computeTransactionSize,
  outPointKey,
  SEQUENCE_FINAL,
  type Transaction,
  type Txid,
} from '../../../src/primitives/index.ts'
import { concatBytes } from '../../../src/util/index.ts'
import { createBlock, OP_TRUE_SCRIPT, placeGenesis } from '../../support/chain-generator.ts'

const params = createConsensusParams(
  parseChainSpec({
    version: 1,
    name: 'limits',
    genesis: { time: 1_700_000_000 },
    retarget: { targetSpacingSeconds: 10 },
  }),
)
const genesis = placeGenesis(params)
const OP_RETURN = 0x6a
const OP_CHECKSIG = 0xac
const OP_CHECKMULTISIG = 0xae

/** Spends coins that need not exist. */
function createSpend({
  inputCount = 1,
  scriptSig = new Uint8Array(0) as Uint8Array,
  witness = [] as readonly Uint8Array[],
  scriptPubKey = OP_TRUE_SCRIPT as Uint8Array,
}): Transaction {
  const inputs = Array.from({ length: inputCount }, (_, vout) => ({
    prevout: { txid: new Uint8Array(32).fill(7) as Txid, vout },
    scriptSig,
    sequence: SEQUENCE_FINAL,
    witness,
  }))
  return { version: 2, inputs, outputs: [{ value: 1n, scriptPubKey }], lockTime: 0 }
}

/** Makes something of a size, by filling. Beyond 65,535 bytes of filling a byte more is a byte more. */
function fill<Made>(make: (size: number) => Made, measure: (made: Made) => number, wanted: number) {
  const some = 100_000
  const made = make(some + wanted - measure(make(some)))
  expect(measure(made)).toBe(wanted)
  return made
}

/** A script of some size that nobody can spend, without signature operations. */
function createFiller(size: number): Uint8Array {
  return new Uint8Array(size).fill(OP_RETURN)
}

const blockOf = (tx: Transaction) => createBlock(genesis, params, { transactions: [tx] }).block

describe('the size of a block', () => {
  it.each([
    { weight: 3_999_999, code: undefined },
    { weight: 4_000_000, code: undefined },
    { weight: 4_000_001, code: 'bad-blk-weight' },
    { weight: 4_000_004, code: 'bad-blk-weight' },
  ])('of weight $weight: $code', ({ weight, code }) => {
    const block = fill(
      (size) => blockOf(createSpend({ witness: [new Uint8Array(size)] })),
      (made) => computeBlockSize(made).weight,
      weight,
    )
    const check = () => contextualCheckBlock(block, 1, 0, params)
    if (code === undefined) expect(check).not.toThrow()
    else expect(check).toThrow(code)
  })

  it.each([
    { size: 1_000_000, code: undefined },
    { size: 1_000_001, code: 'bad-blk-length' },
  ])('of $size bytes without witnesses: $code', ({ size, code }) => {
    const block = fill(
      (padding) => blockOf(createSpend({ scriptPubKey: createFiller(padding) })),
      (made) => computeBlockSize(made).strippedSize,
      size,
    )
    if (code === undefined) expect(() => checkBlock(block)).not.toThrow()
    else expect(() => checkBlock(block)).toThrow(code)
  })

  it.each([
    { size: 1_000_000, code: undefined },
    { size: 1_000_001, code: 'bad-txns-oversize' },
  ])('of a transaction of $size bytes: $code', ({ size, code }) => {
    const tx = fill(
      (padding) => createSpend({ scriptPubKey: createFiller(padding) }),
      (made) => computeTransactionSize(made).strippedSize,
      size,
    )
    if (code === undefined) expect(() => checkTransaction(tx)).not.toThrow()
    else expect(() => checkTransaction(tx)).toThrow(code)
  })
})

const P2WPKH = concatBytes(Uint8Array.of(0, 20), new Uint8Array(20))
const P2SH = concatBytes(Uint8Array.of(0xa9, 20), new Uint8Array(20), Uint8Array.of(0x87))
/** Pushes a script whose one operation counts for twenty. */
const P2SH_SIG = Uint8Array.of(1, OP_CHECKMULTISIG)

/** Operations in an output cost four each, in a witness one, in a P2SH script four. */
interface SigopsRow {
  readonly name: string
  readonly checks: number
  readonly witnesses?: number
  readonly scripts?: number
  readonly isRefused: boolean
}

describe('the cost of a block’s signature operations', () => {
  it.each([
    { checks: 20_000, isRefused: false },
    { checks: 20_001, isRefused: true },
  ])('$checks in outputs, before any coin is looked up', ({ checks, isRefused }) => {
    const scriptPubKey = new Uint8Array(checks).fill(OP_CHECKSIG)
    const check = () => checkBlock(blockOf(createSpend({ scriptPubKey })))
    if (isRefused) expect(check).toThrow('bad-blk-sigops')
    else expect(check).not.toThrow()
  })

  const ROWS: readonly SigopsRow[] = [
    { name: '80,000 in outputs', checks: 20_000, isRefused: false },
    { name: '80,004 in outputs', checks: 20_001, isRefused: true },
    { name: '80,000 with witnesses', checks: 19_999, witnesses: 4, isRefused: false },
    { name: '80,001 with witnesses', checks: 19_999, witnesses: 5, isRefused: true },
    { name: '80,000 with P2SH', checks: 19_980, scripts: 1, isRefused: false },
    { name: '80,004 with P2SH', checks: 19_981, scripts: 1, isRefused: true },
    { name: '80,001 over two transactions', checks: 20_000, witnesses: 1, isRefused: true },
  ]

  it.each(ROWS)('$name', ({ checks, witnesses = 0, scripts = 0, isRefused }) => {
    const output = (scriptPubKey: Uint8Array) => ({ value: 1n, scriptPubKey })
    const inOutputs = createSpend({ scriptPubKey: new Uint8Array(checks).fill(OP_CHECKSIG) })
    const spends = createSpend({
      inputCount: Math.max(witnesses + scripts, 1),
      scriptSig: scripts > 0 ? P2SH_SIG : new Uint8Array(0),
      witness: witnesses > 0 ? [new Uint8Array(1), new Uint8Array(33)] : [],
    })
    const kind = scripts > 0 ? P2SH : witnesses > 0 ? P2WPKH : OP_TRUE_SCRIPT
    // Coins of the two transactions must differ: the first spends outputs that nobody else names.
    const first = {
      ...inOutputs,
      inputs: inOutputs.inputs.map((input) => ({
        ...input,
        prevout: { ...input.prevout, vout: 1_000 },
      })),
    }
    const transactions = [first, spends]
    const coins = new Map(
      transactions.flatMap((tx) =>
        tx.inputs.map(({ prevout }) => {
          const coin = {
            output: output(tx === spends ? kind : OP_TRUE_SCRIPT),
            height: 0,
            isCoinbase: false,
          }
          return [outPointKey(prevout), coin] as const
        }),
      ),
    )
    const { block, hash } = createBlock(genesis, params, { transactions })
    const connect = () =>
      connectBlock(block, new CoinsView(coins), {
        height: 1,
        hash,
        enforcesBip30: false,
        parentMedianTimePast: 0,
        medianTimePastAt: () => 0,
        params,
      })
    if (isRefused) expect(connect).toThrow('bad-blk-sigops')
    else expect(connect).not.toThrow()
  })
})
