import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import {
  computeBlockSize,
  computeTransactionSize,
  encodeBlock,
  encodeTransaction,
  encodeTransactionWithoutWitness,
  type Transaction,
  type Txid,
} from '../../src/primitives/index.ts'

/** Lengths around the places where a compact size grows by two bytes and by four. */
const length = fc.oneof(
  fc.nat(80),
  fc.constantFrom(0, 252, 253, 254),
  fc.constantFrom(65_535, 65_536),
)
const script = length.map((size) => new Uint8Array(size))

const transaction: fc.Arbitrary<Transaction> = fc.record({
  version: fc.constant(2),
  inputs: fc.array(
    fc.record({
      prevout: fc.record({
        txid: fc.constant(new Uint8Array(32) as Txid),
        vout: fc.nat(),
      }),
      scriptSig: script,
      sequence: fc.nat(),
      witness: fc.array(script, { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  outputs: fc.array(fc.record({ value: fc.nat().map(BigInt), scriptPubKey: script }), {
    maxLength: 3,
  }),
  lockTime: fc.nat(),
})

describe('measured sizes', () => {
  it('are those of the encodings', () => {
    const { genesis } = createConsensusParams(REGTEST_SPEC)
    fc.assert(
      fc.property(transaction, fc.constantFrom(0, 1, 252, 253), (tx, count) => {
        const size = computeTransactionSize(tx)
        expect(size.strippedSize).toBe(encodeTransactionWithoutWitness(tx).length)
        expect(size.totalSize).toBe(encodeTransaction(tx).length)
        expect(size.weight).toBe(size.strippedSize * 3 + size.totalSize)
        const small = { ...tx, inputs: tx.inputs.slice(0, 1), outputs: [] }
        const block = { ...genesis, transactions: Array.from({ length: count }, () => small) }
        expect(computeBlockSize(block).totalSize).toBe(encodeBlock(block).length)
      }),
      { numRuns: 50 },
    )
  })
})
