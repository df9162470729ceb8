import { describe, expect, it } from 'vitest'
import { decodeTransaction, type TxOut } from '../../../src/primitives/index.ts'
import {
  computeLegacySignatureHash,
  computeTaprootSignatureHash,
  computeWitnessV0SignatureHash,
  createKeyHashScript,
  precomputeTransactionData,
  SIGHASH_ALL,
  SIGHASH_ANYONECANPAY,
  SIGHASH_DEFAULT,
  SIGHASH_NONE,
  SIGHASH_SINGLE,
} from '../../../src/script/index.ts'
import { decodeHex, encodeHex, InvariantError } from '../../../src/util/index.ts'

/** BIP-0143's first example: two inputs, two outputs. */
const TX = decodeTransaction(
  decodeHex(
    '0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffff' +
      'ef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206' +
      '000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42db' +
      'ee7e4dbe6a21b2d50ce2f0167faa815988ac11000000',
  ),
)
const SCRIPT_CODE = createKeyHashScript(decodeHex('1d0f172a0ecb48aee1be1f2687d2963ae33f71a1'))
const SPENT: readonly TxOut[] = [
  { value: 625_000_000n, scriptPubKey: decodeHex('51') },
  { value: 600_000_000n, scriptPubKey: decodeHex('52') },
]
const shared = precomputeTransactionData(TX, SPENT)

/** The same transaction with something about it changed. */
const [first, second] = TX.inputs
const [output0, output1] = TX.outputs
if (!first || !second || !output0 || !output1) throw new RangeError('the example has two of each')
const CHANGES = {
  otherSequence: { ...TX, inputs: [{ ...first, sequence: 7 }, second] },
  otherPrevout: { ...TX, inputs: [{ ...first, prevout: { ...first.prevout, vout: 7 } }, second] },
  ownSequence: { ...TX, inputs: [first, { ...second, sequence: 7 }] },
  otherOutput: { ...TX, outputs: [{ ...output0, value: 1n }, output1] },
  ownOutput: { ...TX, outputs: [output0, { ...output1, value: 1n }] },
  lockTime: { ...TX, lockTime: 7 },
  version: { ...TX, version: 2 },
}
type Change = keyof typeof CHANGES

/** What each hash type lets others change, when the second input is signed. */
const FREE: readonly (readonly [number, readonly Change[]])[] = [
  [SIGHASH_ALL, []],
  [SIGHASH_NONE, ['otherSequence', 'otherOutput', 'ownOutput']],
  [SIGHASH_SINGLE, ['otherSequence', 'otherOutput']],
  [SIGHASH_ALL | SIGHASH_ANYONECANPAY, ['otherSequence', 'otherPrevout']],
  [
    SIGHASH_NONE | SIGHASH_ANYONECANPAY,
    ['otherSequence', 'otherPrevout', 'otherOutput', 'ownOutput'],
  ],
  [SIGHASH_SINGLE | SIGHASH_ANYONECANPAY, ['otherSequence', 'otherPrevout', 'otherOutput']],
]

function hashLegacy(tx: typeof TX, hashType: number): string {
  return encodeHex(computeLegacySignatureHash(tx, 1, SCRIPT_CODE, hashType))
}

function hashWitnessV0(tx: typeof TX, hashType: number): string {
  const data = precomputeTransactionData(tx, SPENT)
  return encodeHex(computeWitnessV0SignatureHash(tx, 1, SCRIPT_CODE, 600_000_000n, hashType, data))
}

function hashTaproot(tx: typeof TX, hashType: number): string {
  const data = precomputeTransactionData(tx, SPENT)
  const hash = computeTaprootSignatureHash(tx, 1, SPENT, hashType, data)
  return hash === undefined ? 'none' : encodeHex(hash)
}

describe.each([
  { name: 'legacy', compute: hashLegacy, signsAllSequences: false },
  { name: 'BIP-0143', compute: hashWitnessV0, signsAllSequences: false },
  // BIP-0341 has every input that it signs sign its sequence.
  { name: 'BIP-0341', compute: hashTaproot, signsAllSequences: true },
])('the $name hash', ({ compute, signsAllSequences }) => {
  it.each(FREE)('of type %i lets exactly so much be changed', (hashType, free) => {
    const expected = free.filter(
      (change) =>
        change !== 'otherSequence' || !signsAllSequences || (hashType & SIGHASH_ANYONECANPAY) !== 0,
    )
    const hash = compute(TX, hashType)
    const unchanged = Object.entries(CHANGES)
      .filter(([, changed]) => compute(changed, hashType) === hash)
      .map(([change]) => change)
    expect(unchanged.toSorted()).toEqual(expected.toSorted())
  })
})

describe('signature hashes', () => {
  it('BIP-0143’s example', () => {
    expect(hashWitnessV0(TX, SIGHASH_ALL)).toBe(
      'c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670',
    )
  })

  it('legacy SIGHASH_SINGLE without a matching output is the number one', () => {
    const short = { ...TX, outputs: [output0] }
    expect(hashLegacy(short, SIGHASH_SINGLE)).toBe(`01${'00'.repeat(31)}`)
    expect(hashWitnessV0(short, SIGHASH_SINGLE)).not.toBe(`01${'00'.repeat(31)}`)
    expect(hashTaproot(short, SIGHASH_SINGLE)).toBe('none')
  })

  it('legacy hashes leave code separators out', () => {
    const separated = decodeHex(`ab${encodeHex(SCRIPT_CODE)}ab`)
    const hash = computeLegacySignatureHash(TX, 1, separated, SIGHASH_ALL)
    expect(encodeHex(hash)).toBe(hashLegacy(TX, SIGHASH_ALL))
  })

  it('taproot knows seven hash types', () => {
    const known = Array.from({ length: 256 }, (_, hashType) => hashType).filter(
      (hashType) => hashTaproot(TX, hashType) !== 'none',
    )
    expect(known).toEqual([0, 1, 2, 3, 0x81, 0x82, 0x83])
  })

  it('taproot signs amounts, scripts, annex and place in the tapscript', () => {
    const leafHash = new Uint8Array(32)
    const position = { leafHash, codeSeparatorPosition: 0xffff_ffff }
    const hash = (...rest: [Uint8Array?, typeof position?]) =>
      encodeHex(
        computeTaprootSignatureHash(TX, 1, SPENT, SIGHASH_DEFAULT, shared, ...rest) ?? leafHash,
      )
    const otherSpent = SPENT.map((output) => ({ ...output, value: output.value + 1n }))
    const other = precomputeTransactionData(TX, otherSpent)
    const all = [
      hash(),
      hash(leafHash),
      hash(undefined, position),
      hash(undefined, { ...position, codeSeparatorPosition: 0 }),
      hash(undefined, { ...position, leafHash: new Uint8Array(32).fill(1) }),
      encodeHex(computeTaprootSignatureHash(TX, 1, otherSpent, SIGHASH_DEFAULT, other) ?? leafHash),
    ]
    expect(new Set(all).size).toBe(all.length)
  })

  it('of an input that is not there are a bug of the caller', () => {
    expect(() => computeLegacySignatureHash(TX, 2, SCRIPT_CODE, SIGHASH_ALL)).toThrow(
      InvariantError,
    )
  })
})
