import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Block,
  type BlockHash,
  type BlockHeader,
  decodeBlock,
  decodeHeader,
  decodeTransaction,
  encodeBlock,
  encodeHeader,
  encodeTransaction,
  hashPair,
  sha256d,
  type Transaction,
  type Txid,
} from '../../src/primitives/index.ts'
import { concatBytes, DecodeError } from '../../src/util/index.ts'

const bytes = (max: number) => fc.uint8Array({ maxLength: max })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })

const header: fc.Arbitrary<BlockHeader> = fc.record({
  version: int32,
  prevBlockHash: hash.map((value) => value as BlockHash),
  merkleRoot: hash,
  time: uint32,
  bits: uint32,
  nonce: uint32,
})

const transaction: fc.Arbitrary<Transaction> = fc.record({
  version: int32,
  inputs: fc.array(
    fc.record({
      prevout: fc.record({ txid: hash.map((value) => value as Txid), vout: uint32 }),
      scriptSig: bytes(300),
      sequence: uint32,
      witness: fc.array(bytes(80), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  outputs: fc.array(
    fc.record({
      value: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
      scriptPubKey: bytes(80),
    }),
    { maxLength: 4 },
  ),
  lockTime: uint32,
})

const block: fc.Arbitrary<Block> = fc.record({
  header,
  transactions: fc.array(transaction, { maxLength: 3 }),
})

/** Runs a decoder on bytes that may be anything: it must succeed or throw a DecodeError. */
function expectDecodedOrRefused(decode: (bytes: Uint8Array) => unknown, input: Uint8Array): void {
  try {
    decode(input)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
  }
}

describe('codecs', () => {
  it('decode what they encode', () => {
    fc.assert(
      fc.property(header, (value) => {
        expect(decodeHeader(encodeHeader(value))).toEqual(value)
      }),
    )
    fc.assert(
      fc.property(transaction, (value) => {
        expect(decodeTransaction(encodeTransaction(value))).toEqual(value)
      }),
    )
    fc.assert(
      fc.property(block, (value) => {
        expect(decodeBlock(encodeBlock(value))).toEqual(value)
      }),
    )
  })

  it('refuse trailing bytes and every shorter prefix', () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (value, at) => {
        const encoded = encodeTransaction(value)
        expect(() => decodeTransaction(Uint8Array.of(...encoded, 0))).toThrow('trailing-bytes')
        const cut = encoded.subarray(0, at % encoded.length)
        expect(() => decodeTransaction(cut)).toThrow(DecodeError)
      }),
    )
  })

  it('throw nothing but DecodeError on random and on mutated bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (input) => {
        expectDecodedOrRefused(decodeTransaction, input)
        expectDecodedOrRefused(decodeBlock, input)
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(block, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const encoded = encodeBlock(value)
        const index = at % encoded.length
        encoded[index] = (encoded[index] ?? 0) ^ flip
        expectDecodedOrRefused(decodeBlock, encoded)
      }),
      { numRuns: 500 },
    )
  })

  it('never allocate by a claimed count', () => {
    // A header, then a count of 2^32 transactions with nothing behind it.
    const claim = new Uint8Array(80 + 9)
    claim.set([0xff, 0, 0, 0, 0, 1, 0, 0, 0], 80)
    expect(() => decodeBlock(claim)).toThrow('unexpected-end')
    // A transaction that claims 2^53 inputs.
    const inputs = Uint8Array.of(1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0)
    expect(() => decodeTransaction(inputs)).toThrow(DecodeError)
  })

  it('refuse counts that are not in their shortest form', () => {
    const long = Uint8Array.of(1, 0, 0, 0, 0xfd, 0x01, 0x00)
    expect(() => decodeTransaction(long)).toThrow('non-canonical')
  })
})

describe('the hash of a pair', () => {
  it('is SHA-256d of both, one behind the other', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(hash, hash, (left, right) => {
        expect(hashPair(left, right)).toEqual(sha256d(concatBytes(left, right)))
      }),
      { numRuns: 500 },
    )
  })
})
