import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Block,
  type BlockHash,
  computeWtxid,
  type Transaction,
  type Txid,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { BlockRebuild } from '../../src/sync/block-rebuild.ts'
import {
  createCompactBlock,
  decodeCompactBlock,
  encodeCompactBlock,
} from '../../src/sync/compact-block.ts'
import { DecodeError } from '../../src/util/index.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const nonce = fc.uint8Array({ minLength: 8, maxLength: 8 })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })

const transaction: fc.Arbitrary<Transaction> = fc.record({
  version: fc.constant(2),
  inputs: fc.array(
    fc.record({
      prevout: fc.record({ txid: hash.map((value) => value as Txid), vout: uint32 }),
      scriptSig: fc.uint8Array({ maxLength: 20 }),
      sequence: uint32,
      witness: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  outputs: fc.array(
    fc.record({
      value: fc.bigInt({ min: 0n, max: 1n << 50n }),
      scriptPubKey: fc.uint8Array({ maxLength: 400 }),
    }),
    { maxLength: 2 },
  ),
  lockTime: uint32,
})

const block: fc.Arbitrary<Block> = fc.record({
  header: fc.record({
    version: fc.constant(4),
    prevBlockHash: hash.map((value) => value as BlockHash),
    merkleRoot: hash,
    time: uint32,
    bits: uint32,
    nonce: uint32,
  }),
  transactions: fc.uniqueArray(transaction, {
    minLength: 1,
    maxLength: 20,
    selector: (tx) => toDisplayHex(computeWtxid(tx)),
  }),
})

describe('compact blocks', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(block, nonce, fc.func(fc.boolean()), (whole, salt, isKnown) => {
        const compact = createCompactBlock(whole, salt, isKnown)
        expect(decodeCompactBlock(encodeCompactBlock(compact))).toEqual(compact)
      }),
    )
  })

  it('are rebuilt whatever part of them is known', () => {
    fc.assert(
      fc.property(block, nonce, fc.infiniteStream(fc.boolean()), (whole, salt, coins) => {
        const toss = (): boolean => coins.next().value === true
        const bytes = encodeCompactBlock(createCompactBlock(whole, salt, toss))
        const rebuild = new BlockRebuild(decodeCompactBlock(bytes))
        rebuild.fill(whole.transactions.filter(toss))
        rebuild.complete(rebuild.listMissing().flatMap((index) => whole.transactions[index] ?? []))
        expect(rebuild.toBlock()).toEqual(whole)
      }),
    )
  })

  it('are decoded or refused, and rebuilt or not, whatever the bytes', () => {
    const damaged = fc
      .tuple(
        block,
        nonce,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      )
      .map(([whole, salt, changes]) => {
        const bytes = encodeCompactBlock(createCompactBlock(whole, salt, () => true))
        // Beyond the header, all of which is possible.
        for (const [place, value] of changes) bytes[80 + (place % (bytes.length - 80))] = value
        return { bytes, whole }
      })
    let refused = 0
    let decoded = 0
    fc.assert(
      fc.property(damaged, ({ bytes, whole }) => {
        try {
          const rebuild = new BlockRebuild(decodeCompactBlock(bytes))
          decoded += 1
          rebuild.fill(whole.transactions)
          expect(rebuild.toBlock() === undefined || rebuild.isComplete).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
          refused += 1
        }
      }),
      { numRuns: 500 },
    )
    expect(Math.min(decoded, refused)).toBeGreaterThan(10)
  })
})
