import { describe, expect, it } from 'vitest'
import {
  areSequenceLocksMet,
  type Coin,
  CoinsView,
  type ConsensusParams,
  connectBlock,
  contextualCheckBlock,
  createConsensusParams,
  isFinal,
  parseChainSpec,
} from '../../../src/consensus/index.ts'
import {
  outPointKey,
  SEQUENCE_FINAL,
  type Transaction,
  type Txid,
} from '../../../src/primitives/index.ts'
import { createBlock, OP_TRUE_SCRIPT, placeGenesis } from '../../support/chain-generator.ts'

/** Spends one output for each sequence. */
function createSpend(sequences: readonly number[], version: number, lockTime = 0): Transaction {
  const inputs = sequences.map((sequence, vout) => ({
    prevout: { txid: new Uint8Array(32).fill(7) as Txid, vout },
    scriptSig: new Uint8Array(0),
    sequence,
    witness: [],
  }))
  return { version, inputs, outputs: [{ value: 1n, scriptPubKey: OP_TRUE_SCRIPT }], lockTime }
}

function createCoin(height: number): Coin {
  return { output: { value: 1n, scriptPubKey: OP_TRUE_SCRIPT }, height, isCoinbase: false }
}

const DISABLED = 0x8000_0000
const TIME = 0x0040_0000
const COIN_HEIGHT = 100
/** Every block’s median time past tells its height. */
const medianTimePastAt = (height: number): number => 1_000_000 + height * 10_000
/** A lock of time begins with the block before the coin’s. */
const START = medianTimePastAt(COIN_HEIGHT - 1)
const LONG = 0xffff

interface LockRow {
  readonly name: string
  readonly sequences: readonly number[]
  readonly version?: number
  readonly coinHeight?: number
  readonly height?: number
  /** Of the parent. */
  readonly medianTimePast?: number
  readonly isMet: boolean
}

const HEIGHT_ROWS: readonly LockRow[] = [
  { name: 'one block early', sequences: [10], height: 109, isMet: false },
  { name: 'at its height', sequences: [10], height: 110, isMet: true },
  { name: 'no blocks, in the coin’s own block', sequences: [0], height: 100, isMet: true },
  { name: 'one block, in the coin’s own block', sequences: [1], height: 100, isMet: false },
  { name: 'the most blocks, one early', sequences: [LONG], height: 100 + LONG - 1, isMet: false },
  { name: 'the most blocks', sequences: [LONG], height: 100 + LONG, isMet: true },
  { name: 'bits that mean nothing', sequences: [0x003f_0001], height: 101, isMet: true },
  { name: 'bits that mean nothing, early', sequences: [0x003f_0001], height: 100, isMet: false },
]

const TIME_ROWS: readonly LockRow[] = [
  { name: '512 s, one early', sequences: [TIME | 1], medianTimePast: START + 511, isMet: false },
  { name: '512 s', sequences: [TIME | 1], medianTimePast: START + 512, isMet: true },
  { name: '1024 s, one early', sequences: [TIME | 2], medianTimePast: START + 1_023, isMet: false },
  { name: '1024 s', sequences: [TIME | 2], medianTimePast: START + 1_024, isMet: true },
  { name: 'no time, one early', sequences: [TIME], medianTimePast: START - 1, isMet: false },
  { name: 'no time', sequences: [TIME], medianTimePast: START, isMet: true },
  {
    name: 'the most time, one early',
    sequences: [TIME | LONG],
    medianTimePast: START + LONG * 512 - 1,
    isMet: false,
  },
  {
    name: 'the most time',
    sequences: [TIME | LONG],
    medianTimePast: START + LONG * 512,
    isMet: true,
  },
  {
    name: 'a coin as old as genesis, one early',
    sequences: [TIME | 1],
    coinHeight: 0,
    medianTimePast: medianTimePastAt(0) + 511,
    isMet: false,
  },
  {
    name: 'a coin as old as genesis',
    sequences: [TIME | 1],
    coinHeight: 0,
    medianTimePast: medianTimePastAt(0) + 512,
    isMet: true,
  },
]

const SCOPE_ROWS: readonly LockRow[] = [
  { name: 'version 0', sequences: [LONG], version: 0, isMet: true },
  { name: 'version 1', sequences: [LONG], version: 1, isMet: true },
  { name: 'version 2', sequences: [LONG], version: 2, isMet: false },
  { name: 'version 3', sequences: [LONG], version: 3, isMet: false },
  { name: 'a version that counts as huge', sequences: [LONG], version: -1, isMet: false },
  { name: 'blocks, disabled', sequences: [DISABLED | LONG], isMet: true },
  { name: 'time, disabled', sequences: [DISABLED | TIME | LONG], isMet: true },
  { name: 'the final sequence', sequences: [SEQUENCE_FINAL], isMet: true },
  { name: 'the last of two locks not met', sequences: [1, LONG], isMet: false },
  { name: 'the first of two locks not met', sequences: [LONG, 1], isMet: false },
  { name: 'both of two locks met', sequences: [1, 2], isMet: true },
]

describe('areSequenceLocksMet (BIP-0068)', () => {
  it.each([...HEIGHT_ROWS, ...TIME_ROWS, ...SCOPE_ROWS])('$name: $isMet', (row) => {
    const { sequences, version = 2, coinHeight = COIN_HEIGHT, height = COIN_HEIGHT + 50 } = row
    const { medianTimePast = medianTimePastAt(height - 1) } = row
    // As in a transaction: unsigned.
    const tx = createSpend(
      sequences.map((sequence) => sequence >>> 0),
      version,
    )
    const spent = sequences.map(() => createCoin(coinHeight))
    expect(areSequenceLocksMet(tx, spent, height, medianTimePast, medianTimePastAt)).toBe(row.isMet)
  })
})

describe('isFinal', () => {
  const HEIGHT = 700_000
  const CUTOFF = 1_600_000_000

  it.each([
    { name: 'none', lockTime: 0, isIt: true },
    { name: 'the height before', lockTime: HEIGHT - 1, isIt: true },
    { name: 'this height', lockTime: HEIGHT, isIt: false },
    { name: 'the last height', lockTime: 499_999_999, isIt: false },
    { name: 'the first time', lockTime: 500_000_000, isIt: true },
    { name: 'a second before the cutoff', lockTime: CUTOFF - 1, isIt: true },
    { name: 'the cutoff', lockTime: CUTOFF, isIt: false },
    { name: 'the last time', lockTime: 0xffff_ffff, isIt: false },
    { name: 'this height, all final', lockTime: HEIGHT, sequences: [SEQUENCE_FINAL], isIt: true },
    {
      name: 'this height, one of two final',
      lockTime: HEIGHT,
      sequences: [SEQUENCE_FINAL, SEQUENCE_FINAL - 1],
      isIt: false,
    },
  ])('a lock time of $name: $isIt', ({ lockTime, sequences = [0], isIt }) => {
    expect(isFinal(createSpend(sequences, 2, lockTime), HEIGHT, CUTOFF)).toBe(isIt)
  })
})

const HEIGHT = 1

function createParams(csv: number): ConsensusParams {
  return createConsensusParams(
    parseChainSpec({
      version: 1,
      name: 'locks',
      genesis: { time: 1_700_000_000 },
      retarget: { targetSpacingSeconds: 10 },
      deployments: { csv },
    }),
  )
}

describe('locks bind in a block', () => {
  const TIME_OF_BLOCK = 1_700_000_500
  const MEDIAN = 1_700_000_100

  it.each([
    { what: 'before the median time past', lockTime: MEDIAN - 1, before: true, from: true },
    { what: 'at the median time past', lockTime: MEDIAN, before: true, from: false },
    { what: 'before the block’s time', lockTime: TIME_OF_BLOCK - 1, before: true, from: false },
    { what: 'at the block’s time', lockTime: TIME_OF_BLOCK, before: false, from: false },
  ])('to a time, $what (BIP-0113)', ({ lockTime, before, from }) => {
    const isAccepted = (csv: number): boolean => {
      const params = createParams(csv)
      const transactions = [createSpend([0], 2, lockTime)]
      const wishes = { time: TIME_OF_BLOCK, transactions }
      const { block } = createBlock(placeGenesis(params), params, wishes)
      try {
        contextualCheckBlock(block, HEIGHT, MEDIAN, params)
        return true
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-txns-nonfinal' })
        return false
      }
    }
    expect([isAccepted(HEIGHT + 1), isAccepted(HEIGHT)]).toEqual([before, from])
  })

  it('to the age of a coin, once that rule is active', () => {
    const connect = (csv: number, sequence: number) => {
      const params = createParams(csv)
      const tx = createSpend([sequence], 2)
      const { block, hash } = createBlock(placeGenesis(params), params, { transactions: [tx] })
      const coins = new Map(tx.inputs.map(({ prevout }) => [outPointKey(prevout), createCoin(0)]))
      connectBlock(block, new CoinsView(coins), {
        height: HEIGHT,
        hash,
        enforcesBip30: false,
        parentMedianTimePast: MEDIAN,
        medianTimePastAt: () => MEDIAN,
        params,
      })
    }
    expect(() => connect(HEIGHT, HEIGHT)).not.toThrow()
    expect(() => connect(HEIGHT, HEIGHT + 1)).toThrow('bad-txns-nonfinal')
    expect(() => connect(HEIGHT + 1, HEIGHT + 1)).not.toThrow()
  })
})
