import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import {
  computeWtxid,
  encodeHeader,
  encodeTransaction,
  HEADER_SIZE,
  type Transaction,
} from '../../../src/primitives/index.ts'
import {
  createCompactBlock,
  decodeCompactBlock,
  encodeCompactBlock,
  MAX_BLOCK_TRANSACTIONS,
  MAX_PREFILLED_BYTES,
} from '../../../src/sync/compact-block.ts'
import { concatBytes, DecodeError } from '../../../src/util/index.ts'
import { createBallast, spendOpen } from '../../support/open-spends.ts'
import { createFullBlock, createRelayScene } from '../../support/relay-scene.ts'

const params = createConsensusParams(REGTEST_SPEC)
const scene = createRelayScene(params, 5)
const { block } = createFullBlock(scene, params, scene.transactions)
const [coinbase] = block.transactions
const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

const MASK = (1n << 64n) - 1n

/** SipHash-2-4 again, from the paper's description, with bigints. */
function sipHashOf(key: Buffer, message: Buffer): bigint {
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)]
  const v = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ] as [bigint, bigint, bigint, bigint]
  const rotate = (x: bigint, by: bigint) => ((x << by) | (x >> (64n - by))) & MASK
  const halfRound = (a: 0 | 2, b: 1 | 3, c: 0 | 2, d: 1 | 3, s: bigint, t: bigint) => {
    v[a] = (v[a] + v[b]) & MASK
    v[c] = (v[c] + v[d]) & MASK
    v[b] = rotate(v[b], s) ^ v[a]
    v[d] = rotate(v[d], t) ^ v[c]
    v[a] = rotate(v[a], 32n)
  }
  const round = () => {
    halfRound(0, 1, 2, 3, 13n, 16n)
    halfRound(2, 1, 0, 3, 17n, 21n)
  }
  const padded = Buffer.alloc(Math.floor(message.length / 8) * 8 + 8)
  message.copy(padded)
  padded[padded.length - 1] = message.length
  for (let offset = 0; offset < padded.length; offset += 8) {
    const word = padded.readBigUInt64LE(offset)
    v[3] ^= word
    round()
    round()
    v[0] ^= word
  }
  v[2] ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  return v[0] ^ v[1] ^ v[2] ^ v[3]
}

/** BIP-0152's short id, by other means. */
function shortIdOf(tx: Transaction): number {
  const key = createHash('sha256').update(encodeHeader(block.header)).update(NONCE).digest()
  return Number(sipHashOf(key, Buffer.from(computeWtxid(tx))) & 0xffff_ffff_ffffn)
}

const isKnown = (): boolean => true

describe('createCompactBlock', () => {
  it('has the coinbase and BIP-0152 short ids of all else', () => {
    const compact = createCompactBlock(block, NONCE, isKnown)
    expect(compact.prefilled).toEqual([{ index: 0, tx: coinbase }])
    expect(compact.shortIds).toEqual(scene.transactions.map(shortIdOf))
    expect(new Set(compact.shortIds).size).toBe(5)
  })

  it('sends along what others lack, up to a bound', () => {
    const [first, second, third] = scene.transactions
    if (first === undefined || second === undefined || third === undefined) throw new RangeError()
    const large = (tx: Transaction) => ({
      ...tx,
      outputs: [...tx.outputs, createBallast(MAX_PREFILLED_BYTES / 2)],
    })
    const transactions = [large(first), large(second), third]
    const full = createFullBlock(scene, params, transactions).block
    const { prefilled, shortIds } = createCompactBlock(full, NONCE, () => false)
    expect(prefilled.map(({ index }) => index)).toEqual([0, 1, 3])
    expect(shortIds).toHaveLength(1)
  })
})

describe('encodeCompactBlock', () => {
  it('writes the bytes of the BIP', () => {
    const [one, , three] = scene.transactions
    if (coinbase === undefined || one === undefined || three === undefined) throw new RangeError()
    const compact = {
      header: block.header,
      nonce: NONCE,
      shortIds: [0x0605_0403_0201, 0xffff_ffff_ffff],
      prefilled: [
        { index: 0, tx: coinbase },
        { index: 1, tx: one },
        { index: 3, tx: three },
      ],
    }
    expect(encodeCompactBlock(compact)).toEqual(
      concatBytes(
        encodeHeader(block.header),
        NONCE,
        Uint8Array.of(2, 1, 2, 3, 4, 5, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
        Uint8Array.of(3),
        Uint8Array.of(0),
        encodeTransaction(coinbase),
        Uint8Array.of(0),
        encodeTransaction(one),
        Uint8Array.of(1),
        encodeTransaction(three),
      ),
    )
  })
})

describe('decodeCompactBlock', () => {
  const bytes = encodeCompactBlock(createCompactBlock(block, NONCE, isKnown))
  const start = bytes.subarray(0, HEADER_SIZE + NONCE.length)

  it('gives back what was encoded', () => {
    expect(decodeCompactBlock(bytes)).toEqual(createCompactBlock(block, NONCE, isKnown))
  })

  it('refuses it cut anywhere, and with more behind it', () => {
    for (let size = 0; size < bytes.length; size++) {
      expect(() => decodeCompactBlock(bytes.subarray(0, size)), `${size}`).toThrow(DecodeError)
    }
    expect(() => decodeCompactBlock(concatBytes(bytes, Uint8Array.of(0)))).toThrow(DecodeError)
  })

  it('refuses a block without transactions', () => {
    expect(() => decodeCompactBlock(concatBytes(start, Uint8Array.of(0, 0)))).toThrow(DecodeError)
  })

  it('refuses a prefilled transaction beyond the end', () => {
    const tx = encodeTransaction(
      spendOpen([{ tx: block.transactions[1] as Transaction, vout: 0 }], 1n),
    )
    const twoOf = (first: number, second: number) =>
      concatBytes(start, Uint8Array.of(0, 2, first), tx, Uint8Array.of(second), tx)
    expect(decodeCompactBlock(twoOf(0, 0)).prefilled).toHaveLength(2)
    expect(() => decodeCompactBlock(twoOf(0, 1))).toThrow(DecodeError)
    expect(() => decodeCompactBlock(twoOf(2, 0))).toThrow(DecodeError)
    // All places are taken, so that there is none for the last.
    expect(() => decodeCompactBlock(twoOf(1, 0))).toThrow(DecodeError)
  })

  it('refuses more transactions than a block can have', () => {
    const many = (count: number) =>
      concatBytes(
        start,
        Uint8Array.of(0xfd, count & 0xff, count >> 8),
        new Uint8Array(6 * count),
        Uint8Array.of(0),
      )
    expect(decodeCompactBlock(many(MAX_BLOCK_TRANSACTIONS)).shortIds).toHaveLength(16_666)
    expect(() => decodeCompactBlock(many(MAX_BLOCK_TRANSACTIONS + 1))).toThrow(DecodeError)
  })
})
