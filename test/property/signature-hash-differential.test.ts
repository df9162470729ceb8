import { Transaction as BitcoinjsTransaction } from 'bitcoinjs-lib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeTransaction, type Transaction, type Txid } from '../../src/primitives/index.ts'
import {
  computeAnnexHash,
  computeLegacySignatureHash,
  computeTaprootSignatureHash,
  computeWitnessV0SignatureHash,
  precomputeTransactionData,
  SIGHASH_SINGLE,
} from '../../src/script/index.ts'
import { encodeHex } from '../../src/util/index.ts'

const RUNS = 3_000
const OP_CODESEPARATOR = 0xab
/** What is signed where no separator was executed (BIP-0342). */
const NO_SEPARATOR = 0xffff_ffff
const ONE = `01${'00'.repeat(31)}`

const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const amount = fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n })

const transaction: fc.Arbitrary<Transaction> = fc.record({
  version: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  inputs: fc.array(
    fc.record({
      prevout: fc.record({ txid: bytes(32, 32).map((txid) => txid as Txid), vout: uint32 }),
      scriptSig: bytes(0, 20),
      sequence: uint32,
      witness: fc.array(bytes(0, 20), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  outputs: fc.array(fc.record({ value: amount, scriptPubKey: bytes(0, 40) }), {
    minLength: 1,
    maxLength: 5,
  }),
  lockTime: uint32,
})

/** Whole scripts: pushes that bitcoinjs-lib writes as they came, plain opcodes, now and then separators. */
const script = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: bytes(2, 75).map((data) => [data.length, ...data]) },
      { weight: 3, arbitrary: fc.integer({ min: 0x51, max: 0xb9 }).map((opcode) => [opcode]) },
      { weight: 1, arbitrary: fc.constant([OP_CODESEPARATOR]) },
    ),
    { maxLength: 12 },
  )
  .map((parts) => Uint8Array.from(parts.flat()))

/** The usual ones, and any byte at all. */
const hashType = fc.oneof(
  fc.constantFrom(0x01, 0x02, 0x03, 0x81, 0x82, 0x83),
  fc.integer({ min: 0, max: 0xff }),
)

/** Spent outputs for as many inputs as there may be. */
const spentOutputs = fc.array(fc.record({ value: amount, scriptPubKey: bytes(0, 40) }), {
  minLength: 5,
  maxLength: 5,
})

function read(tx: Transaction): BitcoinjsTransaction {
  return BitcoinjsTransaction.fromBuffer(encodeTransaction(tx))
}

describe('signature hashes are those of bitcoinjs-lib', () => {
  it('of legacy inputs, beyond the last output too', () => {
    fc.assert(
      fc.property(transaction, fc.nat(4), script, hashType, (tx, nth, code, type) => {
        const index = nth % tx.inputs.length
        const ours = encodeHex(computeLegacySignatureHash(tx, index, code, type))
        // To sign an output that is not there is to sign the number one: of which Bitcoin Core takes the bytes as
        // they lie in memory (sighash.json has such cases), and bitcoinjs-lib those that are written.
        const isOne = (type & 0x1f) === SIGHASH_SINGLE && index >= tx.outputs.length
        if (isOne) expect(ours).toBe(ONE)
        else expect(ours).toBe(encodeHex(read(tx).hashForSignature(index, code, type)))
      }),
      { numRuns: RUNS },
    )
  })

  it('of witnesses of version 0', () => {
    fc.assert(
      fc.property(
        transaction,
        fc.nat(4),
        script,
        hashType,
        spentOutputs,
        (tx, nth, code, type, spent) => {
          const index = nth % tx.inputs.length
          const outputs = spent.slice(0, tx.inputs.length)
          const value = outputs[index]?.value ?? 0n
          const data = precomputeTransactionData(tx, outputs)
          expect(encodeHex(computeWitnessV0SignatureHash(tx, index, code, value, type, data))).toBe(
            encodeHex(read(tx).hashForWitnessV0(index, code, value, type)),
          )
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('of taproot, by key and by script, with and without annex', () => {
    const leaf = fc.option(bytes(32, 32), { nil: undefined })
    const annex = fc.option(
      bytes(0, 40).map((rest) => Uint8Array.of(0x50, ...rest)),
      { nil: undefined },
    )
    // bitcoinjs-lib has room for scripts of exactly this size.
    const taprootOutputs = fc.array(fc.record({ value: amount, scriptPubKey: bytes(34, 34) }), {
      minLength: 5,
      maxLength: 5,
    })
    const type = fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x81, 0x82, 0x83)
    fc.assert(
      fc.property(
        transaction,
        fc.nat(4),
        type,
        taprootOutputs,
        leaf,
        annex,
        (tx, nth, hash, spent, leafHash, annexBytes) => {
          const index = nth % tx.inputs.length
          const outputs = spent.slice(0, tx.inputs.length)
          const data = precomputeTransactionData(tx, outputs)
          const ours = computeTaprootSignatureHash(
            tx,
            index,
            outputs,
            hash,
            data,
            annexBytes && computeAnnexHash(annexBytes),
            leafHash && { leafHash, codeSeparatorPosition: NO_SEPARATOR },
          )
          if (ours === undefined) {
            // It signs an output that is not there, which bitcoinjs-lib does not refuse.
            expect((hash & 3) === 3 && index >= tx.outputs.length).toBe(true)
            return
          }
          const scripts = outputs.map(({ scriptPubKey }) => scriptPubKey)
          const values = outputs.map(({ value }) => value)
          const theirs = read(tx).hashForWitnessV1(
            index,
            scripts,
            values,
            hash,
            leafHash,
            annexBytes,
          )
          expect(encodeHex(ours)).toBe(encodeHex(theirs))
        },
      ),
      { numRuns: RUNS },
    )
  })
})
