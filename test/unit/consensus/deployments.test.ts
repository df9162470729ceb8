import { describe, expect, it } from 'vitest'
import {
  type ConsensusParams,
  computeBlockScriptFlags,
  contextualCheckBlock,
  contextualCheckHeader,
  createConsensusParams,
  isBip30Enforced,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import {
  type BlockHash,
  fromDisplayHex,
  type Transaction,
  ZERO_HASH,
} from '../../../src/primitives/index.ts'
import {
  pushNumber,
  VERIFY_CHECKLOCKTIMEVERIFY,
  VERIFY_CHECKSEQUENCEVERIFY,
  VERIFY_DERSIG,
  VERIFY_NONE,
  VERIFY_NULLDUMMY,
  VERIFY_P2SH,
  VERIFY_TAPROOT,
  VERIFY_WITNESS,
} from '../../../src/script/index.ts'
import { createBlock, type PlacedBlock, placeGenesis } from '../../support/chain-generator.ts'
import { linkUp } from '../../support/links.ts'

const mainnet = createConsensusParams(MAINNET_SPEC)
const regtest = createConsensusParams(REGTEST_SPEC)
const NO_HASH = ZERO_HASH as BlockHash

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [VERIFY_P2SH, 'p2sh'],
  [VERIFY_WITNESS, 'witness'],
  [VERIFY_TAPROOT, 'taproot'],
  [VERIFY_DERSIG, 'dersig'],
  [VERIFY_CHECKLOCKTIMEVERIFY, 'cltv'],
  [VERIFY_CHECKSEQUENCEVERIFY, 'csv'],
  [VERIFY_NULLDUMMY, 'nulldummy'],
]
const ALWAYS = 'p2sh witness taproot'

/** Flags by name; one that this table does not know shows as a number. */
function flagsAt(height: number, params: ConsensusParams, hash: BlockHash = NO_HASH): string {
  const flags = computeBlockScriptFlags(height, hash, params)
  const known = FLAG_NAMES.filter(([flag]) => (flags & flag) !== 0)
  const rest = known.reduce((left, [flag]) => left & ~flag, flags as number)
  return [...known.map(([, name]) => name), ...(rest === VERIFY_NONE ? [] : [rest])].join(' ')
}

describe('computeBlockScriptFlags', () => {
  it.each([
    { height: 0, flags: ALWAYS },
    { height: 363_724, flags: ALWAYS },
    { height: 363_725, flags: `${ALWAYS} dersig` },
    { height: 388_380, flags: `${ALWAYS} dersig` },
    { height: 388_381, flags: `${ALWAYS} dersig cltv` },
    { height: 419_327, flags: `${ALWAYS} dersig cltv` },
    { height: 419_328, flags: `${ALWAYS} dersig cltv csv` },
    { height: 481_823, flags: `${ALWAYS} dersig cltv csv` },
    { height: 481_824, flags: `${ALWAYS} dersig cltv csv nulldummy` },
    { height: 900_000, flags: `${ALWAYS} dersig cltv csv nulldummy` },
  ])('at height $height of mainnet: $flags', ({ height, flags }) => {
    expect(flagsAt(height, mainnet)).toBe(flags)
  })

  it.each([
    { height: 0, flags: `${ALWAYS} nulldummy` },
    { height: 1, flags: `${ALWAYS} dersig cltv csv nulldummy` },
  ])('at height $height of regtest: $flags', ({ height, flags }) => {
    expect(flagsAt(height, regtest)).toBe(flags)
  })

  it.each([
    {
      what: 'the block that breaks P2SH',
      height: 170_060,
      hash: '00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22',
      flags: '',
      elsewhere: `${ALWAYS} dersig cltv csv nulldummy`,
    },
    {
      what: 'the block that breaks taproot',
      height: 709_632,
      hash: '0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad',
      flags: 'p2sh witness dersig cltv csv nulldummy',
      elsewhere: `${ALWAYS} dersig cltv csv nulldummy`,
    },
  ])('of $what: "$flags", on mainnet alone', ({ height, hash, flags, elsewhere }) => {
    const bytes = fromDisplayHex<BlockHash>(hash)
    expect(flagsAt(height, mainnet, bytes)).toBe(flags)
    expect(flagsAt(height, mainnet)).not.toBe(flags)
    expect(flagsAt(height, regtest, bytes)).toBe(elsewhere)
  })
})

describe('isBip30Enforced', () => {
  const BIP34_HASH = '000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8'
  const REPEATS = [
    '00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec',
    '00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721',
  ]

  it.each([
    { what: 'an early block', height: 91_842, atBip34: undefined, is: true },
    { what: 'the first that repeats', height: 91_842, hash: REPEATS[0], is: false },
    { what: 'the second that repeats', height: 91_880, hash: REPEATS[1], is: false },
    { what: 'a block on the known chain', height: 227_932, atBip34: BIP34_HASH, is: false },
    { what: 'one on another chain', height: 227_932, atBip34: '00'.repeat(32), is: true },
    { what: 'the last that is safe', height: 1_983_701, atBip34: BIP34_HASH, is: false },
    { what: 'the first that is not', height: 1_983_702, atBip34: BIP34_HASH, is: true },
  ])('on mainnet, for $what at height $height: $is', ({ height, hash, atBip34, is }) => {
    const bytes = hash === undefined ? NO_HASH : fromDisplayHex<BlockHash>(hash)
    expect(isBip30Enforced(height, bytes, atBip34, mainnet)).toBe(is)
  })

  it.each([
    { bip34: 0, is: false },
    { bip34: 1, is: false },
    { bip34: 2, is: true },
  ])('where coinbases name heights from $bip34 on: $is', ({ bip34, is }) => {
    expect(isBip30Enforced(5, NO_HASH, '11'.repeat(32), createParams({ bip34 }))).toBe(is)
  })
})

describe('the versions that a header may have', () => {
  it.each([
    { deployment: 'bip34', height: 227_931, outdated: 1 },
    { deployment: 'bip66', height: 363_725, outdated: 2 },
    { deployment: 'bip65', height: 388_381, outdated: 3 },
  ])('end with $deployment at height $height', ({ height, outdated }) => {
    const { header } = mainnet.genesis
    const check = (at: number, version: number) => {
      const parent = linkUp([header.time], header.bits, at - 1)
      const child = { ...header, time: header.time + 600, version }
      contextualCheckHeader(child, parent, child.time, mainnet)
    }
    expect(() => check(height - 1, outdated)).not.toThrow()
    expect(() => check(height, outdated)).toThrow('bad-version')
    expect(() => check(height, -1)).toThrow('bad-version')
    expect(() => check(height, outdated + 1)).not.toThrow()
  })
})

const HEIGHT = 10

function createParams(deployments: object): ConsensusParams {
  return createConsensusParams(
    parseChainSpec({
      version: 1,
      name: 'deployments',
      genesis: { time: 1_700_000_000 },
      retarget: { targetSpacingSeconds: 10 },
      deployments,
    }),
  )
}

/** The parent of the block at {@link HEIGHT}; its hash does not matter. */
function placeParent(params: ConsensusParams): PlacedBlock {
  return { ...placeGenesis(params), height: HEIGHT - 1 }
}

function withCoinbaseScript(tx: Transaction, scriptSig: Uint8Array): Transaction {
  return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, scriptSig })) }
}

/** A transaction with a witness, which spends nothing that exists. */
function createWitnessed(from: Transaction): Transaction {
  const inputs = from.inputs.map((input) => ({
    ...input,
    prevout: { ...input.prevout, vout: 0 },
    witness: [Uint8Array.of(1)],
  }))
  return { ...from, inputs }
}

describe('the rules for a block that begin at a height', () => {
  it.each([
    { name: 'at the height', height: pushNumber(HEIGHT), code: undefined },
    { name: 'another height', height: pushNumber(HEIGHT + 1), code: 'bad-cb-height' },
    { name: 'no height', height: Uint8Array.of(1, 9), code: 'bad-cb-height' },
    { name: 'the height in a longer form', height: Uint8Array.of(2, 10, 0), code: 'bad-cb-height' },
  ])('bip34: a coinbase with $name', ({ height, code }) => {
    const check = (bip34: number) => {
      const params = createParams({ bip34 })
      const { block } = createBlock(placeParent(params), params, {
        changeCoinbase: (tx) => withCoinbaseScript(tx, Uint8Array.of(...height, 0, 0)),
      })
      contextualCheckBlock(block, HEIGHT, 0, params)
    }
    expect(() => check(HEIGHT + 1)).not.toThrow()
    if (code === undefined) expect(() => check(HEIGHT)).not.toThrow()
    else expect(() => check(HEIGHT)).toThrow(code)
  })

  it('segwit: a witness under a commitment, which nobody may send before', () => {
    const check = (segwit: number) => {
      const params = createParams({ segwit })
      const [coinbase] = params.genesis.transactions as [Transaction]
      const transactions = [createWitnessed(coinbase)]
      const { block } = createBlock(placeParent(params), params, { transactions })
      contextualCheckBlock(block, HEIGHT, 0, params)
    }
    expect(() => check(HEIGHT)).not.toThrow()
    expect(() => check(HEIGHT + 1)).toThrow('unexpected-witness')
  })
})
